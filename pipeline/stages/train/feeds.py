"""Where the images of an iteration come from: read by the host, or kept on the device."""

from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.datasets.interface import Dataset
from pipeline.errors import StageError
from pipeline.stages.train.batches import BatchOrder
from pipeline.stages.train.triplets import TrainingImages, TripletOrder

IMAGES_A_READ = 65_536


class HostFeed:
    """Batches that the host reads and hands over, those of several iterations at once.

    Args:
        order: Which images an iteration sees.
        dataset: The opened data set.
    """

    def __init__(self, order: BatchOrder | TripletOrder, dataset: TrainingImages):
        self._order = order
        self._dataset = dataset
        first = order.batch(dataset, order.indices(0))
        specs = tf.nest.map_structure(tf.type_spec_from_value, first)
        self.bytes_per_iteration = sum(one.nbytes for one in tf.nest.flatten(first))
        self.signature = tf.nest.map_structure(
            lambda one: tf.TensorSpec([None, *one.shape], one.dtype), specs
        )

    def rows(self, start: int, stop: int) -> Any:
        """Return the batches of the iterations from `start` to `stop` - 1, stacked."""
        batches = [
            self._order.batch(self._dataset, indices)
            for indices in self._order.from_iteration(start, stop)
        ]
        return tf.nest.map_structure(lambda *ones: tf.constant(np.stack(ones)), *batches)

    def batch(self, row: Any) -> Any:
        """Return what a train step is given, of one row; called inside the graph."""
        return row


class _Indices:
    """Stands for a data set whose images are their own indices."""

    def train_images(self, indices: np.ndarray) -> np.ndarray:
        """Return the indices."""
        return indices.astype(np.int32)


class DeviceFeed(HostFeed):
    """Batches that the device gathers from all images, of which it keeps a copy.

    Images of pixels 0 and 1 are kept as bits: 378 MB for dSprites.

    Args:
        order: Which images an iteration sees.
        dataset: The opened data set.

    Raises:
        StageError: The device has no room for the images.
    """

    def __init__(self, order: BatchOrder | TripletOrder, dataset: Dataset):
        super().__init__(order, _Indices())
        self._shape = tuple(dataset.image_shape)
        self._are_bits = dataset.max_value == 1
        self._images = self._copied(dataset)

    def _copied(self, dataset: Dataset) -> tf.Tensor:
        """Return all images on the device, uint8 [num_images, bytes of an image]."""
        size = int(np.prod(self._shape))
        kept = np.empty((dataset.num_images, -(-size // 8) if self._are_bits else size), np.uint8)
        for start in range(0, dataset.num_images, IMAGES_A_READ):
            stop = min(start + IMAGES_A_READ, dataset.num_images)
            images = dataset.train_images(np.arange(start, stop)).reshape(stop - start, size)
            kept[start:stop] = np.packbits(images, axis=1) if self._are_bits else images
        try:
            return tf.constant(kept)
        except tf.errors.ResourceExhaustedError as error:
            raise StageError(
                "training.images_on_device: Expected room on the device for the images, "
                f"{kept.nbytes / 2**20:,.0f} MiB. Received: {error.message} Set it to False, and "
                "the host reads them."
            ) from error

    def batch(self, row: Any) -> Any:
        """Return what a train step is given, of one row; called inside the graph."""
        indices, *others = row if isinstance(row, tuple) else (row,)
        images = tf.gather(self._images, indices)
        if self._are_bits:
            shifts = tf.range(7, -1, -1, tf.int32)
            bits = tf.bitwise.right_shift(images[..., tf.newaxis], tf.cast(shifts, tf.uint8))
            bits = tf.bitwise.bitwise_and(bits, tf.constant(1, tf.uint8))
            size = int(np.prod(self._shape))
            images = tf.reshape(bits, (*indices.shape, 8 * images.shape[-1]))[..., :size]
        images = tf.reshape(images, (*indices.shape, *self._shape))
        return (images, *others) if others else images
