"""Networks of stride-2 convolutions that read images, described as data; each builds itself.

Two orders of a hidden layer occur in the literature and give different networks:
    "activation_norm"   layer -> activation -> batch norm   (InfoGAN-CR on 64x64 images)
    "norm_activation"   layer -> batch norm -> activation   (InfoGAN; InfoGAN-CR on CelebA)
Batch norm in discriminators and contrastive networks is on every hidden layer but the first.
Images outside a network are always in [0, 1]; a network that works in [-1, 1] rescales inside.
"""

import dataclasses
from typing import TYPE_CHECKING

from models import checks

if TYPE_CHECKING:
    import keras

ORDERS = ("activation_norm", "norm_activation")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvTrunk:
    """Stride-2 convolutions, then dense layers: what discriminators have in common.

    Attributes:
        conv: channels of the stride-2 convolutions.
        dense: units of the dense layers after them.
        norm: None, "spectral" or "batch" (on every hidden layer but the first).
        negative_slope: of the leaky ReLU after every hidden layer.
        order: place of the batch norm, see the module's docstring; needed where there is one.
        kernel_size: of every convolution.
        centred_input: whether the images are mapped from [0, 1] to [-1, 1] first.
        initial_std: see `models.networks.deconvolutional.DeconvGenerator`.
    """

    conv: tuple[int, ...]
    dense: tuple[int, ...]
    norm: str | None
    negative_slope: float
    order: str | None = None
    kernel_size: int = 4
    centred_input: bool = False
    initial_std: float | None = 0.02

    def __post_init__(self):
        _check_layers(self)
        checks.choice("norm", self.norm, (None, "spectral", "batch"))
        if self.norm == "batch" or self.order is not None:
            checks.choice("order", self.order, ORDERS)
        checks.flag("centred_input", self.centred_input)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvDiscriminator(ConvTrunk):
    """D and Q: a trunk with two heads; spectral norm, if any, is on both heads, too.

    D's head is one dense unit (the logit of "real"); Q's head is `q_dense` and a dense output.

    Attributes:
        q_dense: units of the dense layers of Q's head, before its output.
    """

    q_dense: tuple[int, ...]
    kind: str = dataclasses.field(default="conv_discriminator", init=False)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "q_dense", checks.positive_integers("q_dense", self.q_dense))

    def build(self, image_shape: tuple[int, int, int], q_dim: int, seed: int) -> "keras.Model":
        """Return D and Q: images to (logits of "real" [batch, 1], Q's outputs [batch, q_dim])."""
        import keras

        from models.networks.convolutional_layers import ConvolutionalLayers

        layers = ConvolutionalLayers("discriminator", seed, self)
        images = keras.Input(image_shape, name="images")
        features = x = layers.trunk(images)
        logits = layers.dense(features, 1, name="discriminator_real_logit")
        for units in self.q_dense:
            x = layers.finish(layers.dense(x, units), "leaky_relu", self.norm == "batch")
        q_outputs = layers.dense(x, q_dim, name="discriminator_q_outputs")
        return keras.Model(images, (logits, q_outputs), name="discriminator")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ContrastiveNetwork(ConvTrunk):
    """H: two images, concatenated on their channels, to one logit for each regularised code.

    Spectral norm, if any, is on every layer but the output.
    """

    kind: str = dataclasses.field(default="contrastive_network", init=False)

    def build(self, image_shape: tuple[int, int, int], num_codes: int, seed: int) -> "keras.Model":
        """Return H: pairs [batch, height, width, 2 * channels] to logits [batch, num_codes]."""
        import keras

        from models.networks.convolutional_layers import ConvolutionalLayers

        layers = ConvolutionalLayers("contrastive", seed, self)
        height, width, channels = image_shape
        pairs = keras.Input((height, width, 2 * channels), name="pairs")
        features = layers.trunk(pairs)
        layers.is_spectral = False  # the output has no norm
        logits = layers.dense(features, num_codes, name="contrastive_logits")
        return keras.Model(pairs, logits, name="contrastive")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvEncoder:
    """Image to vectors: stride-2 convolutions, dense layers, linear heads; no norm.

    Attributes:
        conv: channels of the convolutions, each followed by a (leaky) ReLU.
        dense: units of the dense layers before the heads.
        activates_dense: whether a (leaky) ReLU follows those dense layers, too.
        negative_slope: of the leaky ReLUs; 0 for ReLUs.
        kernel_size: of every convolution.
        initial_std: see `models.networks.deconvolutional.DeconvGenerator`.
    """

    conv: tuple[int, ...]
    dense: tuple[int, ...]
    activates_dense: bool
    negative_slope: float = 0.0
    kernel_size: int = 4
    initial_std: float | None = None
    kind: str = dataclasses.field(default="conv_encoder", init=False)

    def __post_init__(self):
        _check_layers(self)
        checks.flag("activates_dense", self.activates_dense)

    def build(
        self, images: "keras.KerasTensor", heads: dict[str, int], seed: int, network: str
    ) -> "keras.Model":
        """Return the network from images to its heads' outputs, each [batch, size].

        One head gives a tensor, several give a tuple.

        Args:
            images: the Keras input, in [0, 1].
            heads: name of each head to its size.
            seed: of the initial weights.
            network: the network's name, with which its layers' names begin.
        """
        import keras

        from models.networks.convolutional_layers import ConvolutionalLayers

        layers, x = ConvolutionalLayers(network, seed, self), images
        for filters in self.conv:
            x = layers.activation(layers.conv(x, filters), "leaky_relu")
        x = keras.layers.Flatten(name=f"{network}_flatten")(x)
        for units in self.dense:
            x = layers.dense(x, units)
            if self.activates_dense:
                x = layers.activation(x, "leaky_relu")
        return keras.Model(images, layers.heads(x, heads), name=network)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaddedConvEncoder(ConvEncoder):
    """A `ConvEncoder` whose convolutions are padded by a fixed number of pixels on every side.

    A convolution with kernel 4 and padding 1 halves even sizes and rounds odd ones down: 28, 14,
    7, 3, where "same" padding gives 28, 14, 7, 4.

    Attributes:
        padding: pixels of zeros on every side, before every convolution.
    """

    padding: int = 1
    kind: str = dataclasses.field(default="padded_conv_encoder", init=False)

    def __post_init__(self):
        super().__post_init__()
        checks.integer("padding", self.padding, minimum=0)

    def build(
        self, images: "keras.KerasTensor", heads: dict[str, int], seed: int, network: str
    ) -> "keras.Model":
        """Return the network as `ConvEncoder` does.

        Raises:
            ValueError: the images are too small for so many convolutions.
        """
        sides = list(images.shape[1:3])
        for _ in self.conv:
            sides = [(side + 2 * self.padding - self.kernel_size) // 2 + 1 for side in sides]
            if min(sides) < 1:
                expected = f"images large enough for conv={self.conv}"
                checks.fail("image_shape", tuple(images.shape[1:]), expected)
        return super().build(images, heads, seed, network)


def check_initial_std(value: float | None) -> None:
    """Refuse a standard deviation of initial kernels that is neither None nor above 0."""
    if value is not None:
        checks.positive_number("initial_std", value)


def _check_layers(recipe: ConvTrunk | ConvEncoder) -> None:
    """Check the fields that every network of convolutions has, and make tuples of lists."""
    conv = checks.positive_integers("conv", recipe.conv, allow_empty=False)
    object.__setattr__(recipe, "conv", conv)
    object.__setattr__(recipe, "dense", checks.positive_integers("dense", recipe.dense))
    checks.integer("kernel_size", recipe.kernel_size, minimum=1)
    checks.number("negative_slope", recipe.negative_slope, minimum=0.0, maximum=1.0)
    check_initial_std(recipe.initial_std)
