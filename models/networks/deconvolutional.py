"""Generators of transposed convolutions: the sizes, orders and norms a paper's appendix lists."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.networks.convolutional import ORDERS, check_initial_std

if TYPE_CHECKING:
    import keras

ACTIVATIONS = ("relu", "leaky_relu")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeconvGenerator:
    """Latent vector to image: dense layers, a small feature map, stride-2 transposed convolutions.

    Every transposed convolution doubles height and width; one more than `deconv` lists makes the
    image. The first feature map is therefore the image's size / 2^(len(deconv) + 1).

    Attributes:
        dense: units of the dense layers before the feature map.
        base_channels: channels of the first feature map, made by a dense layer of its own.
        deconv: channels of the transposed convolutions before the one that makes the image.
        dense_activation: "relu" or "leaky_relu", after the dense layers.
        deconv_activation: the same, after the hidden transposed and the 1x1 convolutions.
        batch_norm: whether the hidden layers (all but the last) have batch norm.
        order: place of the batch norm, see `models.networks.convolutional`; needed where there is
            one.
        negative_slope: of the leaky ReLUs; needed where there are any.
        kernel_size: of every transposed convolution.
        output: "sigmoid", or "tanh" followed by the rescaling of [-1, 1] to [0, 1].
        initial_std: standard deviation of the initial kernels (published: 0.02); None for Glorot's
            uniform distribution, with which small networks start learning sooner.
        broadcast: None, as published: a dense layer makes the first feature map. Otherwise 1x1
            convolutions of these channels and of `base_channels` make it, which see at every place
            what the dense layers say and where the place is (Watters et al. 2019,
            https://arxiv.org/abs/1901.07017, there for decoders): codes then move things, where a
            dense layer has them fade here and appear there. Their initial kernels are Glorot's.
    """

    dense: tuple[int, ...]
    base_channels: int
    deconv: tuple[int, ...]
    dense_activation: str
    deconv_activation: str
    batch_norm: bool
    order: str | None = None
    negative_slope: float | None = None
    kernel_size: int = 4
    output: str = "sigmoid"
    initial_std: float | None = 0.02
    broadcast: tuple[int, ...] | None = dataclasses.field(default=None, metadata=checks.LATER)
    kind: str = dataclasses.field(default="deconv_generator", init=False)

    def __post_init__(self):
        for name in ("dense", "deconv"):
            value = checks.positive_integers(name, getattr(self, name))
            object.__setattr__(self, name, value)
        checks.integer("base_channels", self.base_channels, minimum=1)
        checks.integer("kernel_size", self.kernel_size, minimum=1)
        checks.choice("dense_activation", self.dense_activation, ACTIVATIONS)
        checks.choice("deconv_activation", self.deconv_activation, ACTIVATIONS)
        if checks.flag("batch_norm", self.batch_norm) or self.order is not None:
            checks.choice("order", self.order, ORDERS)
        is_leaky = "leaky_relu" in (self.dense_activation, self.deconv_activation)
        if is_leaky or self.negative_slope is not None:
            checks.number("negative_slope", self.negative_slope, minimum=0.0, maximum=1.0)
        checks.choice("output", self.output, ("sigmoid", "tanh"))
        check_initial_std(self.initial_std)
        if self.broadcast is not None:
            value = checks.positive_integers("broadcast", self.broadcast)
            object.__setattr__(self, "broadcast", value)

    def base_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the shape of the first feature map.

        Raises:
            ValueError: the image's height or width is no multiple of 2^(number of doublings).
        """
        height, width, _ = checks.image_shape("image_shape", image_shape)
        factor = 2 ** (len(self.deconv) + 1)
        if height % factor or width % factor:
            expected = f"height and width to be multiples of {factor} for deconv={self.deconv}"
            checks.fail("image_shape", image_shape, expected)
        return height // factor, width // factor, self.base_channels

    def build(self, image_shape: tuple[int, int, int], latent_dim: int, seed: int) -> "keras.Model":
        """Return G: [batch, latent_dim] to images [batch, height, width, channels] in [0, 1]."""
        import keras

        from models.networks.convolutional_layers import ConvolutionalLayers
        from models.networks.layer_maker import full_precision

        layers = ConvolutionalLayers("generator", seed, self)
        base_shape = self.base_shape(image_shape)
        latents = x = keras.Input((latent_dim,), name="latents")
        for units in self.dense:
            x = layers.finish(layers.dense(x, units), self.dense_activation, self.batch_norm)
        if self.broadcast is None:
            x = layers.dense(x, base_shape[0] * base_shape[1] * base_shape[2])
            x = layers.finish(x, self.dense_activation, self.batch_norm)
            x = keras.layers.Reshape(base_shape, name="generator_base")(x)
        else:
            x = layers.broadcast(x, latents, base_shape[:2])
            for filters in (*self.broadcast, base_shape[2]):
                x = layers.finish(
                    layers.pointwise(x, filters), self.deconv_activation, self.batch_norm
                )
        for filters in self.deconv:
            x = layers.finish(layers.deconv(x, filters), self.deconv_activation, self.batch_norm)
        x = layers.deconv(x, image_shape[2])
        full = full_precision()
        images = keras.layers.Activation(self.output, name="generator_output", dtype=full)(x)
        if self.output == "tanh":
            rescaling = keras.layers.Rescaling(0.5, 0.5, name="generator_rescaling", dtype=full)
            images = rescaling(images)
        return keras.Model(latents, images, name="generator")
