"""What published data sets share: the user's copy of the files, or else a download."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from models import checks
from pipeline.datasets import paths
from pipeline.datasets.grid import training_subset
from pipeline.datasets.grid_files.stored_arrays import SUFFIXES
from pipeline.datasets.interface import (
    CachedRecipe,
    Dataset,
    DatasetRecipe,
    Estimate,
    Progress,
    check_num_images,
)
from pipeline.datasets.layout import StoredImages
from pipeline.datasets.resizing import check_sizes

BYTES_PER_CHUNK = 2**26
ARCHIVES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar")


@dataclasses.dataclass(frozen=True)
class PublishedDataset(CachedRecipe):
    """Files of the user's, converted once into our cache and stored there whole.

    Attributes:
      path: The file or folder. None takes `download` instead.
      download: A recipe that takes the place of the files, such as TensorFlowDataset; None for
        none.
      title: Name of the data set for human readers; None takes the name of the file or folder.
      crop: Side of the centred square to cut out, in pixels; see resizing.
      resize: Height and width of the images; None keeps them.
      num_images: Training images, a random subset; None means all.
      subset_seed: Seed of that subset.
    """

    path: str | None = None
    download: DatasetRecipe | None = None
    title: str | None = None
    crop: int | None = None
    resize: int | None = None
    num_images: int | None = None
    subset_seed: int = 0

    def __post_init__(self):
        """Check the fields; the files are looked at later."""
        if self.title is not None and (not isinstance(self.title, str) or not self.title):
            checks.fail("title", self.title, "a text that is not empty, or None")
        if self.path is not None:
            path = paths.absolute("path", self.path, "the file or folder, or None")
            object.__setattr__(self, "path", path)
        if self.path is None and self.download is None:
            checks.fail("path", self.path, "where the files are: no download stands in for them")
        if self.download is not None and not isinstance(self.download, DatasetRecipe):
            checks.fail("download", self.download, "another recipe, or None")
        check_sizes(self.crop, self.resize)
        check_num_images(self.num_images)
        checks.integer("subset_seed", self.subset_seed, minimum=0)

    @property
    def name(self) -> str:
        """Title, or name of the file, the folder or the download."""
        if self.title:
            return self.title
        download = self._stand_in
        return download.name if download else paths.title(self._path, (*ARCHIVES, *SUFFIXES))

    @property
    def files(self) -> Path:
        """The file or folder."""
        return Path(self._path)

    def prepare(
        self, cache_directory: Path, progress: Progress | None = None, *, force: bool = False
    ) -> None:
        """See DatasetRecipe."""
        if self._stand_in:
            self._stand_in.prepare(cache_directory, progress, force=force)
        else:
            super().prepare(cache_directory, progress, force=force)

    def open(self, cache_directory: Path) -> Dataset:
        """See DatasetRecipe."""
        if self._stand_in:
            data = self._stand_in.open(cache_directory)
            data.name = self.name
            return data
        return super().open(cache_directory)

    def estimate(self, cache_directory: Path) -> Estimate:
        """See DatasetRecipe."""
        if self._stand_in:
            return self._stand_in.estimate(cache_directory)
        return super().estimate(cache_directory)

    @property
    def _stand_in(self) -> DatasetRecipe | None:
        """The download, where it takes the place of the files."""
        return self.download if self.path is None else None

    @property
    def _path(self) -> str:
        if self.path is None:
            checks.fail("path", None, "where the files are: a download stands in for them")
        return self.path

    def _resized(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the shape of the images after cutting and resizing."""
        height, width, channels = image_shape
        side = self.resize or self.crop
        return image_shape if side is None else (side, side, channels)

    def _chosen(self, total: int, fingerprint: str) -> tuple[np.ndarray | None, str]:
        """Return the subset's rows, or None for all, and the content's fingerprint with them."""
        check_num_images(self.num_images, total, self.name)
        rows = training_subset(self.num_images, total, self.subset_seed)
        if rows is not None:
            fingerprint = hashlib.sha256(fingerprint.encode() + rows.tobytes()).hexdigest()
        return rows, fingerprint


def rows_per_chunk(image_shape: tuple[int, ...]) -> int:
    """Return how many images have some 64 MB together."""
    return max(1, BYTES_PER_CHUNK // int(np.prod(image_shape)))


class RowsOf:
    """Some rows of a memory-mapped array, read when they are indexed."""

    def __init__(self, stored: StoredImages, rows: np.ndarray):
        """Read nothing.

        Args:
          stored: The array ``[m, ...]``.
          rows: Numbers of the rows to show, int ``[n]``.
        """
        self._stored, self._rows = stored, rows
        self.shape = (len(rows), *stored.shape[1:])

    def __len__(self) -> int:
        """Return the number of rows shown."""
        return len(self._rows)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """Return the rows of `indices`."""
        return self._stored[self._rows[indices]]
