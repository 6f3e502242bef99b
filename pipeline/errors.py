"""The two ways in which a run ends badly, apart from defects, and who is told of tracebacks."""

import difflib
import logging
from collections.abc import Iterable

# Told of every failed task, stage and command; the command line keeps it in a file of the run.
LOGGER = logging.getLogger(__name__)
LOGGER.addHandler(logging.NullHandler())
LOGGER.propagate = False


class ConfigurationError(ValueError):
    """The command line or a Gin file asks for something impossible: exit code 2."""


class StageError(RuntimeError):
    """A stage could not do its work; what was finished is kept: exit code 1."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest of the known names, ending in a space; or "".

    Args:
        name: What was given.
        known: The names that would have been right.
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]!r}? " if near else ""
