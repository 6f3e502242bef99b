"""One recipe for complete grids of factors that people hold as files.

Shapes3D, MPI3D, Cars3D, Falcor3D, Isaac3D and their like, as published or as saved again: what
differs is the key, the axes, and the names and sizes of the factors, which are its fields. See
``gin/parts/data/grids`` for the published ones.
"""

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import checks
from pipeline.datasets.arrays import file_identity
from pipeline.datasets.grid import GridDataset
from pipeline.datasets.grid_files import folders
from pipeline.datasets.grid_files.grid_rows import IMAGE_AXES, ROW, GridRows
from pipeline.datasets.grid_files.published import PublishedDataset, rows_per_chunk
from pipeline.datasets.grid_files.stored_arrays import open_array, read_array
from pipeline.datasets.layout import Contents, Layout, StoredRows
from pipeline.datasets.resizing import resize_array


@dataclasses.dataclass(frozen=True)
class GridFile(PublishedDataset):
    """All combinations of known factors, each once.

    The `path` is an ``.h5``, ``.npz``, ``.npy`` or ``.mat`` file; a folder of such files, one for
    each value of a factor, or a tar archive with such a folder; or a folder of images numbered from
    0. Images are ``[height, width]`` or ``[height, width, 1 or 3]``, uint8 or bool, or floating
    point in [0, 1].

    Attributes:
      factor_names: Names of the factors.
      factor_sizes: How many values each has. Where the file has one axis for all combinations, they
        are in row-major order: the last factor changes fastest.
      nominal: Factors whose values have no order, such as a shape.
      key: Name of the array in the file; None takes the only one there is.
      axes: A name for each axis of the array (in MATLAB's order for MATLAB's files): "height",
        "width", "channel", and factors, or "row" for all combinations in one. For a folder of
        arrays the factor that differs between the files comes first. None means row, height, width,
        channel; in MATLAB's files height, width, channel, row.
      labels: Name of an array in the same file, or of a ``.npy`` file in the folder or beside it,
        with the factors' values ``[n, columns]`` in the order of the rows; verified to be this
        grid. Columns of a single value are passed over. None if there is none.
      folder: The folder inside of a tar archive.
      max_value: The uint8 value of full intensity, 1 or 255.
      num_images: Training images, a random subset; None means all. Evaluation draws from all.
    """

    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[int, ...] = ()
    nominal: tuple[str, ...] = ()
    key: str | None = None
    axes: tuple[str, ...] | None = None
    labels: str | None = None
    folder: str | None = None
    max_value: int = 255

    def __post_init__(self):
        """Check the fields; the files are looked at later."""
        super().__post_init__()
        for field in ("factor_names", "nominal", "axes"):
            value = getattr(self, field)
            if field == "axes" and value is None:
                continue
            is_names = isinstance(value, tuple | list) and all(
                isinstance(name, str) and name for name in value
            )
            if not is_names or len(set(value)) < len(value):
                checks.fail(field, value, "a tuple of different names")
            object.__setattr__(self, field, tuple(value))
        if not isinstance(self.factor_sizes, tuple | list) or not self.factor_sizes:
            checks.fail("factor_sizes", self.factor_sizes, "a tuple of whole numbers")
        for size in self.factor_sizes:
            checks.integer("factor_sizes", size, minimum=2)
        object.__setattr__(self, "factor_sizes", tuple(self.factor_sizes))
        if len(self.factor_names) != len(self.factor_sizes):
            checks.fail("factor_names", self.factor_names, f"{len(self.factor_sizes)} names")
        if not set(self.nominal) <= set(self.factor_names):
            checks.fail("nominal", self.nominal, f"some of {', '.join(self.factor_names)}")
        if self.axes is not None:
            factors = sorted(set(self.axes) - set(IMAGE_AXES))
            if factors not in ([ROW], sorted(self.factor_names)):
                checks.fail("axes", self.axes, f"{ROW!r} or each of {', '.join(self.factor_names)}")
        checks.choice("max_value", self.max_value, (1, 255))

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe; one cache serves every number of training images."""
        path = self.files
        identity = folders.folder_identity if not path.is_file() else file_identity
        fields = ["key", "axes", "factor_names", "factor_sizes", "labels", "folder", "max_value"]
        fields += ["crop", "resize"]
        return {"source": identity(path), **{field: getattr(self, field) for field in fields}}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe; inside of an archive 128 x 128 pixels in colour are assumed."""
        shape = (128, 128, 3)
        if not folders.is_archive(self.files):
            with self._opened(self.files.parent) as rows:
                shape = rows.image_shape
        num_rows = math.prod(self.factor_sizes)
        return num_rows * math.prod(self._resized(shape)), num_rows / 5_000

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe; verifies sizes and labels."""
        with self._opened(cache_directory) as rows:
            self._check_sizes(rows)
            factors = self.factor_names if rows.factors == (ROW,) else rows.factors
            self._check_labels(factors)
            shape = self._resized(rows.image_shape)
        details = {"factors": list(factors)}
        num_rows = math.prod(self.factor_sizes)
        return Layout({"images": (shape, "uint8")}, num_rows, rows_per_chunk(shape), details)

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        with self._opened(cache_directory) as rows:
            for start, stop in ranges:
                images = rows.read(start, stop)
                if images.max() > self.max_value:
                    raise ValueError(
                        f"The images of {self.files} are brighter than max_value. Expected up to "
                        f"{self.max_value}. Received: {images.max()} in rows {start} to {stop - 1}"
                    )
                if self.crop is not None or self.resize is not None:
                    images = np.stack(
                        [resize_array(image, self.crop, self.resize) for image in images]
                    )
                yield {"images": images}

    def view(self, contents: Contents) -> GridDataset:
        """See DatasetRecipe."""
        images = contents.arrays["images"]
        rows, fingerprint = self._chosen(len(images), contents.fingerprint)
        factors = contents.details["factors"]
        stored: StoredRows = images
        if tuple(factors) != self.factor_names:
            stored = _Reordered(images, self.factor_names, self.factor_sizes, factors)
        data = GridDataset(
            self.name,
            images.shape[1:],
            self.max_value,
            fingerprint,
            self.factor_names,
            self.factor_sizes,
            stored=stored,
            decode=np.asarray,
            training_rows=rows,
        )
        data.nominal_factors = self.nominal
        return data

    @contextlib.contextmanager
    def _opened(self, scratch: Path) -> Iterator[Any]:
        """Return the rows of images: GridRows, or the like; archives unpack into `scratch`."""
        path = self.files
        if folders.is_archive(path):
            if self.folder is None or self.axes is None:
                checks.fail("folder", self.folder, "the folder in the archive, and axes")
            with folders.unpacked(path, self.folder, scratch) as folder:
                yield folders.ArrayFolder(folder, self.key, self.axes)
        elif path.is_dir() and self.axes is not None:
            yield folders.ArrayFolder(path, self.key, self.axes)
        elif path.is_dir():
            yield folders.NumberedImages(path)
        else:
            with open_array(path, self.key) as array:
                yield GridRows(array, self.axes, f"array {self.key!r} of {path}")

    def _check_sizes(self, rows: Any) -> None:
        named = dict(zip(self.factor_names, self.factor_sizes, strict=True))
        if rows.factors == (ROW,):
            expected = {ROW: math.prod(self.factor_sizes)}
        else:
            expected = {name: named[name] for name in rows.factors}
        received = dict(zip(rows.factors, rows.sizes, strict=True))
        if received != expected:
            raise ValueError(
                f"{self.files} does not have the sizes of {self.name}: another edition, a part of "
                f"it, or wrong factor_sizes. Expected {expected} (factors {named}). Received: "
                f"{received}"
            )

    def _check_labels(self, factors: Sequence[str]) -> None:
        """Raise ValueError unless the labels say that the rows are this grid."""
        if self.labels is None:
            return
        path = self.files
        if path.is_dir():
            places = [path / self.labels, path.parent / self.labels]
            labels = read_array(next((place for place in places if place.is_file()), places[0]))
        else:
            labels = read_array(path, self.labels)
        sizes = [self.factor_sizes[self.factor_names.index(name)] for name in factors]
        check_is_grid(labels, factors, sizes, f"{self.labels} of {path}")


class _Reordered:
    """Stored rows found by keys of a grid whose factors are in another order."""

    def __init__(
        self,
        stored: np.ndarray,
        names: Sequence[str],
        sizes: Sequence[int],
        stored_names: Sequence[str],
    ):
        self._stored = stored
        self._sizes = sizes
        self._order = [list(names).index(name) for name in stored_names]

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, keys: np.ndarray) -> np.ndarray:
        factors = np.unravel_index(keys, self._sizes)
        sizes = [self._sizes[place] for place in self._order]
        return self._stored[np.ravel_multi_index([factors[one] for one in self._order], sizes)]


def check_is_grid(
    labels: np.ndarray, names: Sequence[str], sizes: Sequence[int], where: str
) -> None:
    """Verify that rows of factor values run through a grid, the last factor changing fastest.

    Args:
      labels: Values ``[n, columns]``, a column for each factor in order, and any of one value.
      names: Names of the factors.
      sizes: How many values each has.
      where: Names the labels in errors.

    Raises:
      ValueError: They do not; says which factor differs first.
    """
    num_rows = math.prod(sizes)
    if labels.ndim != 2 or len(labels) != num_rows:
        raise ValueError(
            f"{where} do not fit. Expected shape [{num_rows}, columns]. Received: {labels.shape}"
        )
    ranks = [np.unique(column, return_inverse=True)[1] for column in labels.T]
    ranks = [rank for rank in ranks if rank.max() > 0]
    found = tuple(int(rank.max()) + 1 for rank in ranks)
    if found != tuple(sizes):
        raise ValueError(
            f"{where} are not those of {', '.join(names)}. Expected numbers of values "
            f"{tuple(sizes)}. Received: {found}"
        )
    grid = np.unravel_index(np.arange(num_rows), tuple(sizes))
    for name, rank, expected in zip(names, ranks, grid, strict=True):
        if not np.array_equal(rank, expected):
            row = int(np.argmax(rank != expected))
            raise ValueError(
                f"{where} are not in row-major order of {', '.join(names)}. Expected {name} number "
                f"{expected[row]} in row {row}. Received: number {rank[row]}"
            )
