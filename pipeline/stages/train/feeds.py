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

    Images of pixels 0 and 1 are kept as bits (378 MB for dSprites), images that a data set colours
    when it reads them as shade, coverage and colour (1.6 GB for the published teapots).

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
        self.kept = self._copied(dataset)  # tensors, each [num_images, ...]

    def _copied(self, dataset: Dataset) -> list[tf.Tensor]:
        """Return on the device what is kept of all images, each [num_images, ...]."""
        kept: list[np.ndarray] = []
        for start in range(0, dataset.num_images, IMAGES_A_READ):
            rows = np.arange(start, min(start + IMAGES_A_READ, dataset.num_images))
            parts = dataset.train_layers(rows) or self._packed(dataset.train_images(rows))
            if not kept:
                kept = [np.empty((dataset.num_images, *one.shape[1:]), one.dtype) for one in parts]
            for whole, part in zip(kept, parts, strict=True):
                whole[rows] = part
        try:
            return [tf.constant(one) for one in kept]
        except tf.errors.ResourceExhaustedError as error:
            raise StageError(
                "training.images_on_device: Expected room on the device for the images, "
                f"{sum(one.nbytes for one in kept) / 2**20:,.0f} MiB. Received: {error.message} "
                "Set it to False, and the host reads them."
            ) from error

    def _packed(self, images: np.ndarray) -> tuple[np.ndarray]:
        """Return images without colouring of their own as uint8 [n, bytes of an image]."""
        flat = images.reshape(len(images), -1)
        return (np.packbits(flat, axis=1) if self._are_bits else flat,)

    def batch(self, row: Any) -> Any:
        """Return what a train step is given, of one row; called inside the graph."""
        return self.gather(self.kept, row)

    def gather(self, kept: list[tf.Tensor], row: Any) -> Any:
        """Return the same from what is `kept`, wherever it is."""
        indices, *others = row if isinstance(row, tuple) else (row,)
        images, *colours = (tf.gather(one, indices) for one in kept)
        if colours:
            images = coloured(images, colours[0])
        elif self._are_bits:
            shifts = tf.range(7, -1, -1, tf.int32)
            bits = tf.bitwise.right_shift(images[..., tf.newaxis], tf.cast(shifts, tf.uint8))
            bits = tf.bitwise.bitwise_and(bits, tf.constant(1, tf.uint8))
            size = int(np.prod(self._shape))
            images = tf.reshape(bits, (*indices.shape, 8 * images.shape[-1]))[..., :size]
        images = tf.reshape(images, (*indices.shape, *self._shape))
        return (images, *others) if others else images


def coloured(geometry: tf.Tensor, colours: tf.Tensor) -> tf.Tensor:
    """Return uint8 [..., h, w, 3] of what `train_layers` gives, [..., h, w, 2] and [..., 3].

    The same numbers as `pipeline.datasets.teapots.colour`.
    """
    shade, coverage = tf.unstack(tf.cast(geometry, tf.float32)[..., tf.newaxis], axis=-2)
    pixels = tf.minimum(shade * colours[..., tf.newaxis, tf.newaxis, :], 1.0)
    return tf.cast((pixels - 1.0) * coverage + 255.5, tf.uint8)
