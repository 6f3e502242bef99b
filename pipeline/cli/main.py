"""From arguments to an exit code: the command is found, and errors end in one line."""

import os
import sys
from collections.abc import Sequence

from pipeline.cli import run
from pipeline.cli.commands import COMMANDS, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE
from pipeline.cli.error_log import ErrorLog, error_log
from pipeline.cli.streams import reliable_streams
from pipeline.errors import LOGGER, ConfigurationError, StageError
from pipeline.execution.interrupts import terminate_as_interrupt
from pipeline.progress import own_loudness


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with reliable_streams(), own_loudness(), error_log(given) as log:
        return _run_command(given, log)


def _run_command(arguments: Sequence[str], log: ErrorLog) -> int:
    try:
        with terminate_as_interrupt():
            if arguments and arguments[0] in COMMANDS:
                return COMMANDS[arguments[0]].main(arguments[1:])
            return run.main(arguments)
    except SystemExit as stop:  # argparse has said what it has to say
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE
    except ConfigurationError as error:  # about what the user wrote: a traceback tells nothing
        return _say_error(str(error), EXIT_USAGE)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for what the interpreter still flushes
        return EXIT_FAILED
    except (StageError, OSError) as error:
        LOGGER.error("the command failed", exc_info=error)
        return _say_error(f"{error}{log.hint}", EXIT_FAILED)
    except KeyboardInterrupt:
        print(
            "Interrupted. Everything finished is saved; the same command goes on.", file=sys.stderr
        )
        return EXIT_INTERRUPTED
    except Exception as error:
        LOGGER.error("the command failed unexpectedly", exc_info=error)
        if not log.hint:  # nobody may lose it
            raise
        message = f"unexpected {type(error).__name__}: {error}. What was finished is kept"
        return _say_error(f"{message}; please report it with the traceback{log.hint}", EXIT_FAILED)


def console() -> None:
    """Run the installed command."""
    sys.exit(main())


def _say_error(message: str, code: int) -> int:
    """Print a message, its first line last: what else it lists stands above it."""
    first, *details = message.splitlines() or [""]
    for line in [*details, f"error: {first}"]:
        print(line, file=sys.stderr)
    return code
