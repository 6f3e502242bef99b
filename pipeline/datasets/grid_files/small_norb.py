"""SmallNORB: 48,600 pairs of photographs of 50 toys, read from the binary files as published.

LeCun, Huang and Bottou, CVPR 2004; cs.nyu.edu/~ylclab/data/norb-v1.0-small. The files end in
``.mat`` but are not MATLAB's: a magic number for the type, the number of dimensions, at least three
sizes, and the values, all little-endian.
"""

import dataclasses
import gzip
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import checks
from pipeline.datasets.arrays import DAMAGE, file_identity
from pipeline.datasets.grid_files.published import PublishedDataset, RowsOf, rows_per_chunk
from pipeline.datasets.layout import Contents, Layout, StoredImages
from pipeline.datasets.resizing import resize_array
from pipeline.datasets.table import TableDataset

PARTS = {
    "train": "smallnorb-5x46789x9x18x6x2x96x96-training",
    "test": "smallnorb-5x01235x9x18x6x2x96x96-testing",
}
FACTORS = ("category", "instance", "elevation", "azimuth", "lighting")
DTYPES = {0x1E3D4C55: "u1", 0x1E3D4C54: "<i4"}


@dataclasses.dataclass(frozen=True)
class SmallNorb(PublishedDataset):
    """The images of one of the two cameras, 96 x 96 grey.

    The `path` is the folder with the six files ``...-dat.mat``, ``-cat.mat`` and ``-info.mat`` of
    both parts, as they are or with ``.gz``.

    Attributes:
      factors: Which of category (5 values), instance (10 toys of each category), elevation (9),
        azimuth (18) and lighting (6) count as factors. The large-scale study leaves the instance
        out.
      part: "all" (what the large-scale study does), "train" with the other toys held out as test
        images, or "test".
      camera: 0 or 1.
    """

    title: str | None = "SmallNORB"
    factors: tuple[str, ...] = ("category", "elevation", "azimuth", "lighting")
    part: str = "all"
    camera: int = 0

    def __post_init__(self):
        """Check the fields; the files are looked at later."""
        super().__post_init__()
        if not isinstance(self.factors, tuple | list) or not set(self.factors) <= set(FACTORS):
            checks.fail("factors", self.factors, f"some of {', '.join(FACTORS)}")
        object.__setattr__(self, "factors", tuple(self.factors))
        checks.choice("part", self.part, ("all", *PARTS))
        checks.choice("camera", self.camera, (0, 1))

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe; one cache serves all factors and numbers of training images."""
        files = [file_identity(self._file(part, kind)) for part, kind in self._stored()]
        fields = ("part", "camera", "crop", "resize")
        return {"files": files, **{field: getattr(self, field) for field in fields}}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        side = self.resize or self.crop or 96
        num_rows = 24_300 * len(self._parts())
        return num_rows * side * side, num_rows / 5_000

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe; verifies the shapes of all files."""
        shapes = {}
        for part in self._parts():
            images, category, info = (
                BinaryMatrix(self._file(part, kind)) for kind in ("dat", "cat", "info")
            )
            shapes[part] = images.shape
            fit = len(images.shape) == 4 and images.shape[1] == 2 and images.dtype == "u1"
            num_rows = images.shape[0]
            if not fit or category.shape != (num_rows,) or info.shape != (num_rows, 4):
                raise ValueError(
                    f"The files {PARTS[part]} are not SmallNORB's. Expected dat uint8 [n, 2, "
                    f"height, width], cat [n], info [n, 4]. Received: {images.shape} "
                    f"{images.dtype}, {category.shape}, {info.shape}"
                )
        if len({shape[1:] for shape in shapes.values()}) > 1:
            raise ValueError(f"The parts of {self.path} differ in image size. Received: {shapes}")
        rows = {part: shape[0] for part, shape in shapes.items()}
        shape = self._resized((*next(iter(shapes.values()))[2:], 1))
        held_out = rows["test"] if self.part == "train" else 0
        details = {"rows": rows, "num_train": sum(rows.values()) - held_out}
        arrays = {"images": (shape, "uint8"), "factors": ((len(FACTORS),), "int64")}
        return Layout(arrays, sum(rows.values()), rows_per_chunk(shape), details)

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        factors = np.concatenate([self._read_factors(part) for part in self._parts()])
        matrices = [BinaryMatrix(self._file(part, "dat")) for part in self._parts()]
        firsts = np.cumsum([0, *(matrix.shape[0] for matrix in matrices)])
        for start, stop in ranges:
            images = np.concatenate(
                [
                    matrix.read(max(start - first, 0), min(stop - first, matrix.shape[0]))
                    for matrix, first in zip(matrices, firsts[:-1].tolist(), strict=True)
                    if start < first + matrix.shape[0] and first < stop
                ]
            )[:, self.camera, :, :, None]
            if self.crop is not None or self.resize is not None:
                images = np.stack([resize_array(image, self.crop, self.resize) for image in images])
            yield {"images": np.ascontiguousarray(images), "factors": factors[start:stop]}

    def view(self, contents: Contents) -> TableDataset:
        """See DatasetRecipe."""
        num_train = contents.details["num_train"]
        rows, fingerprint = self._chosen(num_train, contents.fingerprint)
        images: StoredImages = contents.arrays["images"]
        factors = np.asarray(contents.arrays["factors"])
        if rows is not None:
            kept = np.concatenate([rows, np.arange(num_train, len(images))])
            images, factors, num_train = RowsOf(images, kept), factors[kept], len(rows)
        columns = [FACTORS.index(name) for name in self.factors]
        data = TableDataset(
            self.name,
            255,
            fingerprint,
            images,
            factors[:, columns],
            self.factors,
            num_train,
        )
        data.nominal_factors = tuple(
            name for name in ("category", "instance", "lighting") if name in self.factors
        )
        return data

    def _parts(self) -> list[str]:
        """Return the stored parts; what is held out comes last."""
        return ["test"] if self.part == "test" else list(PARTS)

    def _stored(self) -> list[tuple[str, str]]:
        return [(part, kind) for part in self._parts() for kind in ("dat", "cat", "info")]

    def _file(self, part: str, kind: str) -> Path:
        path = self.files / f"{PARTS[part]}-{kind}.mat"
        compressed = path.with_name(f"{path.name}.gz")
        return compressed if compressed.is_file() and not path.is_file() else path

    def _read_factors(self, part: str) -> np.ndarray:
        """Return factor values int64 ``[n, 5]`` in the order of FACTORS; azimuth from 0 to 17."""
        matrices = [BinaryMatrix(self._file(part, kind)) for kind in ("cat", "info")]
        columns = [matrix.read(0, matrix.shape[0]) for matrix in matrices]
        factors = np.column_stack(columns).astype(np.int64)
        factors[:, FACTORS.index("azimuth")] //= 2  # Stored as 0, 2, .. 34: tens of degrees.
        highest = np.array([4, 9, 8, 17, 5])
        if (factors < 0).any() or (factors > highest).any():
            raise ValueError(
                f"The factors of {self._file(part, 'info')} are out of range. Expected at most "
                f"{highest.tolist()} of {', '.join(FACTORS)}. Received: "
                f"{factors.max(axis=0).tolist()}"
            )
        return factors


