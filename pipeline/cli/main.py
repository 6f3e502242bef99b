"""From arguments to an exit code: the command is found, and errors are said in one line."""

import os
import sys
from collections.abc import Sequence

from pipeline.cli import run
from pipeline.cli.commands import COMMANDS, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE
from pipeline.cli.streams import reliable_streams
from pipeline.errors import ConfigurationError, StageError
from pipeline.execution.interrupts import terminate_as_interrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    with reliable_streams():
        return _run_command(list(sys.argv[1:] if arguments is None else arguments))


def _run_command(arguments: Sequence[str]) -> int:
    try:
        with terminate_as_interrupt():
            if arguments and arguments[0] in COMMANDS:
                return COMMANDS[arguments[0]].main(arguments[1:])
            return run.main(arguments)
    except SystemExit as stop:  # argparse has said what it has to say
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE
    except ConfigurationError as error:
        return _say_error(error, EXIT_USAGE)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for what the interpreter still flushes
        return EXIT_FAILED
    except (StageError, OSError) as error:
        return _say_error(error, EXIT_FAILED)
    except KeyboardInterrupt:
        print(
            "Interrupted. Everything finished is saved; the same command goes on.", file=sys.stderr
        )
        return EXIT_INTERRUPTED


def console() -> None:
    """Run the installed command."""
    sys.exit(main())


def _say_error(error: Exception, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code
