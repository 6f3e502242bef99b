"""Which images an iteration sees: a function of the seed and the iteration alone.

An interrupted run therefore goes on with the very batch it would have seen, without any state of
a shuffle buffer to save.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from models import checks
from models.base import Method
from pipeline.datasets.interface import Dataset
from pipeline.stages.train.triplets import TrainingImages, TripletOrder

_STREAM = 0xDA7A  # keeps these draws apart from others made from the same seed


class BatchOrder:
    """Batches without replacement: each epoch is a permutation of its own; the rest is dropped.

    Args:
        num_images: Images of the data set.
        batch_size: Images of a batch.
        seed: Of the order.
        setting: What Gin calls the batch size, for messages.

    Raises:
        ValueError: A batch is larger than the data set.
    """

    def __init__(
        self,
        num_images: int,
        batch_size: int,
        seed: int,
        *,
        setting: str = "training.batch_size",
    ):
        if batch_size > num_images:
            expected = f"at most {num_images}, the images to train on: make it smaller, or give "
            checks.fail(setting, batch_size, f"{expected}more images")
        self._num_images = num_images
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = -1
        self._permutation = np.empty(0, np.int64)

    def indices(self, iteration: int) -> np.ndarray:
        """Return the image indices, int [batch_size], of one iteration."""
        epoch, place = divmod(iteration, self._num_images // self._batch_size)
        if epoch != self._epoch:
            rng = np.random.default_rng([_STREAM, self._seed, epoch])
            self._permutation = rng.permutation(self._num_images)
            self._epoch = epoch
        return self._permutation[place * self._batch_size : (place + 1) * self._batch_size]

    def batch(self, dataset: TrainingImages, indices: np.ndarray) -> np.ndarray:
        """Return the images of indices, uint8 `[batch_size, h, w, c]`."""
        return dataset.train_images(indices)

    def from_iteration(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Yield the indices of the iterations from `start` to `stop` - 1."""
        for iteration in range(start, stop):
            yield self.indices(iteration)


def batch_order(
    method: Method, dataset: Dataset, batch_size: int, seed: int
) -> BatchOrder | TripletOrder:
    """Return the order of batches that a method asks for.

    Raises:
        ValueError: The data set does not have what the method needs.
    """
    if not method.needs_triplets:
        return BatchOrder(dataset.num_images, batch_size, seed)
    return TripletOrder(
        dataset.train_labels(),
        batch_size,
        seed,
        with_identities=method.needs_identities,
        names=dataset.seen_names,
    )


def pretraining_order(options: Any, num_images: int) -> BatchOrder:
    """Return the order of the batches of a pre-training.

    Raises:
        ValueError: A batch is larger than the data set.
    """
    return BatchOrder(num_images, options.batch_size, options.seed, setting="simclr.batch_size")
