"""A table of stored images, with or without labels or factors."""

from collections.abc import Sequence

import numpy as np

from pipeline.datasets.interface import Dataset
from pipeline.datasets.layout import StoredImages
from pipeline.datasets.own_values import Value


class TableDataset(Dataset):
    """Stored images, each with a row of discrete factor values or none; a key is a row number.

    The rows after the training rows are held out as test images; evaluation points and groups are
    drawn from the training rows. A factor named "label" gives the labels. Not every combination of
    factors need be there. A group that shares a value is drawn from the rows that have it: without
    replacement where there are enough, so that a pair is two images.
    """

    def __init__(
        self,
        name: str,
        max_value: int,
        fingerprint: str,
        images: StoredImages,
        factors: np.ndarray | None = None,
        factor_names: tuple[str, ...] = (),
        num_train: int | None = None,
        own_values: Sequence[Sequence[Value] | None] | None = None,
    ):
        """Describe the table.

        Args:
          name: See Dataset.
          max_value: See Dataset.
          fingerprint: See Dataset.
          images: Stored images uint8 ``[n, h, w, c]``.
          factors: Factor values int ``[n, num_factors]``; numbered from 0 in their order here.
          factor_names: One name a factor.
          num_train: How many of the rows, from the first, are training images; None means all.
          own_values: Of each factor, the user's value that each number in `factors` stands for;
            None where the numbers are the user's.
        """
        _, height, width, channels = images.shape
        num_train = len(images) if num_train is None else num_train
        self._images = images
        sizes: list[int] = []
        values: list[list[Value]] = []
        if factor_names:
            found = [np.unique(column, return_inverse=True) for column in np.asarray(factors).T]
            columns = [numbers for _, numbers in found]
            self._factors = np.stack(columns, axis=1).astype(np.int64)
            sizes = [len(there) for there, _ in found]
            values = [
                [own[n] if own is not None and 0 <= n < len(own) else n for n in there.tolist()]
                for (there, _), own in zip(found, own_values or [None] * len(found), strict=True)
            ]
            # Rows in the order of each factor's values, and where each value starts.
            train = [column[:num_train] for column in columns]
            self._rows_by_value = [np.argsort(column, kind="stable") for column in train]
            self._counts = [np.bincount(column) for column in train]
            self._starts = [np.cumsum(counts) - counts for counts in self._counts]
        super().__init__(
            name,
            (height, width, channels),
            max_value,
            num_train,
            fingerprint,
            factor_names if factor_names else (),
            tuple(sizes),
            values,
        )

    def train_images(self, indices: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return np.asarray(self._images[indices])

    def train_keys(self) -> np.ndarray:
        """See Dataset."""
        return np.arange(self.num_images)

    def train_labels(self) -> np.ndarray:
        """See Dataset."""
        if "label" not in self.factor_names:
            return super().train_labels()
        return self._factors[: self.num_images, self.factor_names.index("label")]

    def test_keys(self) -> np.ndarray:
        """See Dataset."""
        return np.arange(self.num_images, len(self._images))

    def sample_keys(self, rng: np.random.Generator, num_keys: int) -> np.ndarray:
        """See Dataset."""
        return rng.integers(self.num_images, size=num_keys)

    def sample_group_keys(
        self, rng: np.random.Generator, fixed_factor: np.ndarray, group_size: int
    ) -> np.ndarray:
        """See Dataset; the shared value is that of a row drawn uniformly."""
        fixed_factor = self._check_groups(fixed_factor, group_size)
        first_rows = self.sample_keys(rng, len(fixed_factor))
        keys = np.empty((len(fixed_factor), group_size), np.int64)
        for group, (factor, row) in enumerate(zip(fixed_factor, first_rows, strict=True)):
            value = self._factors[row, factor]
            count = self._counts[factor][value]
            chosen = rng.choice(count, group_size, replace=bool(count < group_size))
            keys[group] = self._rows_by_value[factor][self._starts[factor][value] + chosen]
        return keys.reshape(-1)

    def factors_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset."""
        self._require_factors()
        return self._factors[keys]

    def images_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return np.asarray(self._images[keys])
