"""One process at a time in a run directory."""

import contextlib
import datetime
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import filelock

from pipeline.errors import StageError
from pipeline.runs.files import remove_unfinished, write_text

LOCK, HOLDER = ".lock", ".lock-holder"


@contextlib.contextmanager
def hold(root: Path) -> Iterator[None]:
    """Hold a run directory, and remove what killed processes left half-written in it.

    The kernel frees the lock as soon as the holder's process is gone, however it died; the files
    that stay behind, of this machine or another, hold nobody up.

    Raises:
        StageError: If another process holds it, with that process' number, machine and start.
        OSError: If the directory cannot be written.
    """
    holder = root / HOLDER
    lock = filelock.FileLock(root / LOCK, timeout=0)
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise StageError(
            f"{root} is in use by {_read_holder(holder)}. Wait for it to end, stop it, or choose "
            "another folder with --out."
        ) from error
    except OSError as error:
        raise OSError(
            error.errno,
            f"The run directory cannot be written ({error.strerror}). Expected a folder that "
            "exists or can be made, and is writable: choose one with --out",
            str(root),
        ) from error
    try:
        now = datetime.datetime.now().isoformat(timespec="seconds")
        write_text(holder, f"process {os.getpid()} on {socket.gethostname()} since {now}\n")
        remove_unfinished(root)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def holder_of(root: Path) -> str | None:
    """Return who holds a run directory: process, machine and start; None where nobody does."""
    holder = root / HOLDER
    if not holder.exists():
        return None
    lock = filelock.FileLock(root / LOCK, timeout=0)
    try:
        lock.acquire()
    except (filelock.Timeout, OSError):  # held, or not ours to ask: what is written counts
        return _read_holder(holder)
    lock.release()
    return None


def _read_holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or "another process"
    except OSError:  # not written yet, or gone in this moment
        return "another process"
