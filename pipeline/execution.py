"""Where work runs: worker processes with a fixed number of threads, and the devices in each.

The number of threads is part of what makes a run reproducible (convolution gradients differ in
their last bits between one thread and two), so it belongs to the experiment; the number of
processes does not, so it belongs to the command line. The parent process never imports
TensorFlow: it plans, shows progress and reads results.
"""

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
from pipeline.progress import ProgressDisplay

# Set in each worker by its initialiser.
_progress_queue = None
_stop_event = None


def default_workers(threads: int) -> int:
    """Return how many processes of `threads` threads this machine runs well at once.

    With a GPU it is one: the models of a sweep then take turns on it.
    """
    if os.path.exists("/proc/driver/nvidia/version"):
        return 1
    return max(1, len(os.sched_getaffinity(0)) // threads)


class TaskPool:
    """Runs tasks in worker processes that stay alive from stage to stage.

    Args:
        num_workers: Processes.
        threads: Threads of each process.
    """

    def __init__(self, num_workers: int, threads: int):
        self.num_workers = num_workers
        self.threads = threads
        self._context = multiprocessing.get_context("spawn")
        self._queue = self._context.Queue()
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
                submit(_run_task, function, name, arguments): name for name, arguments in tasks
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
                            raise error
                    result = error if error is not None else future.result()
                    display.finish(name, describe(name, result))
                    yield name, result
        except (KeyboardInterrupt, GeneratorExit):
            self._stop.set()
            for future in waiting:
                future.cancel()
            display.say("stopping: the running tasks save their work")
            concurrent.futures.wait(waiting, timeout=120)
            raise

    def _run_in_new_process(self, function: Callable[..., Any], *arguments: Any) -> Any:
        with self._new_executor(1) as executor:
            with _interrupts_held():
                future = executor.submit(function, *arguments)
            return future.result()

    def _start(self) -> None:
        if self._executor is None:
            # Read by numerical libraries when the workers import them.
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
                os.environ[name] = str(self.threads)
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            # A pool of memory for each thread keeps several times what training needs.
            os.environ.setdefault("MALLOC_ARENA_MAX", "2")
            os.environ["KERAS_BACKEND"] = "tensorflow"
            self._executor = self._new_executor(self.num_workers)  # starts processes when needed

    def _new_executor(self, num_workers: int) -> concurrent.futures.ProcessPoolExecutor:
        return concurrent.futures.ProcessPoolExecutor(
            num_workers,
            mp_context=self._context,
            initializer=_initialise_worker,
            initargs=(self.threads, self._queue, self._stop),
        )

    def _show_progress(self, display: ProgressDisplay) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                task, done, total, details = self._queue.get_nowait()
                display.update(task, done, total, **details)

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


def _initialise_worker(threads: int, progress_queue, stop_event) -> None:
    """Prepare a worker: it leaves Ctrl-C to the parent and dies with it."""
    global _progress_queue, _stop_event
    _progress_queue, _stop_event = progress_queue, stop_event
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.environ["PIPELINE_THREADS"] = str(threads)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """Stop at once when the parent was killed: what is on disk is whole at any moment."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_task(function: Callable[..., Any], name: str, arguments: tuple) -> Any:
    def progress(done: int, total: int, **details: Any) -> None:
        _progress_queue.put((name, done, total, details))

    return function(*arguments, progress=progress)


def stop_requested() -> bool:
    """Say whether this worker should save its work and return."""
    return _stop_event is not None and _stop_event.is_set()


def configure_tensorflow() -> None:
    """Import TensorFlow with this worker's number of threads; call before any other use of it."""
    with _native_messages_hidden():
        import tensorflow as tf

        threads = int(os.environ.get("PIPELINE_THREADS", "0"))
        with contextlib.suppress(RuntimeError):  # already initialised, with the same numbers
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(max(1, threads))
        gpus = tf.config.list_physical_devices("GPU")
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


def strategy():
    """Return the tf.distribute strategy of this machine: mirrored over GPUs if it has several."""
    import tensorflow as tf

    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


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
