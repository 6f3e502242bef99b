"""Arrays inside of ``.h5``, ``.npz``, ``.npy`` and MATLAB files, read in parts.

All are seen in the order in which their bytes lie: MATLAB writes the first axis fastest, so its
arrays appear with their axes reversed.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import scipy

from pipeline.datasets.arrays import ArrayFile, array_names, file_identity

HDF5 = (".h5", ".hdf5", ".hdf")
SUFFIXES = (*HDF5, ".npz", ".npy", ".mat")


class StoredArray(NamedTuple):
    """An opened array.

    Attributes:
      values: Has `shape` and `dtype` and is indexed by integers and slices, which reads no more
        than what they select.
      is_reversed: Whether the axes are MATLAB's in reverse.
      is_streamed: Whether it is indexed by one slice of the first axis only, best forwards.
    """

    values: Any
    is_reversed: bool = False
    is_streamed: bool = False


class _NpzRows:
    """An array of an ``.npz`` file, read from front to back by slices of its first axis."""

    def __init__(self, file: ArrayFile):
        self._file = file
        self.shape = file.shape
        self.dtype = file.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        return self._file.read(start, stop)


@contextlib.contextmanager
def open_array(path: Path, key: str | None = None) -> Iterator[StoredArray]:
    """Open one array of a file.

    MATLAB's files of version 7.3 and HDF5 files are read in parts, ``.npy`` files are
    memory-mapped, ``.npz`` files are streamed. Of MATLAB's older files, whose variables have at
    most 2 GB, the variable is read as a whole.

    Args:
      path: The file; its suffix says what it is.
      key: Name of the array; ``a/b`` is array b of group a. None takes the only array there is.

    Yields:
      The array.

    Raises:
      FileNotFoundError: There is no such file.
      ValueError: The file is of another kind or damaged, or has no such array; names it.
    """
    file_identity(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"{path} is not of a kind that is read. Expected a file ending in "
            f"{', '.join(SUFFIXES)}. Received: {path.suffix or 'no suffix'}"
        )
    suffix = path.suffix.lower()
    if suffix in HDF5 or (suffix == ".mat" and h5py.is_hdf5(path)):
        with _opened_hdf5(path) as file:
            yield StoredArray(_hdf5_array(path, file, key), is_reversed=suffix == ".mat")
    elif suffix == ".npz":
        with ArrayFile(path, _chosen_key(path, key, array_names(path))) as file:
            yield StoredArray(_NpzRows(file), is_streamed=True)
    elif suffix == ".npy":
        yield StoredArray(_memory_map(path))
    else:
        yield StoredArray(_matlab_variable(path, key).T, is_reversed=True)


def read_array(path: Path, key: str | None = None) -> np.ndarray:
    """Read one small array as a whole, with its axes as in NumPy (MATLAB's as in MATLAB).

    Raises:
      FileNotFoundError: There is no such file.
      ValueError: See `open_array`.
    """
    with open_array(path, key) as array:
        values = np.asarray(array.values[: array.values.shape[0]])
    return values.T if array.is_reversed else values


@contextlib.contextmanager
def _opened_hdf5(path: Path) -> Iterator[h5py.File]:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path} cannot be read as HDF5: {error}") from error
    with file:
        yield file


class _Hdf5Rows:
    """An array of an HDF5 file; a damaged part is named when it is read."""

    def __init__(self, path: Path, array: h5py.Dataset):
        self._path = path
        self._array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, selection: Any) -> np.ndarray:
        try:
            return self._array[selection]
        except OSError as error:
            raise ValueError(f"{self._path} is damaged: {error}") from error


def _hdf5_array(path: Path, file: h5py.File, key: str | None) -> _Hdf5Rows:
    names = []
    file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
    array = file[_chosen_key(path, key, names)]
    if array.dtype.kind not in "biuf" or array.shape is None:
        raise ValueError(
            f"Array {array.name!r} of {path} is not of numbers. Received: dtype={array.dtype}"
        )
    return _Hdf5Rows(path, array)


def _chosen_key(path: Path, key: str | None, names: list[str]) -> str:
    if key is None and len(names) == 1:
        return names[0]
    if key is None or key.strip("/") not in names:
        raise ValueError(
            f"{path} does not have the array asked for. Expected key to be one of: "
            f"{', '.join(names) or 'nothing, the file holds no arrays'}. Received: key={key!r}"
        )
    return key.strip("/")


def _memory_map(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as a .npy file of numbers: {error}") from error


def _matlab_variable(path: Path, key: str | None) -> np.ndarray:
    try:
        names = [name for name, _, _ in scipy.io.whosmat(path)]
        chosen = _chosen_key(path, key, names)
        values = scipy.io.loadmat(path, variable_names=[chosen])[chosen]
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise _not_matlab(path, error) from error
    except Exception as error:  # scipy raises whatever a damaged file makes it stumble over
        raise _not_matlab(path, error) from error
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{key!r} of {path} is not of numbers. Received: dtype={values.dtype}")
    return values


def _not_matlab(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path} cannot be read as a file of MATLAB's ({type(error).__name__}: {error}). Files of "
        "SmallNORB only look like these by their name: they have a recipe of their own"
    )
