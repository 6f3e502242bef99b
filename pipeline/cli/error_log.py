"""The file that keeps the tracebacks of a command: what the terminal says is one line."""

import contextlib
import logging
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pipeline
from pipeline.cli.parser import default_cache
from pipeline.errors import LOGGER
from pipeline.runs.directory import RunDirectory


class ErrorLog(logging.Handler):
    """Appends tracebacks to errors.log of a run; of a command without a run, of the cache folder.

    The file appears with the first error. A log that cannot be written ends no command.

    Args:
        arguments: Of the command line, which every entry begins with.
    """

    def __init__(self, arguments: Sequence[str]):
        super().__init__(logging.ERROR)
        self._command = shlex.join(["run_pipeline.py", *arguments])
        self._run: Path | None = None
        self._written: list[Path] = []

    def belongs_to(self, run: Path) -> None:
        """Keep what follows in a run directory, once there is one."""
        self._run = run

    def emit(self, record: logging.LogRecord) -> None:
        """Append an entry: when, which version and command, what failed, the traceback."""
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        head = f"{now}  pipeline {pipeline.__version__}  {self._command}"
        with contextlib.suppress(OSError, ValueError):  # ValueError: there is no place for a cache
            folder = self._run if self._run is not None and self._run.is_dir() else default_cache()
            folder.mkdir(parents=True, exist_ok=True)
            path = RunDirectory(folder).errors_log
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{head}\n{logging.Formatter().format(record)}\n\n")
            self._written.append(path)

    @property
    def hint(self) -> str:
        """Where the tracebacks are, as the end of a message; empty where there are none."""
        return f" [traceback: {self._written[-1]}]" if self._written else ""


@contextlib.contextmanager
def error_log(arguments: Sequence[str]) -> Iterator[ErrorLog]:
    """Keep the tracebacks of what goes wrong inside the block."""
    log = ErrorLog(arguments)
    LOGGER.addHandler(log)
    try:
        yield log
    finally:
        LOGGER.removeHandler(log)


def current_error_log() -> ErrorLog | None:
    """Return the log of the command that runs now; None outside of any."""
    return next((one for one in reversed(LOGGER.handlers) if isinstance(one, ErrorLog)), None)


def keep_errors_in(run: Path) -> None:
    """Keep tracebacks of the command that runs now in a run directory."""
    log = current_error_log()
    if log is not None:
        log.belongs_to(run)
