"""Files that are either whole or absent: atomic writes and content digests."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

UNFINISHED = ".writing-"  # how the name of a file begins that is not whole yet
SMALLEST_BLOCK = 4096  # bytes; with less than that free, the disk is full


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, it becomes `path`.

    The content reaches the disk before the name does, so that a reader sees the old file or
    the new one, whatever happens in between. The temporary name keeps the suffix, because
    writers such as Keras choose their format by it.

    Raises:
        OSError: With `path` and the cause, if it cannot be written (disk full, read-only folder).
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except Exception as error:
        named = _with_name(path, error)
        if named is error:
            raise
        raise named from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _with_name(path: Path, error: Exception) -> Exception:
    """Return what a failed write of `path` raises; most writers name neither file nor cause.

    NumPy says how many bytes are missing, HDF5 raises a RuntimeError: where the disk is full,
    that is the cause, whatever a writer makes of it.
    """
    number = getattr(error, "errno", None)
    other = getattr(error, "filename", None)
    if other is not None and Path(os.fsdecode(other)).parent != path.parent:
        return error  # about a file that was read for this one
    if number is None:
        try:
            is_full = shutil.disk_usage(path.parent).free < SMALLEST_BLOCK
        except OSError:
            is_full = False
        if not is_full:
            return error
        number = errno.ENOSPC
    cause = os.strerror(number)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        cause += "; free some space and give the same command again"
    return OSError(number, f"Cannot write the file: {cause}", str(path))


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes were writing; to be called when nobody writes in `folder`."""
    for path in folder.rglob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(value: Any) -> str:
    """Return `value` as indented JSON with sorted keys; NaN is refused."""
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def write_signed_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` and a checksum of it to `path`, for `read_signed_json`; NaN is refused."""
    write_text(path, _signed_text(content))


def read_signed_json(path: Path) -> dict[str, Any] | None:
    """Return what `write_signed_json` wrote, or None if it is absent or any byte of it changed."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
        del content["checksum"]
        is_whole = _signed_text(content) == text
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None
    return content if is_whole else None


def _signed_text(content: Mapping[str, Any]) -> str:
    return json_text({**content, "checksum": value_digest(dict(content))})


def file_digest(path: Path) -> str:
    """Return the BLAKE2 digest (32 hexadecimal digits) of the content of `path`."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def value_digest(value: Any) -> str:
    """Return the BLAKE2 digest (32 hexadecimal digits) of a JSON-able value."""
    text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
