"""From a Gin file to trained, scored and selected models, one stage a module."""

__version__ = "0.1.0"
