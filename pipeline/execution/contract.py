"""What stages ask of whatever runs their tasks; each executor keeps this contract.

The number of threads is part of what makes a run reproducible (convolution gradients differ in
their last bits between one thread and two), so it belongs to the experiment. The executor and the
number of its workers change no result, so they belong to the command line. The parent process
never imports TensorFlow: it plans, shows progress and reads results.
"""

import abc
import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from pipeline.errors import LOGGER
from pipeline.progress import ProgressDisplay

SECONDS_TO_SAVE = 120  # after Ctrl-C; a worker that is still at work then is ended


class Executor(abc.ABC):
    """What stages ask of whatever runs their tasks.

    Tasks are functions of a module with picklable arguments and results, or with files as inputs
    and outputs; running one again gives the same, so an executor may retry what was cut short.

    Attributes:
        num_workers: Tasks that run at once.
        threads: Threads of each worker process.
    """

    num_workers: int
    threads: int

    @property
    @abc.abstractmethod
    def num_local_cores(self) -> int:
        """Cores of this machine that the parent may use while no task runs."""

    def run(
        self,
        function: Callable[..., Any],
        tasks: Sequence[tuple[str, tuple]],
        display: ProgressDisplay,
        describe: Callable[[str, Any], str],
        *,
        new_process_each: bool = False,
    ) -> Iterator[tuple[str, Any]]:
        """Yield `(name, function(*arguments))` for each `(name, arguments)`, as they finish.

        An exception of one task does not stop the others: it is yielded in the result's place, and
        its traceback logged.

        Args:
            function: Called in a worker with the arguments and `progress=`.
            tasks: `(name, arguments)` each.
            display: Shows the progress that tasks report.
            describe: Says how a task ended, given its name and result.
            new_process_each: Start a process for each task and end it afterwards, so that no
                task finds what another left in memory (TensorFlow's graphs: 0.2 GiB a model).

        Raises:
            KeyboardInterrupt: After Ctrl-C or SIGTERM, when every worker has saved its work.
        """
        running = self._run(function, tasks, display, describe, new_process_each)
        with contextlib.closing(running):
            for name, result in running:
                if isinstance(result, Exception):
                    LOGGER.error("the task %s failed", name, exc_info=result)
                yield name, result

    @abc.abstractmethod
    def _run(
        self,
        function: Callable[..., Any],
        tasks: Sequence[tuple[str, tuple]],
        display: ProgressDisplay,
        describe: Callable[[str, Any], str],
        new_process_each: bool,
    ) -> Generator[tuple[str, Any], None, None]:
        """Do what `run` says; leaving it early is as an interrupt."""

    @abc.abstractmethod
    def close(self) -> None:
        """End the worker processes."""
