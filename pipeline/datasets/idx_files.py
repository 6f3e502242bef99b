"""Reading IDX files, raw or compressed with gzip: the format in which MNIST is distributed.

The format: two zero bytes, one for the type of the numbers, one for the number of dimensions, the
size of each dimension as a 4-byte big-endian integer, then the numbers, big-endian, last dimension
fastest.
"""

import contextlib
import gzip
import io
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_START = b"\x1f\x8b"


def find(folder: Path, names: Sequence[str]) -> Path | None:
    """Return the first of the files `names` or their compressed forms in a folder, or None.

    Capital letters do not matter. Some copies write ``train-images.idx3-ubyte`` where others write
    ``train-images-idx3-ubyte``: both spellings are taken.
    """
    if not folder.is_dir():
        return None
    there = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_file()}
    spellings = [one for name in names for one in (name, name.replace("-idx", ".idx"))]
    candidates = [f"{spelling}{end}" for end in ("", ".gz") for spelling in spellings]
    return next((there[name] for name in candidates if name in there), None)


def read_shape(path: Path) -> tuple[int, ...]:
    """Return the shape of the array in an IDX file, from its header alone.

    Raises:
      ValueError: It is not an IDX file.
    """
    with _opened(path) as file:
        return _read_header(file, path)[1]


def read(path: Path) -> np.ndarray:
    """Return the whole array of an IDX file, in the byte order of this machine.

    Raises:
      ValueError: It is not an IDX file, is shorter or longer than its header says, or its
        compressed data are damaged.
    """
    with _opened(path) as file:
        dtype, shape = _read_header(file, path)
        num_bytes = math.prod(shape) * dtype.itemsize
        data = file.read(num_bytes + 1)  # One more byte would be one too many.
    if len(data) != num_bytes:
        difference = "more" if len(data) > num_bytes else f"{len(data)}"
        raise ValueError(
            f"{path} does not fit its header. Expected {num_bytes} bytes for an array of shape "
            f"{shape} (an incomplete download is shorter). Received: {difference} bytes"
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[io.BufferedIOBase]:
    """Open a file, through gzip where its content is compressed; damage becomes a ValueError."""
    with path.open("rb") as raw:
        is_compressed = raw.read(2) == GZIP_START
        raw.seek(0)
        if path.suffix == ".gz" and not is_compressed:
            raise ValueError(
                f"{path} is not compressed with gzip, though its name says so. Expected a gzip "
                "file; if it was unpacked already, rename it without .gz"
            )
        try:
            yield gzip.GzipFile(fileobj=raw) if is_compressed else raw
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{path} is damaged or incomplete ({error}). Expected a whole gzip file: fetch it "
                "again"
            ) from error


def _read_header(file: io.BufferedIOBase, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not magic[3]:
        raise ValueError(
            f"{path} is not an IDX file. Expected a magic number 00 00, type (08 for bytes), "
            f"number of dimensions. Received: {magic.hex(' ') or 'an empty file'}"
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError(f"{path} ends inside its header of {magic[3]} dimensions")
    return np.dtype(TYPES[magic[2]]), struct.unpack(f">{magic[3]}I", sizes)
