"""Standard streams that a run can rely on, however it was started."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def reliable_streams() -> Iterator[None]:
    """Inside the block, writing to the standard streams never ends a run.

    A stream that was closed (`2>&-`, some job schedulers) leads nowhere: otherwise the next file
    that is opened takes its number, and native libraries write their messages into that. What the
    encoding of the terminal does not have is written as an escape. A full disk
    under the log, or a terminal that is gone, loses messages and nothing else.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, _open_nowhere(number, mode))
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    before = sys.stderr
    sys.stderr = _ForgivingStream(before)
    try:
        yield
    finally:
        if isinstance(sys.stderr, _ForgivingStream):
            sys.stderr = before


def _open_nowhere(number: int, mode: str) -> Any:
    """Return the null device as the file of a number; processes started later inherit it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)
    os.set_inheritable(number, True)
    return os.fdopen(number, mode, encoding="utf-8", closefd=False)


class _ForgivingStream:
    """A stream that drops what cannot be written, unless its reader has gone."""

    def __init__(self, stream: Any):
        self._stream = stream

    def write(self, text: str) -> int:
        with self._without_errors():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._without_errors():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _without_errors(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError:
            pass
