"""Where work runs: the contract of all executors, the one of local processes, a worker's own state.

The number of threads is part of what makes a run reproducible (convolution gradients differ in
their last bits between one thread and two), so it belongs to the experiment; the executor and the
number of its workers are not, so they belong to the command line. The parent process never
imports TensorFlow: it plans, shows progress and reads results.
"""

import abc
import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pipeline.errors import StageError
from pipeline.execution import devices
from pipeline.execution.cluster import read_cluster
from pipeline.progress import ProgressDisplay

SECONDS_TO_SAVE = 120  # after Ctrl-C; a worker that is still at work then is ended

# Set in each worker by `connect_worker`.
_progress_queue = None
_stop_event = None


class Executor(abc.ABC):
    """What stages ask of whatever runs their tasks.

    Tasks are functions of a module with picklable arguments and results, or with files as inputs
    and outputs; running one again gives the same, so an executor may retry what was cut short.

    Attributes:
        num_workers: Tasks that run at once.
        threads: Threads of each worker process.
        num_local_cores: Cores of this machine that the parent may use while no task runs.
    """

    num_workers: int
    threads: int
    num_local_cores: int

    @abc.abstractmethod
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

        An exception of one task does not stop the others: it is yielded in the result's place.

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

    @abc.abstractmethod
    def close(self) -> None:
        """End the worker processes."""


class TaskPool(Executor):
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
        self._free_gpus = queue.SimpleQueue()
        for names in self._gpus:
            self._free_gpus.put(names)
        self._context = multiprocessing.get_context("spawn")
        # What workers report goes through queues, one an executor: a process that is killed may
        # leave its queue's lock behind, for which others would wait for ever.
        self._progress_queues = []
        self._stop = self._context.Event()
        self._executor = None

    def run(
        self,
        function: Callable[..., Any],
        tasks: Sequence[tuple[str, tuple]],
        display: ProgressDisplay,
        describe: Callable[[str, Any], str],
        *,
        new_process_each: bool = False,
    ) -> Iterator[tuple[str, Any]]:
        """Yield each task's name and result; see `Executor`.

        Raises:
            StageError: If a worker process that tasks share died (killed, out of memory). The
                death of a task's own process is that task's exception.
            KeyboardInterrupt: After Ctrl-C or SIGTERM, when every worker has saved its work.
        """
        if not tasks:
            return
        self._stop.clear()
        self._start()
        submit = self._executor.submit
        if new_process_each:
            starter = concurrent.futures.ThreadPoolExecutor(self.num_workers)
            submit = functools.partial(starter.submit, self._run_in_new_process)
        with _interrupts_held():
            futures = {
                submit(run_task, function, name, arguments): name for name, arguments in tasks
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
            _, hung = concurrent.futures.wait(waiting, timeout=SECONDS_TO_SAVE)
            if hung:  # such as in native code, while it waits for another machine
                for process in multiprocessing.active_children():
                    process.kill()
            raise

    def _run_in_new_process(self, function: Callable[..., Any], *arguments: Any) -> Any:
        gpus = self._free_gpus.get()
        try:
            executor, progress_queue = self._new_executor([gpus])
            self._progress_queues.append(progress_queue)
            try:
                with executor:
                    with _interrupts_held():
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

    def _start(self) -> None:
        if self._executor is None:
            os.environ.update(worker_environment(self.threads))  # which the workers inherit
            # It starts processes when needed.
            self._executor, progress_queue = self._new_executor(self._gpus)
            self._progress_queues = [progress_queue]

    def _new_executor(self, gpus: Sequence[tuple[str, ...]]):
        """Return an executor with one process for each group of GPUs, and its progress queue."""
        groups = self._context.SimpleQueue()
        for names in gpus:
            groups.put(names)
        progress_queue = self._context.Queue()
        executor = concurrent.futures.ProcessPoolExecutor(
            len(gpus),
            mp_context=self._context,
            initializer=_initialise_worker,
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
        for process in multiprocessing.active_children():
            process.kill()
        self.close()

    def close(self) -> None:
        """End the worker processes."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back while this thread starts processes, which inherit that.

    A terminal sends Ctrl-C to all processes at once; one that is still importing would print a
    traceback before it learns to leave interrupts to its parent.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def worker_environment(threads: int) -> dict[str, str]:
    """Return the environment of a worker process, to be set before it imports anything."""
    # The first three are read by numerical libraries.
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PIPELINE_THREADS")
    return {
        **dict.fromkeys(names, str(threads)),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
        # A pool of memory for each thread keeps several times what training needs.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
        "KERAS_BACKEND": "tensorflow",
    }


def _initialise_worker(progress_queue, stop_event, gpu_groups) -> None:
    """Prepare a worker: its GPUs are its own, it leaves Ctrl-C to the parent and dies with it."""
    connect_worker(progress_queue, stop_event)
    progress_queue.cancel_join_thread()  # the end of a process does not wait for its reports
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gpus = gpu_groups.get()
    if gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """Stop at once when the parent was killed: what is on disk is whole at any moment."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def connect_worker(progress_queue, stop_event) -> None:
    """Say where this process puts `(task, done, total, details)` and learns that it is to stop.

    Args:
        progress_queue: With `put(report)`.
        stop_event: With `is_set()`.
    """
    global _progress_queue, _stop_event
    _progress_queue, _stop_event = progress_queue, stop_event


def run_task(function: Callable[..., Any], name: str, arguments: tuple) -> Any:
    """Call a task's function in this worker, its progress connected."""

    def progress(done: int, total: int, **details: Any) -> None:
        _progress_queue.put((name, done, total, details))

    return function(*arguments, progress=progress)


def stop_requested() -> bool:
    """Say whether this worker should save its work and return."""
    return _stop_event is not None and _stop_event.is_set()


def configure_tensorflow(replicas: int = 1) -> None:
    """Import TensorFlow with this worker's number of threads; call before any other use of it.

    Args:
        replicas: Devices that a model will be trained on. Where there is no GPU, the processor
            is made to look like so many.

    Raises:
        StageError: If there are GPUs, but fewer than `replicas`.
    """
    with _native_messages_hidden():
        import tensorflow as tf

        threads = int(os.environ.get("PIPELINE_THREADS", "0"))
        with contextlib.suppress(RuntimeError):  # already initialised, with the same numbers
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(max(1, threads))
        gpus = tf.config.list_physical_devices("GPU")
    if read_cluster().num_machines == 1:
        devices.check_replicas(replicas, len(gpus))
    if replicas > 1 and not gpus and read_cluster().num_machines == 1:
        (processor,) = tf.config.list_physical_devices("CPU")
        virtual = [tf.config.LogicalDeviceConfiguration()] * replicas
        tf.config.set_logical_device_configuration(processor, virtual)
    for device in gpus:
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(device, True)
    tf.config.experimental.enable_op_determinism()
    # One network is compiled once for each of its uses; TensorFlow takes that for a mistake.
    tf.get_logger().setLevel("ERROR")


@contextlib.contextmanager
def _native_messages_hidden() -> Iterator[None]:
    """Keep what native libraries print while they load (no GPU found, ...) off the terminal.

    They write to the file descriptor, before any setting of theirs is read. Python's own errors
    still come out as exceptions.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


@contextlib.contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C inside the block, so that work is saved."""

    def handler(number, frame):
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
        yield
        return
    previous = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
