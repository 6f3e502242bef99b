"""Random changes of images that leave their class as it is, drawn for each image anew."""

import dataclasses
import math
from typing import TYPE_CHECKING

from models import checks

if TYPE_CHECKING:
    import tensorflow as tf

LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
# Red, green, blue to luminance and two colour axes (NTSC's YIQ), in which hue is an angle.
TO_YIQ = (LUMINANCE, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
FROM_YIQ = ((1.0, 0.956, 0.621), (1.0, -0.272, -0.647), (1.0, -1.106, 1.703))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """A turn, a slant, a random crop, a flip, changed colours, grey; in this order.

    Everything is a differentiable function of the images. Single-channel images know neither
    saturation, hue nor grey.

    Attributes:
        crop_area: smallest and largest share of the image's area that is kept, then enlarged to
            the image's size bilinearly; None for no crop.
        crop_aspect: smallest and largest quotient of the crop's width and height; log-uniform.
        flip: whether every second image or so is mirrored left to right.
        colour_jitter: largest change of brightness, contrast and saturation (as a factor's
            distance from 1) and of hue (as a share of the full circle).
        colour_probability: with which an image's colours change at all.
        grey_probability: with which an image loses its colours.
        slant: by how many pixels to the right or left a row moves at most for each row that it lies
            below the middle; what comes in from outside is the pixel at the edge.
        turn: largest angle by which an image is turned to either side around its middle, as a share
            of the full circle: .5 for all angles; the edges are as with a slant.
    """

    crop_area: tuple[float, float] | None
    crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool = False
    colour_jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    colour_probability: float = 0.0
    grey_probability: float = 0.0
    slant: float = dataclasses.field(default=0.0, metadata=checks.LATER)
    turn: float = dataclasses.field(default=0.0, metadata=checks.LATER)
    kind: str = dataclasses.field(default="augmentation", init=False)

    def __post_init__(self):
        for name in ("crop_area", "crop_aspect", "colour_jitter"):
            value = getattr(self, name)
            if name == "crop_area" and value is None:
                continue
            length = 4 if name == "colour_jitter" else 2
            if not isinstance(value, tuple | list) or len(value) != length:
                checks.fail(name, value, f"{length} numbers")
            for one in value:
                maximum = 10.0 if name == "crop_aspect" else 1.0
                checks.number(name, one, minimum=0.0, maximum=maximum)
            object.__setattr__(self, name, tuple(float(one) for one in value))
        for name in ("crop_area", "crop_aspect"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value[0] <= value[1]:
                checks.fail(name, value, "a smallest number > 0 and a largest one")
        checks.flag("flip", self.flip)
        for name in ("colour_probability", "grey_probability"):
            checks.number(name, getattr(self, name), minimum=0.0, maximum=1.0)
        checks.number("slant", self.slant, minimum=0.0, maximum=2.0)
        checks.number("turn", self.turn, minimum=0.0, maximum=0.5)

    def apply(self, images: "tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        """Return changed images in [0, 1], of the same shape.

        Args:
            images: float32 [batch, height, width, channels] in [0, 1].
            seed: an integer tensor [2], of all draws.
        """
        if self.turn:
            most = 2.0 * math.pi * self.turn
            images = _turn(images, _uniform(images, _fold_in(seed, 6), -most, most))
        if self.slant:
            images = _slant(images, _uniform(images, _fold_in(seed, 5), -self.slant, self.slant))
        if self.crop_area is not None:
            images = self._crop(images, _fold_in(seed, 0), self.crop_area)
        if self.flip:
            images = _where(_chance(images, _fold_in(seed, 1), 0.5), images[:, :, ::-1], images)
        if self.colour_probability:
            chosen = _chance(images, _fold_in(seed, 2), self.colour_probability)
            images = _where(chosen, self._jitter(images, _fold_in(seed, 3)), images)
        if self.grey_probability and images.shape[-1] == 3:
            chosen = _chance(images, _fold_in(seed, 4), self.grey_probability)
            images = _where(chosen, _luminance(images) + 0.0 * images, images)
        return images

    def _crop(
        self, images: "tf.Tensor", seed: "tf.Tensor", crop_area: tuple[float, float]
    ) -> "tf.Tensor":
        import tensorflow as tf

        from models.layers import resampling

        area = _uniform(images, _fold_in(seed, 0), *crop_area)
        low, high = self.crop_aspect
        aspect = tf.exp(_uniform(images, _fold_in(seed, 1), math.log(low), math.log(high)))
        # A crop that would be wider or higher than the image ends at its edges.
        width = tf.minimum(tf.sqrt(area * aspect), 1.0)
        height = tf.minimum(tf.sqrt(area / aspect), 1.0)
        left = _uniform(images, _fold_in(seed, 2), 0.0, 1.0) * (1.0 - width)
        top = _uniform(images, _fold_in(seed, 3), 0.0, 1.0) * (1.0 - height)
        return resampling.window(images, top, left, height, width)

    def _jitter(self, images: "tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        def change(number: int, around: float = 1.0) -> "tf.Tensor":
            most = self.colour_jitter[number]
            drawn = _uniform(images, _fold_in(seed, number), around - most, around + most)
            return drawn[:, tf.newaxis, tf.newaxis, tf.newaxis]

        images = images * change(0)
        mean = tf.reduce_mean(_luminance(images), axis=(1, 2, 3), keepdims=True)
        images = mean + change(1) * (images - mean)
        if images.shape[-1] == 3:
            grey = _luminance(images)
            images = grey + change(2) * (images - grey)
            images = _turn_hue(images, 2.0 * math.pi * change(3, 0.0))
        return tf.clip_by_value(images, 0.0, 1.0)


def _slant(images: "tf.Tensor", slope: "tf.Tensor") -> "tf.Tensor":
    """Return images whose rows are moved by slope [batch] times their distance from the middle."""
    import tensorflow as tf

    from models.layers import resampling

    height, width = images.shape[1:3]
    pixels = tf.range(width, dtype=tf.float32)
    distance = tf.range(height, dtype=tf.float32) - (height - 1.0) / 2.0
    places = pixels - slope[:, tf.newaxis, tf.newaxis] * distance[:, tf.newaxis]
    return tf.einsum("bijk,bikc->bijc", resampling.weights(places, width), images)


def _turn(images: "tf.Tensor", angle: "tf.Tensor") -> "tf.Tensor":
    """Return images turned clockwise by angle [batch], in radians, around their middle."""
    import tensorflow as tf

    batch, (height, width, channels) = tf.shape(images)[0], images.shape[1:]
    down = tf.range(height, dtype=tf.float32)[:, tf.newaxis] - (height - 1.0) / 2.0
    right = tf.range(width, dtype=tf.float32) - (width - 1.0) / 2.0
    sine, cosine = (of(angle)[:, tf.newaxis, tf.newaxis] for of in (tf.sin, tf.cos))
    rows = tf.clip_by_value(cosine * down - sine * right + (height - 1.0) / 2.0, 0.0, height - 1.0)
    columns = tf.clip_by_value(sine * down + cosine * right + (width - 1.0) / 2.0, 0.0, width - 1.0)
    pixels = tf.reshape(images, (batch, height * width, channels))
    above = tf.minimum(tf.floor(rows), height - 2.0)
    left = tf.minimum(tf.floor(columns), width - 2.0)
    turned = 0.0
    for row in (above, above + 1.0):
        for column in (left, left + 1.0):
            weight = (1.0 - tf.abs(rows - row)) * (1.0 - tf.abs(columns - column))
            place = tf.reshape(tf.cast(row * width + column, tf.int32), (batch, height * width))
            found = tf.gather(pixels, place, batch_dims=1)
            turned += weight[..., tf.newaxis] * tf.reshape(found, tf.shape(images))
    return turned


def _turn_hue(images: "tf.Tensor", angle: "tf.Tensor") -> "tf.Tensor":
    """Return images whose colour axes are turned by angle [batch, 1, 1, 1], in radians."""
    import tensorflow as tf

    luminance, first, second = tf.split(tf.tensordot(images, tf.transpose(TO_YIQ), 1), 3, axis=-1)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    turned = [luminance, cosine * first - sine * second, sine * first + cosine * second]
    return tf.tensordot(tf.concat(turned, axis=-1), tf.transpose(FROM_YIQ), 1)


def _luminance(images: "tf.Tensor") -> "tf.Tensor":
    """Return [batch, height, width, 1]."""
    import tensorflow as tf

    if images.shape[-1] == 1:
        return images
    return tf.reduce_sum(images * tf.constant(LUMINANCE), axis=-1, keepdims=True)


def _uniform(images: "tf.Tensor", seed: "tf.Tensor", low: float, high: float) -> "tf.Tensor":
    """Return a draw for each image, float32 [batch]."""
    import tensorflow as tf

    from models import draws

    return draws.uniform((tf.shape(images)[0],), seed, low, high)


def _chance(images: "tf.Tensor", seed: "tf.Tensor", probability: float) -> "tf.Tensor":
    return _uniform(images, seed, 0.0, 1.0) < probability


def _where(chosen: "tf.Tensor", changed: "tf.Tensor", images: "tf.Tensor") -> "tf.Tensor":
    import tensorflow as tf

    return tf.where(chosen[:, tf.newaxis, tf.newaxis, tf.newaxis], changed, images)


def _fold_in(seed: "tf.Tensor", data: int) -> "tf.Tensor":
    from models import draws

    return draws.fold_in(seed, data)
