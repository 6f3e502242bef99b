"""What a protocol draws, and what of it a metric may read."""

import dataclasses

import numpy as np

from pipeline.datasets.interface import Dataset


@dataclasses.dataclass(frozen=True)
class Draw:
    """Evaluation keys, and what their groups share.

    Attributes:
        keys: `[n, ...]`, points; or group after group.
        fixed_factor: int `[num_groups]`, or None for points.
    """

    keys: np.ndarray
    fixed_factor: np.ndarray | None = None


class Sample:
    """A draw seen through one encoder.

    Attributes:
        codes: float `[n, code_dim]`: the means, or another representation of the images.
        posterior: float `[n, 2 * code_dim]`, mean and log variance of each point's posterior; None
            where the model has none or no metric asks for it.
        groups: float `[num_groups, group_size, code_dim]`, of a draw of groups.
        fixed_factor: int `[num_groups]`, of a draw of groups.
    """

    def __init__(
        self, dataset: Dataset, draw: Draw, codes: np.ndarray, posterior: np.ndarray | None = None
    ):
        self._dataset = dataset
        self._keys = draw.keys
        self.codes = codes
        self.posterior = posterior
        self.fixed_factor = draw.fixed_factor

    @property
    def groups(self) -> np.ndarray:
        """The codes, group by group."""
        if self.fixed_factor is None:
            raise ValueError("This sample is one of points. Expected a draw of groups")
        return self.codes.reshape(len(self.fixed_factor), -1, self.codes.shape[-1])

    def _halves(self) -> list[np.ndarray]:
        if self.posterior is None:
            raise ValueError("This sample has no posterior. Expected an encoder that gives one")
        return np.split(self.posterior, 2, axis=1)

    @property
    def means(self) -> np.ndarray:
        """The posterior's means, `[n, code_dim]`."""
        return self._halves()[0]

    @property
    def log_variances(self) -> np.ndarray:
        """The posterior's log variances, `[n, code_dim]`."""
        return self._halves()[1]

    @property
    def values(self) -> np.ndarray:
        """Factor values as they are, `[n, num_factors]`."""
        return self._dataset.factors_of(self._keys)

    @property
    def classes(self) -> np.ndarray:
        """Factor values as integers, continuous ones in 20 bins, `[n, num_factors]`."""
        return self._dataset.binned_factors_of(self._keys)

    @property
    def attributes(self) -> np.ndarray:
        """The factors of two values as 0 and 1, `[n, num_attributes]`."""
        return self.classes[:, binary_factors(self._dataset)]


def binary_factors(dataset: Dataset) -> list[int]:
    """Return the columns of the factors that have two values."""
    return [column for column, size in enumerate(dataset.factor_sizes) if size == 2]


def draw_points(dataset: Dataset, num_points: int, stream: list[int]) -> Draw:
    """Draw points from a stream of random numbers of their own."""
    return Draw(dataset.sample_keys(np.random.default_rng(stream), num_points))


def draw_groups(dataset: Dataset, fixed: np.ndarray, group_size: int, stream: list[int]) -> Draw:
    """Draw groups that each share the value of the factor in `fixed` `[num_groups]`."""
    keys = dataset.sample_group_keys(np.random.default_rng(stream), fixed, group_size)
    return Draw(keys, fixed)
