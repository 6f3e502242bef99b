"""Identities: which images show the same one, which identities and images training never sees.

An identity is a label (a person, a digit), or the values of some known factors together, continuous
ones in bins. Training sees some images of the *seen* identities; held-out images of these and all
images of the *unseen* identities are for evaluation.
"""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from models import checks
from pipeline.datasets import own_values
from pipeline.datasets.interface import CachedRecipe, Dataset, DatasetRecipe, Estimate, Progress
from pipeline.recipes import fingerprint

PARTS = ("train", "seen", "unseen")
_SPLIT, _CHOICE = 0x1DE4, 0x1DE5  # Streams of draws.


@dataclasses.dataclass(frozen=True)
class IdentitySplit(DatasetRecipe):
    """Another data set, seen as images of identities; a recipe like any other.

    Attributes:
      source: The recipe of the images, with labels or factors.
      factors: The factors whose values together are the identity.
      num_bins: Bins of equal width of each of these that is continuous.
      unseen: The identities to leave out of training, as the user knows them: labels, such as
        ``(8, 9)`` or ``('anna', 'bert')``; of several factors tuples of values, or places from 0 in
        the order of these. Or the share of the identities, drawn with `seed`.
      held_out: Share of each seen identity's images to leave out of training, drawn with `seed`;
        not used where the source has test images, which are held out already.
      seed: Of the two draws.
    """

    source: Any
    factors: tuple[str, ...] = ("label",)
    num_bins: int = 3
    unseen: tuple[Any, ...] | float = ()
    held_out: float = 0.1
    seed: int = 0

    def __post_init__(self):
        """Check the fields; the source is looked at later."""
        if not isinstance(self.source, CachedRecipe):
            checks.fail("identity_split.source", self.source, "a data set such as @teapots()")
        is_list = isinstance(self.factors, tuple | list) and len(self.factors) > 0
        if not is_list or not all(isinstance(name, str) for name in self.factors):
            checks.fail("identity_split.factors", self.factors, "a tuple of names of factors")
        object.__setattr__(self, "factors", tuple(self.factors))
        checks.integer("identity_split.num_bins", self.num_bins, minimum=2)
        if isinstance(self.unseen, tuple | list):
            for one in self.unseen:
                self._check_identity(one)
            object.__setattr__(self, "unseen", tuple(self.unseen))
        elif not isinstance(self.unseen, int | float):
            checks.fail("identity_split.unseen", self.unseen, f"a tuple such as ({self.unseen!r},)")
        elif isinstance(self.unseen, bool) or not 0.0 <= self.unseen <= 0.9:
            expected = "a share between 0.0 and 0.9, or a tuple of identities such as "
            checks.fail("identity_split.unseen", self.unseen, f"{expected}({self.unseen!r},)")
        checks.number("identity_split.held_out", self.held_out, minimum=0.0, maximum=0.9)
        checks.integer("identity_split.seed", self.seed, minimum=0)

    def _check_identity(self, one: Any) -> None:
        """Refuse what cannot name an identity: a value, or one value for each factor."""
        values = one if isinstance(one, tuple | list) else (one,)
        is_fitting = len(values) == (len(self.factors) if values is one else 1)
        if not is_fitting or not all(isinstance(value, str | int | float) for value in values):
            expected = f"labels, or tuples of the values of {', '.join(self.factors)}"
            checks.fail("identity_split.unseen", one, expected)

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.source.name

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels, if the source knows them before it is opened."""
        return self.source.image_shape

    @property
    def is_rendered(self) -> bool:
        """Whether the source renders its images, see DatasetRecipe."""
        return self.source.is_rendered

    def prepare(
        self, cache_directory: Path, progress: Progress | None = None, *, force: bool = False
    ) -> None:
        """Prepare the source, see DatasetRecipe."""
        self.source.prepare(cache_directory, progress, force=force)

    def open(self, cache_directory: Path) -> "IdentityDataset":
        """Open the source, see DatasetRecipe."""
        return IdentityDataset(self.source.open(cache_directory), self)

    def image_names(self) -> list[str] | None:
        """See DatasetRecipe; which images are kept is not known before they are opened."""
        return None

    def estimate(self, cache_directory: Path) -> Estimate:
        """Return what preparing the source costs, see DatasetRecipe."""
        return self.source.estimate(cache_directory)


class IdentityDataset(Dataset):
    """Images of identities; evaluation keys and factors are those of the source.

    Attributes:
      identity_names: A name for each identity, such as "label=anna", unseen ones too.
      seen: Numbers of the identities that training sees, in order.
      unseen: Numbers of the others.
    """

    has_identity_parts = True

    def __init__(self, source: Dataset, split: IdentitySplit):
        """Find the identities and split the images.

        Args:
          source: The opened data set.
          split: How to split it.

        Raises:
          ValueError: The source lacks the factors, or the split leaves nothing to train on.
        """
        self._source = source
        self._split = split
        train, test = self._identities_of_keys(source.train_keys(), source.test_keys())
        count = len(self.identity_names)
        self.unseen = self._choose_unseen()
        self.seen = tuple(number for number in range(count) if number not in self.unseen)
        if len(self.seen) < 2:
            checks.fail("identity_split.unseen", split.unseen, f"two seen identities of {count}")
        is_seen = np.isin(np.arange(count), self.seen)
        held_out = self._hold_out(train) if not len(test) else np.zeros(len(train), bool)
        rows = np.arange(len(train))
        self._rows = rows[is_seen[train] & ~held_out]
        self._identities = train
        self._test_identities = test
        self._parts = {
            "train": (self._rows, rows[:0]),
            "seen": (rows[is_seen[train] & held_out], np.flatnonzero(is_seen[test])),
            "unseen": (rows[~is_seen[train]], np.flatnonzero(~is_seen[test])),
        }
        super().__init__(
            source.name,
            source.image_shape,
            source.max_value,
            len(self._rows),
            self._digest(source.fingerprint),
            source.factor_names,
            source.factor_sizes,
            source.factor_values,
        )
        self.nominal_factors = source.nominal_factors

    def _digest(self, source: str) -> str:
        """Return the digest of the images and of their split, wherever they are kept."""
        split = self._split
        parts: list[Any] = [len(self.identity_names), self.unseen]
        for array in (self._identities, self._test_identities, self._rows):
            parts.append(hashlib.sha256(array.astype("<i8").tobytes()).hexdigest())
        return fingerprint(source, split.factors, split.num_bins, parts)

    def _identities_of_keys(
        self, train_keys: np.ndarray, test_keys: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the identity of each training and test image; name the identities."""
        names = list(self._source.factor_names)
        missing = [name for name in self._split.factors if name not in names]
        if missing:
            expected = f"factors of {self._source.name}: {', '.join(names) or 'it has none'}"
            checks.fail("identity_split.factors", self._split.factors, expected)
        columns = [names.index(name) for name in self._split.factors]
        tables = [
            self._source.binned_factors_of(keys, self._split.num_bins)[:, columns]
            for keys in (train_keys, test_keys)
            if len(keys)
        ]
        found, numbers = np.unique(np.concatenate(tables), axis=0, return_inverse=True)
        known = [self._source.factor_values[column] for column in columns]
        self._values = [
            tuple(
                number if values is None else values[number]  # of continuous factors, the bin
                for number, values in zip(row, known, strict=True)
            )
            for row in found.tolist()
        ]
        self.identity_names = tuple(
            ", ".join(
                f"{name}={value}" for name, value in zip(self._split.factors, row, strict=True)
            )
            for row in self._values
        )
        numbers = numbers.reshape(-1)
        return numbers[: len(train_keys)], numbers[len(train_keys) :]

    def _choose_unseen(self) -> tuple[int, ...]:
        unseen, count = self._split.unseen, len(self.identity_names)
        if isinstance(unseen, float | int):
            rng = np.random.default_rng([_SPLIT, self._split.seed])
            return tuple(sorted(rng.permutation(count)[: round(unseen * count)].tolist()))
        return tuple(sorted({self._place_of(one) for one in unseen}))

    def _place_of(self, wanted: Any) -> int:
        """Return which identity is meant: by its name, its value, or the values of its factors."""
        if isinstance(wanted, str) and wanted in self.identity_names:
            return self.identity_names.index(wanted)
        factors, place = self._split.factors, None
        is_tuple = isinstance(wanted, tuple | list)
        if len(factors) > 1 and not is_tuple:
            place = wanted if wanted in range(len(self._values)) else None
        else:
            meant = []
            for column, value in enumerate(wanted if is_tuple else (wanted,)):
                known = list(dict.fromkeys(row[column] for row in self._values))
                found = own_values.place_of(value, known)
                meant.append(None if found is None else known[found])
            place = self._values.index(tuple(meant)) if tuple(meant) in self._values else None
        if place is None:
            values: list[Any] = [row if len(factors) > 1 else row[0] for row in self._values]
            of_source = f"values of {', '.join(factors)} in {self._source.name}"
            expected = f"{of_source}: {own_values.listed(values, wanted)}"
            checks.fail("identity_split.unseen", wanted, expected)
        return place

    def _hold_out(self, identities: np.ndarray) -> np.ndarray:
        """Return which training images of the source are held out: a share of each identity's."""
        order = np.random.default_rng([_SPLIT, self._split.seed, 1]).permutation(len(identities))
        order = order[np.argsort(identities[order], kind="stable")]
        counts = np.bincount(identities)
        place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        held_out = np.zeros(len(identities), bool)
        held_out[order] = place < np.floor(self._split.held_out * counts)[identities[order]]
        return held_out

    def part(self, part: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """See Dataset."""
        rows, tests = self._parts[checks.choice("part", part, PARTS)]
        rng = np.random.default_rng([_CHOICE, seed, PARTS.index(part)])
        chosen = rng.permutation(len(rows) + len(tests))[:count]
        is_row = chosen < len(rows)
        images = np.empty((len(chosen), *self.image_shape), np.uint8)
        identities = np.empty(len(chosen), np.int64)
        from_train = rows[chosen[is_row]]
        from_test = tests[chosen[~is_row] - len(rows)]
        if len(from_train):
            images[is_row] = self._source.train_images(from_train)
            identities[is_row] = self._identities[from_train]
        if len(from_test):
            images[~is_row] = self._source.images_of(self._source.test_keys()[from_test])
            identities[~is_row] = self._test_identities[from_test]
        return images, identities

    @property
    def seen_names(self) -> tuple[str, ...]:
        """A name for each label of `train_labels`."""
        return tuple(self.identity_names[number] for number in self.seen)

    def size_of(self, part: str) -> int:
        """Return the number of images of a part, see `part`."""
        return sum(map(len, self._parts[part]))

    def train_images(self, indices: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return self._source.train_images(self._rows[indices])

    def train_layers(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """See Dataset."""
        return self._source.train_layers(self._rows[indices])

    def train_labels(self) -> np.ndarray:
        """See Dataset; seen identities are numbered anew, from 0 without gaps."""
        return np.searchsorted(self.seen, self._identities[self._rows])

    def train_keys(self) -> np.ndarray:
        """See Dataset."""
        return self._source.train_keys()[self._rows]

    def test_keys(self) -> np.ndarray:
        """See Dataset; of seen and unseen identities."""
        return self._source.test_keys()

    def sample_keys(self, rng: np.random.Generator, num_keys: int) -> np.ndarray:
        """See Dataset; of all images of the source."""
        return self._source.sample_keys(rng, num_keys)

    def sample_group_keys(
        self, rng: np.random.Generator, fixed_factor: np.ndarray, group_size: int
    ) -> np.ndarray:
        """See Dataset."""
        return self._source.sample_group_keys(rng, fixed_factor, group_size)

    def factors_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return self._source.factors_of(keys)

    def binned_factors_of(self, keys: np.ndarray, num_bins: int = 20) -> np.ndarray:
        """See Dataset."""
        return self._source.binned_factors_of(keys, num_bins)

    def images_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return self._source.images_of(keys)
