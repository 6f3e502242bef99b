"""A worker process's own state: its environment, its end of the progress queue, when to stop."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

# Memory that was freed is kept for the next iteration. Otherwise glibc gives it back to the kernel
# and asks for it again, page by page: up to 90,000 page faults an iteration. glibc reads these
# variables when a process starts; other C libraries do not know them.
KEPT_MEMORY = {
    "MALLOC_ARENA_MAX": "1",  # a pool for each thread keeps several times what training needs
    "MALLOC_MMAP_MAX_": "0",  # large blocks come from the pool, too
    "MALLOC_TRIM_THRESHOLD_": str(2**40),  # bytes that are free at its end: never given back
    "MALLOC_TOP_PAD_": str(64 * 2**20),  # bytes by which it grows at least
}

# Set in each worker by `connect_worker`.
_progress_queue = None
_stop_event = None


def worker_environment(threads: int) -> dict[str, str]:
    """Return the environment of a worker process, to be set before it starts.

    What the user's environment says of memory and of TensorFlow's messages is left as it is.
    """
    # The first three are read by numerical libraries.
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PIPELINE_THREADS")
    return {
        **dict.fromkeys(names, str(threads)),
        **{
            name: os.environ.get(name, value)
            for name, value in {"TF_CPP_MIN_LOG_LEVEL": "3", **KEPT_MEMORY}.items()
        },
        # What a user sets for Keras elsewhere is not read: it would change weights.
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": os.path.join(os.devnull, "keras"),
    }


def initialise(progress_queue: Any, stop_event: Any, gpu_groups: Any) -> None:
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


def connect_worker(progress_queue: Any, stop_event: Any) -> None:
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
        if _progress_queue is None:
            raise RuntimeError("This process is no worker. Expected `connect_worker` before a task")
        _progress_queue.put((name, done, total, details))

    return function(*arguments, progress=progress)


def stop_requested() -> bool:
    """Say whether this worker should save its work and return."""
    return _stop_event is not None and _stop_event.is_set()
