"""The user's own images: an ``.npz`` file, or a folder of image files.

Known factors and labels are optional; without them every stage still runs, and only what needs
factors is left out.
"""

import abc
import dataclasses
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import checks
from pipeline.datasets import image_files
from pipeline.datasets.arrays import ArrayFile, array_names, file_identity
from pipeline.datasets.grid import training_subset
from pipeline.datasets.interface import DatasetRecipe, check_num_images
from pipeline.datasets.layout import Contents, Layout
from pipeline.datasets.resizing import check_sizes
from pipeline.datasets.table import TableDataset

logger = logging.getLogger(__name__)

ROWS_PER_READ = 1024


@dataclasses.dataclass(frozen=True)
class StoredImages(DatasetRecipe):
    """What the recipes for the user's own images share.

    Attributes:
      path: Where the images are.
      num_images: Images taken, a random subset; None means all.
      subset_seed: Seed of that subset.
    """

    path: str
    num_images: int | None = None
    subset_seed: int = 0

    def __post_init__(self):
        """Checks the fields; the files are looked at later."""
        if not isinstance(self.path, str) or not self.path:
            checks.fail("path", self.path, "the path of the images")
        check_num_images(self.num_images)
        checks.integer("subset_seed", self.subset_seed, minimum=0)

    @property
    def name(self) -> str:
        """Name of the file or folder."""
        return Path(self.path).stem

    def view(self, contents: Contents) -> TableDataset:
        """See DatasetRecipe."""
        return TableDataset(
            self.name,
            contents.details["max_value"],
            contents.fingerprint,
            contents.arrays["images"],
            contents.arrays.get("factors"),
            tuple(contents.details["factor_names"]),
            contents.details.get("num_train"),
        )

    def _chosen(self, total: int) -> np.ndarray:
        check_num_images(self.num_images, total)
        chosen = training_subset(self.num_images, total, self.subset_seed)
        return np.arange(total) if chosen is None else chosen

    @abc.abstractmethod
    def _factors(self) -> tuple[np.ndarray, list[str]]:
        """Factor values int64 ``[num_rows, num_factors]`` of the images kept, and their names."""

    def _layout(
        self,
        image_shape: tuple[int, ...],
        max_value: int,
        num_rows: int,
        num_train: int | None = None,
    ) -> Layout:
        factors, names = self._factors()
        arrays = {"images": (tuple(image_shape), "uint8")}
        if names:
            arrays["factors"] = ((factors.shape[1],), "int64")
        # Some 64 MB a chunk.
        rows_per_chunk = max(1, 2**26 // int(np.prod(image_shape)))
        details = {"factor_names": names, "max_value": max_value, "num_train": num_train}
        return Layout(arrays, num_rows, rows_per_chunk, details)


@dataclasses.dataclass(frozen=True)
class ImageArrays(StoredImages):
    """An ``.npz`` file.

    It holds ``images`` ``[n, h, w, c]`` or ``[n, h, w]``, c = 1 or 3, uint8 (0 .. 255, or 0 and 1),
    bool, or floating point in [0, 1]; if known ``factors``, whole numbers ``[n, num_factors]``,
    with ``factor_names``; or else ``labels`` ``[n]``, numbers or strings, which count as one factor
    named "label" and are not used beside ``factors``. Not every combination need be there. Factors
    with a single value are left out.
    """

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe."""
        source = file_identity(Path(self.path))
        return {"file": source, "num_images": self.num_images, "subset_seed": self.subset_seed}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        with self._open_images() as images:
            num_rows = len(self._chosen(images.shape[0]))
            return num_rows * int(np.prod(images.shape[1:])), num_rows / 5_000

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe; reads all images once to check their range."""
        with self._open_images() as images:
            num_rows, *image_shape = images.shape
            highest = 0
            for start in range(0, num_rows, ROWS_PER_READ):
                rows = images.read(start, min(start + ROWS_PER_READ, num_rows))
                low, high = rows.min(), rows.max()
                # Written so that not-a-number fails.
                if rows.dtype.kind == "f" and not (low >= 0 and high <= 1):
                    raise ValueError(
                        f"The images of {self.path} are out of range. Expected floating point in "
                        f"[0, 1], or uint8. Received: values from {low} to {high} in rows {start} "
                        f"to {start + len(rows) - 1}"
                    )
                highest = max(highest, high)
            if highest == 0:
                raise ValueError(f"The images of {self.path} are all black")
            is_binary = images.dtype.kind in "bu" and highest == 1
        if len(image_shape) == 2:
            image_shape.append(1)
        num_chosen = len(self._chosen(num_rows))
        return self._layout(tuple(image_shape), 1 if is_binary else 255, num_chosen)

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        image_shape = layout.arrays["images"][0]
        factors, names = self._factors()
        with self._open_images() as images:
            chosen = self._chosen(images.shape[0])
            for start, stop in ranges:
                chunk = np.empty((stop - start, *image_shape), np.uint8)
                for first in range(chosen[start], chosen[stop - 1] + 1, ROWS_PER_READ):
                    # The rows are sorted: read what spans them, keep the chosen ones.
                    last = min(first + ROWS_PER_READ, chosen[stop - 1] + 1)
                    here = slice(*np.searchsorted(chosen[start:stop], (first, last)))
                    rows = images.read(first, last)[chosen[start:stop][here] - first]
                    if rows.dtype.kind == "f":
                        rows = np.rint(255 * rows.astype(np.float32))
                    chunk[here] = rows.reshape(-1, *image_shape)
                yield {"images": chunk, **({"factors": factors[start:stop]} if names else {})}

    def _open_images(self) -> ArrayFile:
        path = Path(self.path)
        if "images" not in array_names(path):
            raise ValueError(
                f"{path} has no images. Expected an array 'images'. Received: "
                f"{', '.join(array_names(path)) or 'no arrays'}"
            )
        images = ArrayFile(path, "images")
        shape, dtype = images.shape, images.dtype
        channels = shape[3] if len(shape) == 4 else 1
        if len(shape) not in (3, 4) or 0 in shape or channels not in (1, 3):
            images.__exit__()
            raise ValueError(
                f"The images of {path} have an unusable shape. Expected [n, height, width, 1 or 3] "
                f"or [n, height, width], and at least one image. Received: shape={shape}"
            )
        if dtype != np.uint8 and dtype.kind not in "fb":
            images.__exit__()
            raise ValueError(
                f"The images of {path} are of an unusable type. Expected uint8, bool or floating "
                f"point in [0, 1]. Received: dtype={dtype}"
            )
        return images

    def _factors(self) -> tuple[np.ndarray, list[str]]:
        path = Path(self.path)
        arrays = array_names(path)
        with self._open_images() as images:
            total = images.shape[0]
        if "factors" in arrays:
            factors = _read_all(path, "factors")
            factors = factors[:, None] if factors.ndim == 1 else factors
            names = [f"factor_{column}" for column in range(factors.shape[-1])]
            if "factor_names" in arrays:
                names = [str(name) for name in np.atleast_1d(_read_all(path, "factor_names"))]
        elif "labels" in arrays:
            factors = _read_all(path, "labels")
            names = ["label"]
            if factors.ndim == 1:
                factors = np.unique(factors, return_inverse=True)[1][:, None]
        else:
            return np.zeros((total, 0), np.int64), []
        if factors.ndim != 2 or len(factors) != total or factors.shape[1] != len(names):
            raise ValueError(
                f"The factors or labels of {path} do not fit its images. Expected factors "
                f"[{total}, num_factors] with a name each, or labels [{total}]. Received: "
                f"shape={factors.shape}, names={names}"
            )
        is_whole = factors.dtype.kind in "iub" or (
            factors.dtype.kind == "f" and bool((factors == np.rint(factors)).all())
        )
        if not is_whole:
            raise ValueError(
                f"The factors of {path} are not discrete. Expected whole numbers; put continuous "
                f"factors into bins first. Received: dtype={factors.dtype}"
            )
        return keep_varying(factors[self._chosen(total)].astype(np.int64), names)


@dataclasses.dataclass(frozen=True)
class ImageFolder(StoredImages):
    """A folder of images, or of class sub-folders with images.

    The sub-folders are the values of one factor named "label". Images are grey if all files are,
    or else in colour; transparency is laid over white.

    Attributes:
      path: The folder.
      num_images: See StoredImages.
      subset_seed: See StoredImages.
      crop: Side of the centred square to cut out, in pixels. None keeps the whole image, or where
        `resize` is given the largest square.
      resize: Height and width of the images; None keeps them, and then all must be of one size.
      test_path: A folder of the same kind whose images are held out for tests; None for none.
    """

    crop: int | None = None
    resize: int | None = None
    test_path: str | None = None

    def __post_init__(self):
        """Checks the fields; the files are looked at later."""
        super().__post_init__()
        check_sizes(self.crop, self.resize)
        if self.test_path is not None and (
            not isinstance(self.test_path, str) or not self.test_path
        ):
            checks.fail("test_path", self.test_path, "a folder with images, or None")

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe."""
        identity = dataclasses.asdict(self)
        identity["path"] = str(Path(self.path).resolve())
        identity["files"] = image_files.listing_digest(Path(self.path))
        if self.test_path is not None:
            identity["test_files"] = image_files.listing_digest(Path(self.test_path))
        return identity

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        files = self._files()
        num_rows = len(files)
        shape = image_files.common_shape(files[:1], self.crop, self.resize)
        return num_rows * int(np.prod(shape)), num_rows / 500

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe; looks at the header of every file."""
        files = self._files()
        shape = image_files.common_shape(files, self.crop, self.resize)
        num_train = len(files) - len(self._test_files())
        return self._layout(shape, 255, len(files), num_train)

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        files = self._files()
        factors, names = self._factors()
        channels = layout.arrays["images"][0][-1]
        for start, stop in ranges:
            images = image_files.read(files[start:stop], channels, self.crop, self.resize)
            yield {"images": images, **({"factors": factors[start:stop]} if names else {})}

    def image_names(self) -> list[str]:
        """See DatasetRecipe: the paths of the files inside the folder they were found in."""
        num_test = len(self._test_files())
        files = self._files()
        folders = [self.path] * (len(files) - num_test) + [self.test_path] * num_test
        return [
            file.relative_to(folder).as_posix() for file, folder in zip(files, folders, strict=True)
        ]

    def _files(self) -> list[Path]:
        """The training files chosen, then the test files."""
        files = image_files.find(Path(self.path))
        return [files[row] for row in self._chosen(len(files))] + self._test_files()

    def _test_files(self) -> list[Path]:
        return [] if self.test_path is None else image_files.find(Path(self.test_path))

    def _factors(self) -> tuple[np.ndarray, list[str]]:
        folders = [Path(folder) for folder in (self.path, self.test_path) if folder is not None]
        labels = [name.split("/")[0] for name in self.image_names()]
        values = np.unique(labels, return_inverse=True)[1][:, None].astype(np.int64)
        if not all(image_files.has_class_folders(folder) for folder in folders):
            return values[:, :0], []
        return keep_varying(values, ["label"])


def keep_varying(factors: np.ndarray, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """Leaves out, with a warning, factors that have a single value: nothing can be learnt of them.

    Args:
      factors: int ``[n, num_factors]``.
      names: One name a factor.

    Returns:
      The other factors and their names.
    """
    varies = (factors != factors[:1]).any(axis=0)
    for name, one_varies in zip(names, varies, strict=True):
        if not one_varies:
            logger.warning("The factor %r has the same value everywhere and is left out", name)
    return factors[:, varies], [name for name, keep in zip(names, varies, strict=True) if keep]


def _read_all(path: Path, name: str) -> np.ndarray:
    with ArrayFile(path, name) as array:
        if not array.shape:
            raise ValueError(f"{name!r} of {path} is a single value. Expected an array")
        return array.read(0, array.shape[0])
