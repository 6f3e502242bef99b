"""Data sets of continuous factors: a key is a row of factor values, rendered when asked for."""

from collections.abc import Sequence

import numpy as np

from pipeline.datasets.interface import Dataset


class ContinuousDataset(Dataset):
    """Factors that are uniform over known ranges; a subclass gives the images."""

    def __init__(
        self,
        name: str,
        image_shape: tuple[int, int, int],
        num_images: int,
        fingerprint: str,
        factor_ranges: dict[str, tuple[float, float]],
    ):
        """Describe the factors.

        Args:
          name: See Dataset.
          image_shape: See Dataset.
          num_images: See Dataset.
          fingerprint: See Dataset.
          factor_ranges: Lowest and highest value of each factor, by its name.
        """
        sizes = (None,) * len(factor_ranges)
        super().__init__(
            name, image_shape, 255, num_images, fingerprint, tuple(factor_ranges), sizes
        )
        self._low, self._high = np.array(list(factor_ranges.values())).T

    def sample_keys(self, rng: np.random.Generator, num_keys: int) -> np.ndarray:
        """See Dataset; float64 ``[num_keys, num_factors]``."""
        return sample_uniform(rng, num_keys, list(zip(self._low, self._high, strict=True)))

    def sample_group_keys(
        self, rng: np.random.Generator, fixed_factor: np.ndarray, group_size: int
    ) -> np.ndarray:
        """See Dataset; float64 ``[num_groups * group_size, num_factors]``."""
        fixed_factor = self._check_groups(fixed_factor, group_size)
        groups = np.arange(len(fixed_factor))
        keys = self.sample_keys(rng, len(groups) * group_size)
        keys = keys.reshape(len(groups), group_size, self.num_factors)
        keys[groups, :, fixed_factor] = keys[groups, :1, fixed_factor]
        return keys.reshape(-1, self.num_factors)

    def traversal_keys(self, factor: int, num_steps: int, seed: int) -> np.ndarray:
        """See Dataset; from one end of the factor's range to the other."""
        keys = self.sample_keys(np.random.default_rng(seed), 1).repeat(num_steps, axis=0)
        keys[:, factor] = np.linspace(self._low[factor], self._high[factor], num_steps)
        return keys

    def factors_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset; the keys are the factors."""
        return np.asarray(keys, np.float64)

    def binned_factors_of(self, keys: np.ndarray, num_bins: int = 20) -> np.ndarray:
        """See Dataset."""
        fractions = (self.factors_of(keys) - self._low) / (self._high - self._low)
        return np.clip((fractions * num_bins).astype(np.int64), 0, num_bins - 1)


def sample_uniform(
    rng: np.random.Generator, num_rows: int, ranges: Sequence[tuple[float, float]]
) -> np.ndarray:
    """Draw factor rows, float64 ``[num_rows, len(ranges)]``; fewer rows are the first of more."""
    low, high = np.array(list(ranges)).T
    return low + (high - low) * rng.random((num_rows, len(low)))
