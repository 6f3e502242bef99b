"""The two ways in which a run ends badly, apart from defects, and who is told of tracebacks."""

import logging

# Told of every failed task, stage and command; the command line keeps it in a file of the run.
LOGGER = logging.getLogger(__name__)
LOGGER.addHandler(logging.NullHandler())
LOGGER.propagate = False


class ConfigurationError(ValueError):
    """The command line or a Gin file asks for something impossible: exit code 2."""


class StageError(RuntimeError):
    """A stage could not do its work; what was finished is kept: exit code 1."""
