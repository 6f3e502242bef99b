"""The two ways in which a run ends badly, apart from defects."""


class ConfigurationError(ValueError):
    """The command line or a Gin file asks for something impossible: exit code 2."""


class StageError(RuntimeError):
    """A stage could not do its work; what was finished is kept: exit code 1."""
