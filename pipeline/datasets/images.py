"""The user's own images: an ``.npz`` file, or a folder of image files.

Known factors and labels are optional; without them every stage still runs, and only what needs
factors is left out.
"""

import dataclasses
import difflib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import checks
from pipeline.datasets import paths
from pipeline.datasets.arrays import ArrayFile, array_names, file_identity
from pipeline.datasets.grid import training_subset
from pipeline.datasets.image_files import contents, decoding, finding
from pipeline.datasets.interface import (
    READING_VERSION,
    CachedRecipe,
    check_num_images,
)
from pipeline.datasets.layout import Contents, Layout
from pipeline.datasets.own_values import OwnFactors, own_factors, refuse_missing_text
from pipeline.datasets.resizing import check_sizes
from pipeline.datasets.table import TableDataset

logger = logging.getLogger(__name__)

ROWS_PER_READ = 1024
ARRAYS = ("images", "factors", "factor_names", "labels")  # that are read


@dataclasses.dataclass(frozen=True)
class StoredImages(CachedRecipe):
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
        """Check the fields; the files are looked at later."""
        path = paths.absolute("path", self.path, "the path of the images")
        object.__setattr__(self, "path", path)
        check_num_images(self.num_images)
        checks.integer("subset_seed", self.subset_seed, minimum=0)

    @property
    def name(self) -> str:
        """Name of the file or folder."""
        return paths.title(self.path, endings=(".npz",))

    def view(self, contents: Contents) -> TableDataset:
        """See DatasetRecipe."""
        return TableDataset(
            self.name,
            contents.details["max_value"],
            contents.fingerprint,
            contents.arrays["images"],
            contents.arrays.get("factors"),
            tuple(contents.details["factor_names"]),
            contents.details["num_train"],
            contents.details["factor_values"],
        )

    def _chosen(self, total: int) -> np.ndarray:
        check_num_images(self.num_images, total, self.path)
        chosen = training_subset(self.num_images, total, self.subset_seed)
        return np.arange(total) if chosen is None else chosen

    def _layout(
        self,
        factors: OwnFactors,
        image_shape: tuple[int, ...],
        max_value: int,
        num_rows: int,
        num_train: int | None = None,
    ) -> Layout:
        for name in factors.left_out:
            logger.warning("The factor %r has the same value everywhere and is left out", name)
        arrays = {"images": (tuple(image_shape), "uint8")}
        if factors.names:
            arrays["factors"] = ((len(factors.names),), "int64")
        # Some 64 MB a chunk.
        rows_per_chunk = max(1, 2**26 // int(np.prod(image_shape)))
        details = {**factors.details, "max_value": max_value, "num_train": num_train}
        return Layout(arrays, num_rows, rows_per_chunk, details)


@dataclasses.dataclass(frozen=True)
class ImageArrays(StoredImages):
    """An ``.npz`` file.

    It holds ``images`` ``[n, h, w, c]`` or ``[n, h, w]``, c = 1 or 3, uint8 (0 .. 255, or 0 and 1),
    bool, or floating point in [0, 1]; if known ``factors`` ``[n, num_factors]``, whole numbers or
    text, with ``factor_names``; or else ``labels`` ``[n]``, numbers or text, which count as one
    factor named "label" and are not used beside ``factors``. Not every combination need be there.
    Factors with a single value are left out. The file is read again when its size or its times
    differ, and whenever the data stage is forced.
    """

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe."""
        source = file_identity(Path(self.path))
        subset = {"num_images": self.num_images, "subset_seed": self.subset_seed}
        return {"version": READING_VERSION, "file": source, **subset}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        with self._open_images() as images:
            num_rows = len(self._chosen(images.shape[0]))
            return num_rows * int(np.prod(images.shape[1:])), num_rows / 5_000

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe; reads all images once to check their range."""
        self._check_names()
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
        max_value = 1 if is_binary else 255
        return self._layout(self._factors(), tuple(image_shape), max_value, num_chosen)

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        image_shape = layout.arrays["images"][0]
        factors = self._factors()
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
                yield {"images": chunk, **_rows(factors, start, stop)}

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

    def _check_names(self) -> None:
        """Refuse a misspelt name; say which arrays nothing reads."""
        arrays = array_names(Path(self.path))
        unread = [name for name in arrays if name not in ARRAYS]
        for name in unread:
            near = difflib.get_close_matches(name.lower(), ARRAYS, n=1, cutoff=0.8)
            if near and near[0] not in arrays:
                raise ValueError(
                    f"{self.path} has an array {name!r}, which nothing reads. Expected "
                    f"{near[0]!r}, or a name unlike those that are read: {', '.join(ARRAYS)}. "
                    f"Received: {', '.join(arrays)}"
                )
        if "factors" in arrays:
            unread += [name for name in arrays if name == "labels"]
        if unread:
            logger.warning("%s: nothing reads its %s", self.path, ", ".join(map(repr, unread)))

    def _factors(self) -> OwnFactors:
        path = Path(self.path)
        arrays = array_names(path)
        with self._open_images() as images:
            total = images.shape[0]
        chosen = self._chosen(total)
        if "factors" not in arrays and "labels" not in arrays:
            return own_factors([], [], len(chosen), self.path)
        values = _read_all(path, "factors" if "factors" in arrays else "labels")
        values = values[:, None] if values.ndim == 1 else values
        names = ["label"]
        if "factors" in arrays:
            names = [f"factor_{column}" for column in range(values.shape[-1])]
        if "factors" in arrays and "factor_names" in arrays:
            names = _text(np.atleast_1d(_read_all(path, "factor_names")))
        if values.ndim != 2 or len(values) != total or values.shape[1] != len(names):
            raise ValueError(
                f"The factors or labels of {path} do not fit its images. Expected factors "
                f"[{total}, num_factors] with a name each, or labels [{total}]. Received: "
                f"shape={values.shape}, names={names}"
            )
        if len(set(names)) < len(names) or "" in names:
            raise ValueError(
                f"'factor_names' of {path} do not tell the factors apart. Expected a different "
                f"name for each. Received: {names}"
            )
        for column, name in zip(values.T, names, strict=True):
            refuse_missing_text(column, f"values of {name!r} in {path}")
        factors = own_factors(values[chosen].T, names, len(chosen), self.path)
        if "factors" in arrays and values.dtype.kind == "f" and (values != np.rint(values)).any():
            raise ValueError(
                f"The factors of {path} are not discrete. Expected whole numbers or text; put "
                f"continuous factors into bins first. Received: dtype={values.dtype}"
            )
        return factors


@dataclasses.dataclass(frozen=True)
class ImageFolder(StoredImages):
    """A folder of images, or of class sub-folders with images, of every kind that Pillow reads.

    The sub-folders are the values of one factor named "label". Where their names are those of the
    parts of a data set (train, val, test and the like), at the top or inside of each class, what is
    not for training is held out. Images are as a viewer shows them, and every frame of an animation
    or page of a file is one. They are grey if all are, or else in colour; transparency is laid over
    white. Links are followed. Files are read again when a name, a size or a time differs, and
    whenever the data stage is forced.

    Attributes:
      path: The folder.
      num_images: See StoredImages.
      subset_seed: See StoredImages.
      crop: Side of the centred square to cut out, in pixels. None keeps the whole image, or where
        `resize` is given the largest square.
      resize: Height and width of the images; None keeps them, and then all must be of one size.
      test_path: A folder of the same kind whose images are held out for tests; None for none.
      grey: Whether colour is dropped where there is any.
    """

    crop: int | None = None
    resize: int | None = None
    test_path: str | None = None
    grey: bool = False

    def __post_init__(self):
        """Check the fields; the files are looked at later."""
        super().__post_init__()
        check_sizes(self.crop, self.resize)
        checks.flag("grey", self.grey)
        if self.test_path is not None:
            path = paths.absolute("test_path", self.test_path, "a folder with images, or None")
            object.__setattr__(self, "test_path", path)

    @property
    def name(self) -> str:
        """Name of the folder."""
        return paths.title(self.path)

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe."""
        identity = {"version": READING_VERSION, **dataclasses.asdict(self)}
        for field in ("path", "test_path"):
            if identity[field] is not None:
                folder = Path(identity[field])
                identity[field] = str(folder.resolve())
                identity[f"files of {field}"] = finding.listing_digest(folder)
        return identity

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe; reads one header, so frames of animations are not counted."""
        files, num_train = contents.files_of(self.path, self.test_path)
        headers = decoding.read_headers(files[:1], needs_sizes=True)
        shape = decoding.common_shape(files[:1], headers, self.crop, self.resize)
        num_rows = min(self.num_images or num_train, num_train) + len(files) - num_train
        return num_rows * int(np.prod(shape)), num_rows / 500

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe; looks at the header of every file."""
        found = self._found(needs_sizes=self.resize is None and self.crop is None)
        shape = decoding.common_shape(found.files, found.headers, self.crop, self.resize)
        shape = (*shape[:2], 1) if self.grey else shape
        for note in found.notes:
            logger.warning("%s", note)
        chosen = self._chosen(found.num_train)
        num_rows = len(chosen) + len(found.frames) - found.num_train
        return self._layout(self._factors(found), shape, 255, num_rows, len(chosen))

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        found = self._found()
        frames = [found.frames[row] for row in self._rows_kept(found)]
        factors = self._factors(found)
        channels = layout.arrays["images"][0][-1]
        for start, stop in ranges:
            images = decoding.read(frames[start:stop], channels, self.crop, self.resize)
            yield {"images": images, **_rows(factors, start, stop)}

    def image_names(self) -> list[str]:
        """See DatasetRecipe: the paths of the files inside the folder they were found in."""
        found = self._found()
        return [found.names[row] for row in self._rows_kept(found)]

    def _found(self, needs_sizes: bool = False) -> contents.FolderImages:
        return contents.read_folder(self.path, self.test_path, needs_sizes=needs_sizes)

    def _rows_kept(self, found: contents.FolderImages) -> np.ndarray:
        """Return the rows of the training images chosen, then of the held-out ones."""
        held_out = np.arange(found.num_train, len(found.frames))
        return np.concatenate([self._chosen(found.num_train), held_out])

    def _factors(self, found: contents.FolderImages) -> OwnFactors:
        rows = self._rows_kept(found)
        if found.labels is None:
            return own_factors([], [], len(rows), self.path)
        return own_factors([np.array(found.labels)[rows]], ["label"], len(rows), self.path)


def _rows(factors: OwnFactors, start: int, stop: int) -> dict[str, np.ndarray]:
    """Return the rows of the array of factors, where there is one."""
    return {"factors": factors.numbers[start:stop]} if factors.names else {}


def _text(names: np.ndarray) -> list[str]:
    """Return the names as text; older files hold them as bytes."""
    return [paths.readable(name) if isinstance(name, bytes) else str(name) for name in names]


def _read_all(path: Path, name: str) -> np.ndarray:
    with ArrayFile(path, name, is_read_whole=True) as array:
        if not array.shape:
            raise ValueError(f"{name!r} of {path} is a single value. Expected an array")
        return array.read(0, array.shape[0])
