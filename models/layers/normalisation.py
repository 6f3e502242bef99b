"""Images brought to one place and size, which then tell nothing of either."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageNormalisation:
    """Image normalisation by moments (Hu 1962, https://doi.org/10.1109/TIT.1962.1057692).

    The centroid of an image's brightness comes to the middle, and its spread (the root mean square
    distance from the centroid along an axis) to a given one, by a window of the image that is
    enlarged or reduced bilinearly; what lies outside of the image continues its edges. Made for one
    bright thing on a dark ground, such as a sprite or a digit. Differentiable.

    Attributes:
        spread: wanted, as a share of the image's side.
        zoom: smallest and largest factor by which an image is enlarged, so that one that shows
            nothing, or noise, stays an image.
    """

    spread: float
    zoom: tuple[float, float] = (0.25, 4.0)
    kind: str = dataclasses.field(default="image_normalisation", init=False)

    def __post_init__(self):
        checks.positive_number("spread", self.spread)
        checks.number("spread", self.spread, maximum=0.5)
        if not isinstance(self.zoom, tuple | list) or len(self.zoom) != 2:
            checks.fail("zoom", self.zoom, "two numbers")
        low, high = (checks.positive_number("zoom", one) for one in self.zoom)
        if low > high:
            checks.fail("zoom", self.zoom, "a smallest number and a largest one")
        object.__setattr__(self, "zoom", (low, high))

    def apply(self, images: "tf.Tensor") -> "tf.Tensor":
        """Return normalised images, of the same shape and type.

        Built of Keras' operations, so that a network can begin with it and be saved.

        Args:
            images: float [batch, height, width, channels] in [0, 1], or a Keras tensor of such.
        """
        from keras import ops

        from models.layers import resampling

        brightness = ops.mean(images, axis=-1)
        total = ops.maximum(ops.sum(brightness, axis=(1, 2)), 1e-3)
        centres, variances = [], []
        for axis in (1, 2):  # rows, columns
            size = images.shape[axis]
            places = (ops.arange(size, dtype=images.dtype) + 0.5) / size
            share = ops.sum(brightness, axis=3 - axis) / ops.expand_dims(total, -1)
            centre = ops.sum(share * places, axis=1, keepdims=True)
            variances.append(ops.sum(share * ops.square(places - centre), axis=1))
            centres.append(centre[:, 0])
        low, high = self.zoom
        spread = ops.sqrt(ops.maximum((variances[0] + variances[1]) / 2.0, 1e-8))
        side = ops.clip(spread / self.spread, 1.0 / high, 1.0 / low)
        top, left = (centre - side / 2.0 for centre in centres)
        return resampling.window(images, top, left, side, side)
