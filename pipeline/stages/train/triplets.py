"""Triplets of images for methods that are told which images show the same identity.

Like `pipeline.stages.train.batches`, a function of the seed and the iteration alone: an interrupted
run goes on with the very triplets it would have seen. Only indices are drawn; no image is copied.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from models import checks

_STREAM = 0x3A1B  # keeps these draws apart from others made from the same seed
NUM_NAMED = 5  # identities named in one error


class TrainingImages(Protocol):
    """What an order of batches asks of a data set."""

    def train_images(self, indices: np.ndarray) -> np.ndarray:
        """Return the images of `indices`."""
        ...


class TripletOrder:
    """Batches of triplets: x1 and x2 are two images of one identity, x3 is one of another.

    In each epoch every image is x1 once and x2 once: the images of an identity are laid in a circle
    in random order, and x2 follows x1. x3 is drawn uniformly from all images of other identities.
    The rest that does not fill a batch is dropped.

    An identity with a single image has no x2 and is refused: paired with itself it would teach that
    s may hold all of an image.

    Args:
        identities: Of each training image, int `[num_images]`.
        batch_size: Triplets of a batch.
        seed: Of the draws.
        with_identities: Whether a batch tells the identities beside the images.
        names: A name for each identity, for messages.

    Raises:
        ValueError: There is one identity only, one has a single image, or too few make a batch.
    """

    def __init__(
        self,
        identities: np.ndarray,
        batch_size: int,
        seed: int,
        *,
        with_identities: bool = False,
        names: Sequence[str] | None = None,
    ):
        self._identities = np.asarray(identities)
        found, counts = np.unique(self._identities, return_counts=True)
        if len(found) < 2:
            raise ValueError(
                "Triplets need images of two identities at least. "
                f"Received: {len(found)} identities of {len(self._identities)} training images"
            )
        single = found[counts == 1]
        if len(single):
            listed = ", ".join(str(names[one]) if names else str(one) for one in single[:NUM_NAMED])
            more = f" and {len(single) - NUM_NAMED} more" if len(single) > NUM_NAMED else ""
            raise ValueError(
                "Identities with a single training image cannot be paired with another image of "
                "theirs. Expected two images at least: add some, hold fewer out, or name them in "
                f"identity_split.unseen. Received: {listed}{more}"
            )
        if batch_size > len(self._identities):
            expected = f"at most {len(self._identities)}, the images to train on: make it smaller, "
            checks.fail("training.batch_size", batch_size, f"{expected}or give more images")
        self._batch_size = batch_size
        self._seed = seed
        self._with_identities = with_identities
        # The images in order of identity: each identity is a block of it.
        self._sorted = np.argsort(self._identities, kind="stable")
        self._size = np.repeat(counts, counts)
        self._start = np.repeat(np.cumsum(counts) - counts, counts)
        self._epoch = -1
        self._triplets = np.empty((0, 3), np.int64)

    def indices(self, iteration: int) -> np.ndarray:
        """Return the images of one iteration's triplets, int `[batch_size, 3]`: x1, x2, x3."""
        epoch, place = divmod(iteration, len(self._identities) // self._batch_size)
        if epoch != self._epoch:
            self._triplets = self._draw(np.random.default_rng([_STREAM, self._seed, epoch]))
            self._epoch = epoch
        return self._triplets[place * self._batch_size : (place + 1) * self._batch_size]

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """Return the triplets of an epoch, int `[num_images, 3]`."""
        total = len(self._sorted)
        shuffled = rng.permutation(total)
        block = self._start[shuffled]
        circle = self._sorted[shuffled[np.argsort(block, kind="stable")]]
        place = np.arange(total)
        following = self._start + (place - self._start + 1) % self._size
        # Uniform over the places outside the block: those after it move up by its size.
        other = rng.integers(total - self._size)
        other = other + np.where(other >= self._start, self._size, 0)
        triplets = np.stack([circle, circle[following], circle[other]], axis=1)
        return triplets[rng.permutation(total)]

    def from_iteration(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Yield the indices of the iterations from `start` to `stop` - 1."""
        for iteration in range(start, stop):
            yield self.indices(iteration)

    def batch(
        self, dataset: TrainingImages, indices: np.ndarray
    ) -> np.ndarray | tuple[np.ndarray, ...]:
        """Return the triplets' images, uint8 `[batch_size, 3, h, w, c]`.

        With identities: these and the identities' numbers, int32 `[batch_size, 3]`.
        """
        images = dataset.train_images(indices.reshape(-1))
        images = images.reshape(*indices.shape, *images.shape[1:])
        if not self._with_identities:
            return images
        return images, self._identities[indices].astype(np.int32)
