"""Complete grids of discrete factors: the opened data set, and recipes that render them."""

import abc
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import checks
from pipeline.datasets.interface import CachedRecipe, Dataset, check_num_images
from pipeline.datasets.layout import Contents, Layout, StoredRows

Decode = Callable[[np.ndarray], np.ndarray]
"""Turns stored rows ``[n, ...]`` into uint8 images ``[n, h, w, c]``."""


def training_subset(num_images: int | None, total: int, seed: int) -> np.ndarray | None:
    """Return the sorted row numbers of a random subset, or None where the whole set is wanted.

    Args:
      num_images: How many rows; None means all.
      total: How many rows there are.
      seed: Seed of the choice.

    Returns:
      int64 ``[num_images]``, or None.
    """
    if num_images is None or num_images >= total:
        return None
    return np.sort(np.random.default_rng(seed).choice(total, num_images, replace=False))


class GridDataset(Dataset):
    """All combinations of discrete factors, in row-major order: a key is the number of its row.

    The stored images are the training set. Where that is a subset of the grid, other combinations
    are rendered when they are asked for.
    """

    factor_sizes: tuple[int, ...]

    def __init__(
        self,
        name: str,
        image_shape: tuple[int, int, int],
        max_value: int,
        fingerprint: str,
        factor_names: tuple[str, ...],
        factor_sizes: tuple[int, ...],
        stored: StoredRows,
        decode: Decode,
        render: Callable[[np.ndarray], np.ndarray] | None = None,
        training_rows: np.ndarray | None = None,
        stored_rows: np.ndarray | None = None,
    ):
        """Describe the grid.

        Args:
          name: See Dataset, like the five that follow.
          image_shape: See Dataset.
          max_value: See Dataset.
          fingerprint: See Dataset.
          factor_names: See Dataset.
          factor_sizes: Values of each factor; the grid has their product.
          stored: Stored rows ``[n, ...]``: the whole grid, or a training set rendered from it.
          decode: Turns stored rows into images.
          render: Factors int ``[n, num_factors]`` -> images; needed unless the grid is stored.
          training_rows: Rows of a wholly stored grid to train on; None means all stored rows.
          stored_rows: Which rows of the grid are stored, where not all are.
        """
        self._stored = stored
        self._decode = decode
        self._training_rows = training_rows
        self._stored_rows = stored_rows
        self._num_rows = int(np.prod(factor_sizes))
        self._render = None if len(stored) == self._num_rows else render
        num_images = len(stored) if training_rows is None else len(training_rows)
        super().__init__(
            name, image_shape, max_value, num_images, fingerprint, factor_names, factor_sizes
        )

    def train_images(self, indices: np.ndarray) -> np.ndarray:
        """See Dataset."""
        rows = indices if self._training_rows is None else self._training_rows[indices]
        return self._decode(np.asarray(self._stored[rows]))

    def train_keys(self) -> np.ndarray:
        """See Dataset."""
        rows = self._stored_rows if self._training_rows is None else self._training_rows
        return np.arange(self._num_rows) if rows is None else rows

    def sample_keys(self, rng: np.random.Generator, num_keys: int) -> np.ndarray:
        """See Dataset."""
        return rng.integers(self._num_rows, size=num_keys)

    def sample_group_keys(
        self, rng: np.random.Generator, fixed_factor: np.ndarray, group_size: int
    ) -> np.ndarray:
        """See Dataset; a group is drawn with replacement, as in the published protocols."""
        fixed_factor = self._check_groups(fixed_factor, group_size)
        num_groups = len(fixed_factor)
        sizes = np.asarray(self.factor_sizes)
        factors = rng.integers(sizes, size=(num_groups, group_size, self.num_factors))
        groups = np.arange(num_groups)
        factors[groups, :, fixed_factor] = factors[groups, :1, fixed_factor]
        return self.keys_of(factors.reshape(-1, self.num_factors))

    def traversal_keys(self, factor: int, num_steps: int, seed: int) -> np.ndarray:
        """See Dataset; from the whole grid."""
        size = self.factor_sizes[factor]
        num_steps = min(num_steps, size)
        start = self.factors_of(self.sample_keys(np.random.default_rng(seed), 1))
        factors = start.repeat(num_steps, axis=0)
        factors[:, factor] = np.rint(np.linspace(0, size - 1, num_steps))
        return self.keys_of(factors)

    def keys_of(self, factors: np.ndarray) -> np.ndarray:
        """Return the keys int64 ``[n]`` of factor rows int ``[n, num_factors]``."""
        return np.asarray(np.ravel_multi_index(tuple(factors.T), self.factor_sizes))

    def factors_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return np.stack(np.unravel_index(keys, self.factor_sizes), axis=1).astype(np.int64)

    def images_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset."""
        if self._render is None:
            return self._decode(np.asarray(self._stored[keys]))
        return self._render(self.factors_of(keys))


@dataclasses.dataclass(frozen=True)
class GridRecipe(CachedRecipe):
    """A grid of factor combinations that renders itself.

    A subclass gives the class attributes below, ``name`` and `render`; one that stores its images
    in another form than uint8 ``[h, w, c]`` gives `stored_shape`, `render_stored` and `decode` too.

    Attributes:
      num_images: Training images; None means the whole grid, fewer a random subset of it. Other
        combinations are rendered when the evaluation asks for them.
      subset_seed: Seed of that subset.
    """

    num_images: int | None = None
    subset_seed: int = 0

    max_value = 255
    renderer_version = 1  # Raise it when the same factors give other pixels than before.
    rows_per_chunk = 4096
    images_per_second = 50_000  # Rendering, on one core.

    def __post_init__(self):
        """Check the fields."""
        checks.integer("subset_seed", self.subset_seed, minimum=0)
        check_num_images(self.num_images, self.num_combinations)

    @property
    def is_rendered(self) -> bool:
        """See DatasetRecipe."""
        return True

    # What a subclass gives: values or properties.
    @property
    @abc.abstractmethod
    def factor_names(self) -> tuple[str, ...]:
        """One name for each factor."""

    @property
    @abc.abstractmethod
    def factor_sizes(self) -> tuple[int, ...]:
        """Values of each factor."""

    @property
    @abc.abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""

    @property
    def num_combinations(self) -> int:
        """Size of the whole grid."""
        return int(np.prod(self.factor_sizes))

    @abc.abstractmethod
    def render(self, factors: np.ndarray) -> np.ndarray:
        """Draw factor rows int ``[n, num_factors]`` as uint8 ``[n, h, w, c]``."""

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Shape of one stored row."""
        return self.image_shape

    def render_stored(self, factors: np.ndarray) -> np.ndarray:
        """Draw factor rows in the form in which they are stored."""
        return self.render(factors)

    def decode(self, stored: np.ndarray) -> np.ndarray:
        """Turn stored rows into images."""
        return stored

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe."""
        return {"renderer": self.renderer_version, **dataclasses.asdict(self)}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        num_rows = self.num_images or self.num_combinations
        return num_rows * int(np.prod(self.stored_shape)), num_rows / self.images_per_second

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe."""
        return Layout(
            arrays={"images": (self.stored_shape, "uint8")},
            num_rows=self.num_images or self.num_combinations,
            rows_per_chunk=self.rows_per_chunk,
            details=self.cache_identity(),
        )

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        keys = training_subset(self.num_images, self.num_combinations, self.subset_seed)
        for start, stop in ranges:
            rows = np.arange(start, stop) if keys is None else keys[start:stop]
            factors = np.stack(np.unravel_index(rows, self.factor_sizes), axis=1)
            yield {"images": self.render_stored(factors)}

    def view(self, contents: Contents) -> GridDataset:
        """See DatasetRecipe."""
        return GridDataset(
            self.name,
            self.image_shape,
            self.max_value,
            contents.fingerprint,
            self.factor_names,
            self.factor_sizes,
            stored=contents.arrays["images"],
            decode=self.decode,
            render=self.render,
            stored_rows=training_subset(self.num_images, self.num_combinations, self.subset_seed),
        )


def check_factors(factors: np.ndarray, factor_sizes: tuple[int, ...]) -> np.ndarray:
    """Return factor rows as int64 ``[n, num_factors]``, or say what is wrong with them."""
    factors = np.asarray(factors)
    is_integer = np.issubdtype(factors.dtype, np.integer)
    if factors.ndim != 2 or factors.shape[1] != len(factor_sizes) or not is_integer:
        raise ValueError(
            f"factors are rows of whole numbers. Expected integers [n, {len(factor_sizes)}]. "
            f"Received: factors of shape {factors.shape}, dtype {factors.dtype}"
        )
    if ((factors < 0) | (factors >= np.asarray(factor_sizes))).any():
        raise ValueError(
            f"factors lie outside the grid. Expected from 0 to below {factor_sizes}. Received: "
            f"factors from {factors.min(axis=0)} to {factors.max(axis=0)}"
        )
    return factors.astype(np.int64)
