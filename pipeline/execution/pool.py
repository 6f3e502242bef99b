"""The executor that runs tasks in processes of this machine."""

import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Generator, Sequence
from typing import Any

from pipeline.errors import StageError
from pipeline.execution import contract, worker
from pipeline.execution.interrupts import interrupts_held
from pipeline.progress import ProgressDisplay


class TaskPool(contract.Executor):
    """Runs tasks in processes of this machine that stay alive from stage to stage.

    Args:
        num_workers: Processes.
        threads: Threads of each process.
        gpus: Names of the GPUs of each process, see `devices.share_gpus`; None: no GPUs.
    """

    def __init__(
        self, num_workers: int, threads: int, gpus: Sequence[tuple[str, ...]] | None = None
    ):
        self.num_workers = num_workers
        self.threads = threads
        self._gpus = gpus or [()] * num_workers
        # The GPUs of tasks with a process of their own: taken by a task, given back after it.
        self._free_gpus: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()
        for names in self._gpus:
            self._free_gpus.put(names)
        self._context = multiprocessing.get_context("spawn")
        # What workers report goes through queues, one an executor: a process that is killed may
        # leave its queue's lock behind, for which others would wait for ever.
        self._progress_queues: list[Any] = []
        self._stop = self._context.Event()
        self._executor: concurrent.futures.ProcessPoolExecutor | None = None

    def _run(
        self,
        function: Callable[..., Any],
        tasks: Sequence[tuple[str, tuple]],
        display: ProgressDisplay,
        describe: Callable[[str, Any], str],
        new_process_each: bool,
    ) -> Generator[tuple[str, Any], None, None]:
        """Yield each task's name and result; see `contract.Executor`.

        Raises:
            StageError: If a worker process that tasks share died (killed, out of memory). The
                death of a task's own process is that task's exception.
            KeyboardInterrupt: After Ctrl-C or SIGTERM, when every worker has saved its work.
        """
        if not tasks:
            return
        self._stop.clear()
        submit: Callable[..., concurrent.futures.Future] = self._start().submit
        if new_process_each:
            starter = concurrent.futures.ThreadPoolExecutor(self.num_workers)
            run_alone: Callable[..., Any] = self._run_in_new_process
            submit = functools.partial(starter.submit, run_alone)
        with interrupts_held():
            futures = {
                submit(worker.run_task, function, name, arguments): name
                for name, arguments in tasks
            }
        waiting = set(futures)
        try:
            while waiting:
                finished, waiting = concurrent.futures.wait(
                    waiting, timeout=0.2, return_when=concurrent.futures.FIRST_COMPLETED
                )
                self._show_progress(display)
                for future in finished:
                    name = futures[future]
                    error = future.exception()
                    if isinstance(error, concurrent.futures.process.BrokenProcessPool):
                        error = StageError(
                            f"A worker process died while it worked on {name} or beside it "
                            "(killed, or out of memory: then try fewer --workers). What was "
                            "finished is kept; the same command goes on from there."
                        )
                        if not new_process_each:  # the others shared its fate
                            self._end_now()
                            raise error
                    result = error if error is not None else future.result()
                    display.finish(name, describe(name, result))
                    yield name, result
        except (KeyboardInterrupt, GeneratorExit):
            self._stop.set()
            for future in waiting:
                future.cancel()
            display.say("stopping: the running tasks save their work")
            _, hung = concurrent.futures.wait(waiting, timeout=contract.SECONDS_TO_SAVE)
            if hung:  # such as in native code, while it waits for another machine
                _kill_children()
            raise

    def _run_in_new_process(self, function: Callable[..., Any], *arguments: Any) -> Any:
        gpus = self._free_gpus.get()
        try:
            executor, progress_queue = self._new_executor([gpus])
            self._progress_queues.append(progress_queue)
            try:
                with executor:
                    with interrupts_held():
                        future = executor.submit(function, *arguments)
                    return future.result()
            finally:
                self._progress_queues.remove(progress_queue)
        finally:
            self._free_gpus.put(gpus)

    @property
    def num_local_cores(self) -> int:
        """Those that the workers use while there are tasks."""
        return self.num_workers * max(1, self.threads)

    def _start(self) -> concurrent.futures.ProcessPoolExecutor:
        if self._executor is None:
            os.environ.update(worker.worker_environment(self.threads))  # which the workers inherit
            # It starts processes when needed.
            self._executor, progress_queue = self._new_executor(self._gpus)
            self._progress_queues = [progress_queue]
        return self._executor

    def _new_executor(
        self, gpus: Sequence[tuple[str, ...]]
    ) -> tuple[concurrent.futures.ProcessPoolExecutor, Any]:
        """Return an executor with one process for each group of GPUs, and its progress queue."""
        groups = self._context.SimpleQueue()
        for names in gpus:
            groups.put(names)
        progress_queue = self._context.Queue()
        executor = concurrent.futures.ProcessPoolExecutor(
            len(gpus),
            mp_context=self._context,
            initializer=worker.initialise,
            initargs=(progress_queue, self._stop, groups),
        )
        return executor, progress_queue

    def _show_progress(self, display: ProgressDisplay) -> None:
        for progress_queue in list(self._progress_queues):
            with contextlib.suppress(queue.Empty):
                while True:
                    task, done, total, details = progress_queue.get_nowait()
                    display.update(task, done, total, **details)

    def _end_now(self) -> None:
        """Kill the shared workers after one died: the next run starts others.

        They leave SIGTERM, by which the executor would end them, to their parent, and may wait
        for a lock that the dead one holds.
        """
        _kill_children()
        self.close()

    def close(self) -> None:
        """End the worker processes."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


def _kill_children() -> None:
    """End all processes that this one has started, joblib's among them, which have no `kill`."""
    for process in multiprocessing.active_children():
        if process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
