"""The interface of every data set: a recipe (plain data, bound by Gin) and the opened data set.

A recipe knows how to make its images once (``prepare``) and how to open them (``open``). All images
live in a content cache that runs share, see ``pipeline.datasets.cache``; none of this imports
TensorFlow.
"""

import abc
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models import checks
from pipeline import recipes
from pipeline.datasets.cache import ContentCache
from pipeline.datasets.layout import Contents, Layout
from pipeline.datasets.own_values import Value

# Raised whenever the same files of a user give other images, factors or names than before.
READING_VERSION = 2

Progress = Callable[..., None]
"""Called as ``progress(done, total, what=title)``, in images."""


class Estimate(NamedTuple):
    """What preparing a data set costs."""

    bytes_on_disk: int
    seconds: float
    is_cached: bool


class Dataset(abc.ABC):
    """An opened data set: uint8 images, read or rendered only when asked for.

    Training images are addressed by an index from 0 to ``num_images - 1``. Evaluation points are
    addressed by *keys*, which cover all factor combinations: int64 ``[n]`` where the set is finite,
    float64 ``[n, num_factors]`` factor rows where images are rendered from continuous factors.

    Attributes:
      name: The name for human readers.
      image_shape: ``(height, width, channels)``.
      max_value: The uint8 value of full intensity, 1 or 255.
      num_images: Number of training images.
      fingerprint: Hexadecimal digest of the images and of all that is known of them, wherever they
        are kept and whatever they are called.
      factor_names: One name a factor; empty for label-free data.
      factor_sizes: Number of values of each factor, None where a factor is continuous.
      factor_values: The values of each factor as their user knows them, in the order of the numbers
        that stand for them; None where a factor is continuous.
      nominal_factors: Names of the factors whose values have no order, as far as the recipe says.
      has_identity_parts: Whether images are split by identity, see `part`.
    """

    nominal_factors: tuple[str, ...] = ()
    has_identity_parts: bool = False

    @property
    def seen_names(self) -> tuple[str, ...] | None:
        """A name for each label of `train_labels`; None where labels have no names."""
        return None

    def __init__(
        self,
        name: str,
        image_shape: tuple[int, int, int],
        max_value: int,
        num_images: int,
        fingerprint: str,
        factor_names: tuple[str, ...] = (),
        factor_sizes: tuple[int | None, ...] = (),
        factor_values: Sequence[Sequence[Value] | None] | None = None,
    ):
        """Store the description; see the class for the arguments."""
        self.name = name
        self.image_shape = (*image_shape,)
        self.max_value = max_value
        self.num_images = num_images
        self._content = fingerprint
        self.factor_names = tuple(factor_names)
        self.factor_sizes = tuple(factor_sizes)
        if factor_values is None:
            factor_values = [None if size is None else range(size) for size in self.factor_sizes]
        self.factor_values = tuple(
            None if values is None else tuple(values) for values in factor_values
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """See Dataset."""
        factors = (self.factor_names, self.factor_sizes, self.factor_values, self.nominal_factors)
        images = (self.image_shape, self.max_value, self.num_images)
        return recipes.fingerprint(self._content, *factors, *images)

    @property
    def num_factors(self) -> int:
        """Number of known factors, 0 for label-free data."""
        return len(self.factor_names)

    @abc.abstractmethod
    def train_images(self, indices: np.ndarray) -> np.ndarray:
        """Return the training images of `indices` int ``[n]``, as uint8 ``[n, h, w, c]``."""

    def train_layers(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return what the training images of `indices` are coloured from; None if they are not.

        Shade and coverage uint8 ``[n, h, w, 2]`` and the brightness of red, green and blue a step
        of the shade, float32 ``[n, 3]``, see `pipeline.datasets.teapots.colour`.
        """
        return None

    def train_keys(self) -> np.ndarray:
        """Return the keys of the training images, ``[num_images, ...]``, which tell their factors.

        Raises:
          ValueError: The factors of the training images are not known.
        """
        raise ValueError(
            f"{self.name} does not tell the factors of its training images. Expected a data set "
            f"with factors or labels. Received: factor_names={self.factor_names}"
        )

    def train_labels(self) -> np.ndarray:
        """Return the label from 0 (class, identity) of each training image, int64 ``[num_images]``.

        Raises:
          ValueError: The training images have no labels.
        """
        raise ValueError(
            f"{self.name} has no labels. Expected labelled images: class sub-folders, 'labels' in "
            f"an .npz file, or a set such as MNIST. Received: factor_names={self.factor_names}"
        )

    def part(self, part: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw images of one part of a split by identity, without replacement.

        Args:
          part: "train": what training sees; "seen": held-out images of seen identities; "unseen".
          count: Images; fewer if there are fewer.
          seed: Of the draw; the images of a smaller `count` are the first of a larger one.

        Returns:
          uint8 images ``[n, h, w, c]`` and the identities' numbers int64 ``[n]``.

        Raises:
          ValueError: The images are not split by identity.
        """
        raise ValueError(
            f"{self.name} is not split by identity. Expected @identity_split() around a data set "
            f"with labels or factors. Received: part({part!r})"
        )

    def test_keys(self) -> np.ndarray:
        """Return the keys of the held-out test images, int64 ``[n]``, n = 0 where there are none.

        They go into `images_of` and `factors_of` like any others, and `sample_keys` never draws
        them.
        """
        return np.zeros(0, np.int64)

    @abc.abstractmethod
    def sample_keys(self, rng: np.random.Generator, num_keys: int) -> np.ndarray:
        """Draw evaluation keys uniformly from all factor combinations (or training rows)."""

    @abc.abstractmethod
    def sample_group_keys(
        self, rng: np.random.Generator, fixed_factor: np.ndarray, group_size: int
    ) -> np.ndarray:
        """Draw groups of evaluation keys that share the value of one factor.

        Args:
          rng: Source of randomness.
          fixed_factor: int ``[num_groups]``: the factor that the images of each group share.
          group_size: Keys in a group; 2 gives pairs.

        Returns:
          Keys ``[num_groups * group_size, ...]``, group after group.

        Raises:
          ValueError: The data set has no factors, or not these.
        """

    @abc.abstractmethod
    def factors_of(self, keys: np.ndarray) -> np.ndarray:
        """Return factors ``[n, num_factors]``: int64, or float64 if some factor is continuous."""

    @abc.abstractmethod
    def images_of(self, keys: np.ndarray) -> np.ndarray:
        """Return images of evaluation `keys`, as uint8 ``[n, h, w, c]``."""

    def traversal_keys(self, factor: int, num_steps: int, seed: int) -> np.ndarray:
        """Return the keys of a row of images along which one factor moves and the others stay.

        Where not every combination of factors is there, the others change as little as they can.

        Args:
          factor: The factor that moves.
          num_steps: Images at most; fewer where the factor has fewer values.
          seed: Of the draw of the image that the rows of all factors start from.

        Raises:
          ValueError: There are no known factors.
        """
        self._require_factors()
        keys = self.train_keys()
        factors = self.factors_of(keys)
        start = factors[np.random.default_rng(seed).integers(len(keys))]
        others = np.arange(self.num_factors) != factor
        chosen = []
        values = np.unique(factors[:, factor])
        places = np.linspace(0, len(values) - 1, min(num_steps, len(values)))  # both ends are there
        for value in values[np.rint(places).astype(np.int64)]:
            rows = np.flatnonzero(factors[:, factor] == value)
            same = (factors[rows][:, others] == start[others]).sum(axis=1)
            chosen.append(rows[same.argmax()])
        return keys[chosen]

    def binned_factors_of(self, keys: np.ndarray, num_bins: int = 20) -> np.ndarray:
        """Return factor values int64 ``[n, num_factors]``, continuous ones in equal-width bins."""
        del num_bins  # Discrete factors need none.
        return self.factors_of(keys)

    def _check_groups(self, fixed_factor: np.ndarray, group_size: int) -> np.ndarray:
        """Return `fixed_factor` as int64 ``[num_groups]``, or say what is wrong with it."""
        self._require_factors()
        fixed_factor = np.asarray(fixed_factor)
        if fixed_factor.ndim != 1 or not np.issubdtype(fixed_factor.dtype, np.integer):
            raise ValueError(
                "fixed_factor names one factor a group. Expected integers of shape [num_groups]. "
                f"Received: fixed_factor of shape {fixed_factor.shape}, dtype {fixed_factor.dtype}"
            )
        is_known = (fixed_factor >= 0) & (fixed_factor < self.num_factors)
        if not is_known.all():
            raise ValueError(
                f"{self.name} has no such factor. Expected values from 0 to {self.num_factors - 1} "
                f"({', '.join(self.factor_names)}). Received: fixed_factor from "
                f"{fixed_factor.min()} to {fixed_factor.max()}"
            )
        if group_size < 1:
            raise ValueError(
                f"A group holds images. Expected group_size >= 1. Received: {group_size=}"
            )
        return fixed_factor.astype(np.int64)

    def _require_factors(self) -> None:
        if not self.num_factors:
            raise ValueError(
                f"{self.name} has no known factors, so neither factor values nor groups that share "
                "one can be drawn. Expected a data set with factors or labels. "
                "Received: factor_names=()"
            )


@dataclasses.dataclass(frozen=True)
class DatasetRecipe(abc.ABC):
    """What the pipeline asks of a data set before it is open; the fields are plain data."""

    # No fields here: a recipe that takes them from Gin has such fields.
    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels, where they are known before there are images."""
        return None

    @property
    def num_images(self) -> int | None:
        """Training images asked for; None: all that there are, or nobody knows yet."""
        return None

    @property
    def is_rendered(self) -> bool:
        """Whether the images follow from the recipe alone, not from files that may change."""
        return False

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The name for human readers."""

    def image_names(self) -> list[str] | None:
        """Return a name for each image, such as its file: training images first, then test images.

        None where images have no names.
        """
        return None

    @abc.abstractmethod
    def prepare(
        self, cache_directory: Path, progress: Progress | None = None, *, force: bool = False
    ) -> None:
        """Make the images once and verify every byte of those that are there.

        Safe to call from several processes: one makes the images and the others wait. Interrupted,
        it goes on where it stopped.

        Args:
          cache_directory: Folder shared by all runs; made when missing.
          progress: Called as ``progress(done, total, what=name)``.
          force: Read all files again, for changes that neither sizes nor times of files tell; what
            is rendered is verified like without.

        Raises:
          OSError: The folder cannot be written or the disk is too small.
          ValueError: The source of the images is not as it should be.
        """

    @abc.abstractmethod
    def open(self, cache_directory: Path) -> Dataset:
        """Open the memory-mapped images; make them first if `prepare` was not called.

        Files that changed since they were last verified are verified in full, and made again with a
        warning that names them if they are damaged.
        """

    @abc.abstractmethod
    def estimate(self, cache_directory: Path) -> Estimate:
        """Return bytes on disk, seconds and whether the cache is there, without making anything."""


@dataclasses.dataclass(frozen=True)
class CachedRecipe(DatasetRecipe):
    """A data set whose images are kept in the content cache, which is nearly every one.

    A subclass gives its `name` and the five methods below that only it can know; preparing,
    sharing, checking and opening the cache are the same for all.
    """

    @abc.abstractmethod
    def cache_identity(self) -> dict[str, Any]:
        """Return, cheaply, what decides which cache is ours; raise if a source is missing."""

    @abc.abstractmethod
    def cost(self) -> tuple[int, float]:
        """Return the bytes on disk and the seconds to make the cache, as estimated beforehand."""

    @abc.abstractmethod
    def layout(self, cache_directory: Path) -> Layout:
        """Return what the cache holds; called only when it is made, so it may read the source."""

    @abc.abstractmethod
    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yield the rows ``[start, stop)`` of every array, for each of `ranges` in order."""

    @abc.abstractmethod
    def view(self, contents: Contents) -> Dataset:
        """Return the data set over an opened cache."""

    def prepare(
        self, cache_directory: Path, progress: Progress | None = None, *, force: bool = False
    ) -> None:
        """See DatasetRecipe."""
        again = force and not self.is_rendered
        self._ensure(Path(cache_directory), progress, verify=True, again=again)

    def open(self, cache_directory: Path) -> Dataset:
        """See DatasetRecipe."""
        return self.view(self._ensure(Path(cache_directory), None, verify=False))

    def estimate(self, cache_directory: Path) -> Estimate:
        """See DatasetRecipe."""
        cache = self._cache(Path(cache_directory))
        if cache.is_complete():
            return Estimate(cache.bytes_on_disk(), 0.0, True)
        num_bytes, seconds = self.cost()
        return Estimate(int(num_bytes), float(seconds), False)

    def _ensure(
        self,
        cache_directory: Path,
        progress: Progress | None,
        verify: bool,
        again: bool = False,
    ) -> Contents:
        return self._cache(cache_directory).ensure(
            functools.partial(self.layout, cache_directory),
            functools.partial(self.make_chunks, cache_directory),
            progress,
            verify,
            again,
        )

    def _cache(self, cache_directory: Path) -> ContentCache:
        return ContentCache(cache_directory, self.name, self.cache_identity())


def check_num_images(num_images: int | None, published: int | None = None, where: str = "") -> None:
    """Raise ValueError unless `num_images` is None or from 1 to `published`, of `where`."""
    if num_images is None:
        return
    checks.integer("num_images", num_images, minimum=1)
    if published is not None and num_images > published:
        of_place = f" of {where}" if where else ""
        expected = f"at most the {published} images{of_place}, or None for all"
        checks.fail("num_images", num_images, expected)