class BinaryMatrix:
    """A file of the format that NORB is published in, raw or gzip.

    Attributes:
      shape: Shape of the matrix.
      dtype: Its NumPy dtype.
    """

    def __init__(self, path: Path):
        """Read the header and, of a raw file, compares the size.

        Args:
          path: The file.

        Raises:
          FileNotFoundError: There is no such file.
          ValueError: It is of another kind, or too short.
        """
        file_identity(path)
        self._path = path
        head = self._bytes(0, 8)
        magic, num_axes = np.frombuffer(head, "<i4") if len(head) == 8 else (0, 0)
        if int(magic) not in DTYPES or not 0 < num_axes <= 8:
            raise ValueError(
                f"{path} is not a file of SmallNORB's. Expected magic number 0x1E3D4C55 or "
                f"0x1E3D4C54. Received: 0x{int(magic) & 0xFFFFFFFF:08X}"
            )
        self._first_byte = 8 + 4 * max(3, int(num_axes))
        sizes = np.frombuffer(self._bytes(8, 4 * int(num_axes)), "<i4")
        self.dtype = np.dtype(DTYPES[int(magic)])
        self.shape = tuple(sizes[: int(num_axes)].tolist())
        self._row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        expected = self._first_byte + self.shape[0] * self._row_bytes
        if path.suffix != ".gz" and path.stat().st_size != expected:
            raise self._too_short(expected, path.stat().st_size)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the rows ``[start, stop)``.

        Raises:
          ValueError: The file is damaged or too short.
        """
        first = self._first_byte + start * self._row_bytes
        data = self._bytes(first, (stop - start) * self._row_bytes)
        if len(data) != (stop - start) * self._row_bytes:
            raise self._too_short((stop - start) * self._row_bytes, len(data))
        return np.frombuffer(data, self.dtype).reshape(stop - start, *self.shape[1:])

    def _bytes(self, first: int, count: int) -> bytes:
        """Return the bytes from `first` on, fewer where the file ends before."""
        is_packed = self._path.suffix == ".gz"
        try:
            with gzip.open(self._path) if is_packed else self._path.open("rb") as file:
                file.seek(first)
                return file.read(count)
        except DAMAGE as error:
            raise ValueError(f"{self._path} is damaged: {error}") from error

    def _too_short(self, expected: int, received: int) -> ValueError:
        return ValueError(
            f"{self._path} does not have the size that its header says: download it again. "
            f"Expected {expected} bytes. Received: {received}"
        )
