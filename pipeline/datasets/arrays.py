"""Reading arrays out of ``.npz`` files in parts, so that no file has to fit into memory."""

import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

# What reading an archive raises: damaged, or encrypted or of an unknown compression (RuntimeError).
DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


def file_identity(path: Path) -> dict[str, Any]:
    """Return what tells one version of a file from another without reading it: place, size, times.

    Copies that keep the time of the last modification cannot keep that of the last change.

    Raises:
      FileNotFoundError: There is no such file.
    """
    if not path.is_file():
        held = "a folder: for one of images, there is image_folder" if path.is_dir() else "nothing"
        raise FileNotFoundError(
            f"There is no file {str(path)!r}. Expected the path of a data file. Received: {held}"
        )
    status = path.stat()
    return {
        "path": str(path.resolve()),
        "size": status.st_size,
        "times": [status.st_mtime_ns, status.st_ctime_ns],
    }


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays in an ``.npz`` file.

    Raises:
      ValueError: The file is not a readable ``.npz`` file.
    """
    with _open_archive(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


class ArrayFile:
    """One array of an ``.npz`` file, read row range by row range; a context manager.

    Attributes:
      shape: Shape of the whole array.
      dtype: Its dtype.
    """

    def __init__(self, path: Path, name: str, is_read_whole: bool = False):
        """Open the array and read its header.

        Args:
          path: The ``.npz`` file.
          name: Name of the array.
          is_read_whole: Whether all rows are read at once; rows of an array in Fortran order lie
            scattered over the file.

        Raises:
          ValueError: The file is damaged, has no such array, holds Python objects, or is to be read
            in parts and is in Fortran order.
        """
        self._where = f"array {name!r} of {path}"
        self._archive = _open_archive(path)
        try:
            self._member = self._archive.open(f"{name}.npy")
            major, _ = np.lib.format.read_magic(self._member)
            read_header = {
                1: np.lib.format.read_array_header_1_0,
                2: np.lib.format.read_array_header_2_0,
            }[major]
            self.shape, self._is_fortran, self.dtype = read_header(self._member)
        except KeyError as error:
            names = ", ".join(array_names(path))
            self._archive.close()
            raise ValueError(
                f"{path} has no array {name!r} that can be read. Received: {names}"
            ) from error
        except DAMAGE as error:
            self._archive.close()
            raise ValueError(f"{self._where} cannot be read: {error}") from error
        self._first_byte = self._member.tell()
        if self.dtype.hasobject:
            self._archive.close()
            raise ValueError(
                f"The {self._where} holds Python objects, which are not read. Expected numbers or "
                "text: save array.astype(str), or numbers of one kind, without None. "
                f"Received: Python objects, dtype={self.dtype}"
            )
        if self._is_fortran and len(self.shape) > 1 and not is_read_whole:
            self._archive.close()
            raise ValueError(
                f"The {self._where} cannot be read row by row. Expected C order: save "
                f"numpy.ascontiguousarray(array). Received: Fortran order, shape={self.shape}"
            )

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the rows ``[start, stop)``; reading backwards starts the file again.

        Raises:
          ValueError: The file is damaged.
        """
        shape = (stop - start, *self.shape[1:])
        row_bytes = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
        try:
            self._member.seek(self._first_byte + start * row_bytes)
            data = self._member.read((stop - start) * row_bytes)
        except DAMAGE as error:
            raise ValueError(f"The {self._where} is damaged: {error}") from error
        if len(data) != (stop - start) * row_bytes:
            raise ValueError(f"The {self._where} is shorter than its header says")
        rows = np.frombuffer(data, self.dtype)
        return rows.reshape(shape, order="F") if self._is_fortran else rows.reshape(shape)

    def __enter__(self) -> "ArrayFile":
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self._member.close()
        self._archive.close()


def _open_archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{path} is not a readable .npz file ({error}). Expected what numpy.savez writes"
        ) from error
