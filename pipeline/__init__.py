"""From a Gin file to trained, scored and selected models, one stage a room."""

__version__ = "0.2.0"
