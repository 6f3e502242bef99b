"""Progress of tasks that run in other processes: bars on a terminal, else lines, or nothing."""

import contextlib
import contextvars
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

import tqdm

SECONDS_BETWEEN_LINES = 20.0
LINE = "{desc}: {percentage:.0f}%, {n_fmt} of {total_fmt}, {remaining} left{postfix}"
_is_quiet = contextvars.ContextVar("is_quiet", default=False)


@contextlib.contextmanager
def own_loudness() -> Iterator[None]:
    """Undo what `be_quiet` did inside the block."""
    token = _is_quiet.set(False)
    try:
        yield
    finally:
        _is_quiet.reset(token)


def be_quiet() -> None:
    """From now on show neither bars nor lines nor what was written; warnings and errors stay."""
    _is_quiet.set(True)


def announce(message: str, *, file: TextIO | None = None) -> None:
    """Print a line about what was done (None: on standard output), unless asked for quiet."""
    if not _is_quiet.get():
        print(message, file=file)


class ProgressDisplay:
    """One bar a running task, with rate and time left, and one for the tasks of the stage.

    Args:
        stage: The stage's name, shown before every bar.
        num_tasks: Tasks in all; 0 hides the overall bar.
    """

    def __init__(self, stage: str, num_tasks: int = 0):
        self._stage = stage
        self._is_terminal = sys.stderr.isatty() and not _is_quiet.get()
        self._bars: dict[str, tqdm.tqdm] = {}
        self._last_line: dict[str, float] = {}
        self._overall = None
        if num_tasks > 1 and self._is_terminal:
            self._overall = tqdm.tqdm(total=num_tasks, desc=stage, unit="task", position=0)

    def update(self, task: str, done: int, total: int, *, note: str = "", **details: Any) -> None:
        """Show that `done` of `total` units of a task are finished; details follow the bar.

        A note is printed as a line of its own, as it comes.
        """
        if note:
            self.say(note)
        bar = self._bars.get(task)
        if bar is None or bar.total != total:
            if bar is not None:
                bar.close()
            # On a terminal the bar draws itself; elsewhere it only keeps count and time.
            bar = tqdm.tqdm(
                total=total,
                initial=done,
                desc=f"{self._stage} {task}",
                leave=False,
                disable=False,
                file=sys.stderr if self._is_terminal else _Nowhere(),
                dynamic_ncols=True,
                smoothing=0.05,
                bar_format=None if self._is_terminal else LINE,
            )
            self._bars[task] = bar
            self._last_line[task] = time.monotonic()
        text = _format_details(details)
        if text:
            bar.set_postfix_str(text, refresh=False)
        bar.update(done - bar.n)
        if not self._is_terminal and time.monotonic() - self._last_line[task] > (
            SECONDS_BETWEEN_LINES
        ):
            self._last_line[task] = time.monotonic()
            self._print(str(bar))

    def finish(self, task: str, message: str) -> None:
        """Close a task's bar and say how it ended, if there is anything to say."""
        bar = self._bars.pop(task, None)
        if bar is not None:
            bar.close()
        if self._overall is not None:
            self._overall.update(1)
        if message:
            self.say(message)

    def say(self, message: str) -> None:
        """Print a line without breaking the bars, unless the user asked for quiet."""
        self._print(f"{self._stage:>8}  {message}")

    def warn(self, message: str) -> None:
        """Print a line that also a user who asked for quiet is to see."""
        self._print(f"{self._stage:>8}  warning: {message}", always=True)

    def _print(self, text: str, *, always: bool = False) -> None:
        if self._is_terminal:
            tqdm.tqdm.write(text, file=sys.stderr)
        elif always or not _is_quiet.get():
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Remove what is left of the bars."""
        for bar in (*self._bars.values(), self._overall):
            if bar is not None:
                bar.close()
        self._bars.clear()


class _Nowhere:
    """A stream that drops what is written."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


def _format_details(details: dict[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_loss', '')} {value:.3g}"
        if isinstance(value, float)
        else f"{name} {value}"
        for name, value in details.items()
    )


def format_seconds(seconds: float) -> str:
    """Return a duration as people say it: "45 s", "12 min", "3 h 20 min", "2 days 4 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h"
