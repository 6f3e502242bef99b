"""Which combinations of factors training sees: correlated factors, combinations held out.

What studies of robustness ask (Träuble et al. 2021, arXiv 2006.07886: pairs of correlated factors;
Montero et al., ICLR 2021: combinations never seen). Evaluation draws from all combinations alike,
so that a model is judged by what it was not shown.
"""

import dataclasses
import hashlib
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models import checks
from pipeline.datasets.grid import GridDataset
from pipeline.datasets.interface import (
    Dataset,
    DatasetRecipe,
    Estimate,
    Progress,
    check_num_images,
)

_STREAM = 0xC0B1  # Of draws.


@dataclasses.dataclass(frozen=True)
class TrainingCombinations(DatasetRecipe):
    """A grid of factors of which training sees some combinations, or some more often; a recipe.

    Attributes:
      source: The recipe of a complete grid, such as room3d, dsprites or grid_file.
      correlated: Two factors with a joint distribution of their own; () for none. All other factors
        stay independent and uniform.
      width: The joint distribution is proportional to exp(-(a - b)^2 / (2 width^2)), where a and b
        are the two factors' values from 0 for the first to 1 for the last: 0.1 ties them closely,
        1 hardly. Must be None where `joint` is given.
      joint: Any other joint distribution: a row of weights for each value of the first factor, with
        a weight for each value of the second. They need not add up to 1.
      held_out: Combinations that training never sees: each a dictionary from factors to the numbers
        of their values; what matches all of a dictionary's factors is held out.
      num_images: Training images. None takes each allowed combination once, or as many draws as
        there are allowed combinations where factors are correlated.
      seed: Of the draw of training images.
    """

    source: DatasetRecipe
    correlated: tuple[str, ...] = ()
    width: float | None = None
    joint: tuple[tuple[float, ...], ...] | None = None
    held_out: tuple[Mapping[str, tuple[int, ...]], ...] = ()
    num_images: int | None = None
    seed: int = 0

    def __post_init__(self):
        """Check the fields; names and numbers of values are compared with the source later."""
        if not isinstance(self.source, DatasetRecipe):
            checks.fail("source", self.source, "a recipe of images")
        if not isinstance(self.correlated, tuple | list) or len(set(self.correlated)) not in (0, 2):
            checks.fail("correlated", self.correlated, "two names of factors, or ()")
        object.__setattr__(self, "correlated", tuple(self.correlated))
        if self.correlated and (self.width is None) == (self.joint is None):
            checks.fail("width", self.width, "a width or else a joint distribution, not both")
        if not self.correlated and (self.width is not None or self.joint is not None):
            checks.fail("correlated", self.correlated, "the two factors that are distributed so")
        if self.width is not None and checks.number("width", self.width) <= 0:
            checks.fail("width", self.width, "a number above 0")
        if self.joint is not None:
            object.__setattr__(self, "joint", _weights(self.joint))
        object.__setattr__(self, "held_out", _combinations(self.held_out))
        if not self.correlated and not self.held_out:
            checks.fail("held_out", self.held_out, "combinations to hold out, or correlated ones")
        check_num_images(self.num_images)
        checks.integer("seed", self.seed, minimum=0)

    @property
    def name(self) -> str:
        """Name of the source, and what is done to it."""
        parts = [" and ".join(self.correlated) + " correlated"] if self.correlated else []
        parts += ["combinations held out"] if self.held_out else []
        return f"{self.source.name}, {', '.join(parts)}"

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels, if the source knows them before it is opened."""
        return self.source.image_shape

    @property
    def is_rendered(self) -> bool:
        """See DatasetRecipe."""
        return self.source.is_rendered

    def prepare(
        self, cache_directory: Path, progress: Progress | None = None, *, force: bool = False
    ) -> None:
        """See DatasetRecipe."""
        self.source.prepare(cache_directory, progress, force=force)

    def open(self, cache_directory: Path) -> "CombinationsDataset":
        """See DatasetRecipe."""
        return CombinationsDataset(self.source.open(cache_directory), self)

    def estimate(self, cache_directory: Path) -> Estimate:
        """See DatasetRecipe."""
        return self.source.estimate(cache_directory)


class CombinationsDataset(Dataset):
    """The opened grid; training images are draws from it, evaluation sees all of it."""

    def __init__(self, source: Dataset, recipe: TrainingCombinations):
        """Draw the training images.

        Args:
          source: The opened grid.
          recipe: What training sees.

        Raises:
          ValueError: The source is no grid, lacks a factor or value, or nothing is left.
        """
        if not isinstance(source, GridDataset):
            checks.fail("training_combinations.source", source.name, "a complete grid of factors")
        self._source = source
        weights = self._weights_of_all(recipe)
        allowed = np.flatnonzero(weights)
        if not len(allowed):
            checks.fail("held_out", recipe.held_out, "some combinations to be left for training")
        count = recipe.num_images or len(allowed)
        rng = np.random.default_rng([_STREAM, recipe.seed])
        if recipe.correlated:
            chances = weights[allowed] / weights[allowed].sum()
            self._keys = np.sort(rng.choice(allowed, count, p=chances))
        else:
            check_num_images(count, len(allowed))
            self._keys = np.sort(rng.choice(allowed, count, replace=False))
        super().__init__(
            recipe.name,
            source.image_shape,
            source.max_value,
            count,
            hashlib.sha256(source.fingerprint.encode() + self._keys.tobytes()).hexdigest(),
            source.factor_names,
            source.factor_sizes,
            source.factor_values,
        )
        self.nominal_factors = source.nominal_factors

    def _weights_of_all(self, recipe: TrainingCombinations) -> np.ndarray:
        """Return the weights of all combinations in training, float64 ``[combinations]``."""
        sizes = dict(zip(self._source.factor_names, self._source.factor_sizes, strict=True))
        weights = np.ones(self._source.factor_sizes)
        if recipe.correlated:
            first, second = (self._axis("correlated", name) for name in recipe.correlated)
            shape = (sizes[recipe.correlated[0]], sizes[recipe.correlated[1]])
            joint = _joint(recipe, shape)
            if joint.shape != shape:
                checks.fail("joint", joint.shape, f"weights of shape {shape}")
            # The axes of the grid in order, one for each factor.
            joint = joint if first < second else joint.T
            weights *= np.expand_dims(
                joint, [axis for axis in range(weights.ndim) if axis not in (first, second)]
            )
        for combination in recipe.held_out:
            selection = []
            for name in combination:
                self._axis("held_out", name)
            for name, size in sizes.items():
                values = list(combination.get(name, range(size)))
                if min(values) < 0 or max(values) >= size:
                    checks.fail("held_out", combination, f"values of {name} from 0 to {size - 1}")
                selection.append(values)
            weights[np.ix_(*selection)] = 0
        return weights.reshape(-1)

    def _axis(self, field: str, name: str) -> int:
        names = self._source.factor_names
        if name not in names:
            checks.fail(field, name, f"factors of {self._source.name}: {', '.join(names)}")
        return names.index(name)

    def train_images(self, indices: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return self._source.images_of(self._keys[indices])

    def train_keys(self) -> np.ndarray:
        """See Dataset."""
        return self._keys

    def sample_keys(self, rng: np.random.Generator, num_keys: int) -> np.ndarray:
        """See Dataset; from all combinations, the held-out ones among them."""
        return self._source.sample_keys(rng, num_keys)

    def sample_group_keys(
        self, rng: np.random.Generator, fixed_factor: np.ndarray, group_size: int
    ) -> np.ndarray:
        """See Dataset; from all combinations."""
        return self._source.sample_group_keys(rng, fixed_factor, group_size)

    def traversal_keys(self, factor: int, num_steps: int, seed: int) -> np.ndarray:
        """See Dataset; from all combinations."""
        return self._source.traversal_keys(factor, num_steps, seed)

    def factors_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return self._source.factors_of(keys)

    def images_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return self._source.images_of(keys)


def _joint(recipe: TrainingCombinations, shape: tuple[int, int]) -> np.ndarray:
    """Return the weights of the two factors' values, float64 of `shape`."""
    if recipe.joint is not None:
        return np.asarray(recipe.joint)
    width = checks.positive_number("width", recipe.width)
    first, second = (np.linspace(0, 1, size) for size in shape)
    return np.exp(-((first[:, None] - second) ** 2) / (2 * width**2))


def _weights(joint: Any) -> tuple[tuple[float, ...], ...]:
    rows = [tuple(row) if isinstance(row, tuple | list) else () for row in joint]
    widths = {len(row) for row in rows}
    if len(widths) != 1 or widths == {0}:
        checks.fail("joint", joint, "rows of weights, all of one length")
    for weight in itertools.chain(*rows):
        checks.number("joint", weight, minimum=0.0)
    if not any(itertools.chain(*rows)):
        checks.fail("joint", joint, "some weight above 0")
    return tuple(rows)


def _combinations(held_out: Any) -> tuple[dict[str, tuple[int, ...]], ...]:
    expected = "dictionaries from factors to numbers of values, such as ({'shape': (0,)},)"
    if not isinstance(held_out, tuple | list):
        checks.fail("held_out", held_out, expected)
    combinations = []
    for combination in held_out:
        if not isinstance(combination, Mapping) or not combination:
            checks.fail("held_out", held_out, expected)
        for values in combination.values():
            if not isinstance(values, tuple | list) or not values:
                checks.fail("held_out", held_out, expected)
            for value in values:
                checks.integer("held_out", value, minimum=0)
        combinations.append({name: tuple(values) for name, values in combination.items()})
    return tuple(combinations)
