"""Bilinear resampling of images, in Keras' operations: for tensors and for parts of networks."""

import keras
from keras import ops


def weights(places: keras.KerasTensor, size: int) -> keras.KerasTensor:
    """Return [..., size]: how much each pixel of a row counts at places between them.

    Args:
        places: [...], in pixels from the centre of the first one; beyond the first and the last
            one, these count.
        size: pixels of the row.
    """
    places = ops.clip(places, 0.0, size - 1.0)
    pixels = ops.arange(size, dtype=places.dtype)
    return ops.relu(1.0 - ops.abs(ops.expand_dims(places, -1) - pixels))


def window(
    images: keras.KerasTensor,
    top: keras.KerasTensor,
    left: keras.KerasTensor,
    height: keras.KerasTensor,
    width: keras.KerasTensor,
) -> keras.KerasTensor:
    """Return what a window of each image shows, in the image's size.

    Args:
        images: float [batch, height, width, channels].
        top: [batch], the window's upper edge, as a share of the image's height.
        left: [batch], its left edge, as a share of the width.
        height: [batch], the same.
        width: [batch], the same.
    """

    def along(start: keras.KerasTensor, length: keras.KerasTensor, size: int) -> keras.KerasTensor:
        pixels = ops.arange(size, dtype=images.dtype)
        centres = (pixels + 0.5) * ops.expand_dims(length, -1) + size * ops.expand_dims(start, -1)
        return weights(centres - 0.5, size)

    rows = along(top, height, images.shape[1])
    columns = along(left, width, images.shape[2])
    images = ops.einsum("bij,bjkc->bikc", rows, images)
    return ops.einsum("bij,bkjc->bkic", columns, images)
