"""Grids that are spread over the files of a folder or of a tar archive."""

import contextlib
import math
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.datasets.arrays import DAMAGE
from pipeline.datasets.grid_files.grid_rows import GridRows
from pipeline.datasets.grid_files.published import ARCHIVES
from pipeline.datasets.grid_files.stored_arrays import SUFFIXES, open_array
from pipeline.datasets.image_files import decoding, finding

LIST_FILE = "list.txt"  # Names of the files in their order, with or without suffix.


def is_archive(path: Path) -> bool:
    """Return whether a path is that of a tar archive, by its name."""
    return path.name.lower().endswith(ARCHIVES)


@contextlib.contextmanager
def unpacked(archive: Path, folder: str, scratch: Path) -> Iterator[Path]:
    """Unpack the files of one folder of a tar archive for a while.

    Args:
      archive: The archive.
      folder: Name of the folder, wherever in the archive it lies.
      scratch: Where to make the temporary folder.

    Yields:
      The temporary folder with the files.

    Raises:
      ValueError: The archive is damaged or has no such folder.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=scratch) as temporary:
        target, found = Path(temporary), set()
        for place, content in _members(archive, folder):
            found.add(place.parent.name)
            if content is not None:
                # Only the last part of the name counts: nothing lands elsewhere.
                (target / place.name).write_bytes(content)
        if folder not in found:
            received = ", ".join(sorted(found)) or "nothing"
            raise ValueError(f"{archive} has no folder {folder!r}. Received: {received}")
        yield target


def _members(archive: Path, folder: str) -> Iterator[tuple[Path, bytes | None]]:
    """Yield the place of each member, and what the files in `folder` hold."""
    try:
        with tarfile.open(archive, "r:*") as members:
            for member in members:
                place = Path(member.name)
                content = None
                if member.isfile() and place.parent.name == folder:
                    source = members.extractfile(member)
                    if source is not None:
                        with source:
                            content = source.read()
                yield place, content
    except (tarfile.TarError, *DAMAGE) as error:
        raise ValueError(f"{archive} is not a whole tar archive: {error}") from error


class ArrayFolder:
    """Files of equal arrays, one for each value of a factor; see GridRows for the attributes."""

    def __init__(self, folder: Path, key: str | None, axes: Sequence[str]):
        """List the files and look at the first.

        Args:
          folder: The folder. Where it has a ``list.txt``, this gives the order of the files, which
            otherwise is that of their names.
          key: Name of the array in each file.
          axes: The factor that differs between the files, then the axes of each array.

        Raises:
          ValueError: There are no such files, or a listed one is missing.
        """
        self._key, self._axes = key, tuple(axes[1:])
        self._paths = _listed(folder)
        with open_array(self._paths[0], key) as array:
            first = GridRows(array, self._axes, self._where(0))
        self._rows_per_file = first.num_rows
        self.factors = (axes[0], *first.factors)
        self.sizes = (len(self._paths), *first.sizes)
        self.image_shape = first.image_shape

    @property
    def num_rows(self) -> int:
        """Number of images."""
        return math.prod(self.sizes)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the rows ``[start, stop)`` as uint8 ``[n, height, width, channels]``."""
        parts = []
        per_file = self._rows_per_file
        for number in range(start // per_file, -(-stop // per_file)):
            first = max(start - number * per_file, 0)
            with open_array(self._paths[number], self._key) as array:
                rows = GridRows(array, self._axes, self._where(number))
                if (rows.sizes, rows.image_shape) != (self.sizes[1:], self.image_shape):
                    raise ValueError(
                        f"{self._paths[number]} does not fit the other files. Expected sizes "
                        f"{self.sizes[1:]} of images {self.image_shape}. Received: {rows.sizes} of "
                        f"{rows.image_shape}"
                    )
                parts.append(rows.read(first, min(stop - number * per_file, per_file)))
        return np.concatenate(parts)

    def _where(self, number: int) -> str:
        return f"array {self._key!r} of {self._paths[number]}"


class NumberedImages:
    """Image files named by their rows, such as 000000.png; see GridRows for the attributes."""

    factors = ("row",)

    def __init__(self, folder: Path):
        """List the files; look at the header of the first.

        Args:
          folder: The folder with the images.

        Raises:
          ValueError: There are no images, or some number is missing.
        """
        self._folder = folder
        names = [path.name for path in folder.iterdir() if finding.is_image(path)]
        numbers = {int(name.split(".")[0]): name for name in names if name.split(".")[0].isdigit()}
        missing = next((row for row in range(len(names)) if row not in numbers), None)
        if not names or missing is not None:
            raise ValueError(
                f"{folder} does not hold images numbered from 0 without gaps. Expected 000000.png "
                f"and so on. Received: {len(names)} images, number {missing or 0} is missing"
            )
        self._paths = [folder / numbers[row] for row in range(len(names))]
        self.sizes = (len(names),)
        self.num_rows = len(names)
        self.image_shape = decoding.shape_of_files(self._paths[:1], None, None)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the rows ``[start, stop)`` as uint8 ``[n, height, width, channels]``."""
        paths = self._paths[start:stop]
        shape = decoding.shape_of_files(paths, None, None)
        if shape[:2] != self.image_shape[:2]:
            raise ValueError(
                f"The images of {self._folder} differ in size. Expected {self.image_shape[:2]}. "
                f"Received: {shape[:2]} from {paths[0].name} on"
            )
        return decoding.read_files(paths, self.image_shape[-1], None, None)


def folder_identity(folder: Path) -> dict[str, Any]:
    """Return what tells one state of a folder of many files from another without looking at each.

    Raises:
      FileNotFoundError: There is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no file or folder {str(folder)!r}")
    return {
        "path": str(folder.resolve()),
        "files": sum(1 for _ in folder.iterdir()),
        "times": [folder.stat().st_mtime_ns, folder.stat().st_ctime_ns],
    }


def _listed(folder: Path) -> list[Path]:
    present = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not present:
        raise ValueError(
            f"{folder} holds no arrays. Expected files ending in {', '.join(SUFFIXES)}"
        )
    if not (folder / LIST_FILE).is_file():
        return present
    names = (folder / LIST_FILE).read_text(encoding="utf-8").split()
    by_name = {path.name: path for path in present} | {path.stem: path for path in present}
    missing = [name for name in names if name not in by_name]
    if missing or len(names) != len(present):
        raise ValueError(
            f"The files of {folder} are not those of its {LIST_FILE}. Expected {len(names)} files. "
            f"Received: {len(present)}" + (f", and not {', '.join(missing[:5])}" if missing else "")
        )
    return [by_name[name] for name in names]
