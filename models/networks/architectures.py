"""Networks described as data: the sizes, orders and norms a paper's appendix lists.

`models.networks.convolutional` turns a description into a Keras model; nothing here imports it.

Two orders of a hidden layer occur in the literature and give different networks:
    "activation_norm"   layer -> activation -> batch norm   (InfoGAN-CR on 64x64 images)
    "norm_activation"   layer -> batch norm -> activation   (InfoGAN; InfoGAN-CR on CelebA)
Batch norm in discriminators and contrastive networks is on every hidden layer but the first.
Images outside a network are always in [0, 1]; a network that works in [-1, 1] rescales inside.
"""

import dataclasses
import math

from models import checks

ORDERS = ("activation_norm", "norm_activation")
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
        deconv_activation: the same, after the hidden transposed convolutions.
        batch_norm: whether the hidden layers (all but the last) have batch norm.
        order: place of the batch norm, see the module's docstring; needed where there is one.
        negative_slope: of the leaky ReLUs; needed where there are any.
        kernel_size: of every transposed convolution.
        output: "sigmoid", or "tanh" followed by the rescaling of [-1, 1] to [0, 1].
        initial_std: standard deviation of the initial kernels (published: 0.02); None for Glorot's
            uniform distribution, with which small networks start learning sooner.
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
    kind: str = dataclasses.field(default="deconv_generator", init=False)

    def __post_init__(self):
        _set(self, "dense", checks.positive_integers("dense", self.dense))
        _set(self, "deconv", checks.positive_integers("deconv", self.deconv))
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
        _check_initial_std(self.initial_std)

    def base_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Returns the shape of the first feature map.

        Raises:
            ValueError: the image's height or width is no multiple of 2^(number of doublings).
        """
        height, width, _ = checks.image_shape("image_shape", image_shape)
        factor = 2 ** (len(self.deconv) + 1)
        if height % factor or width % factor:
            expected = f"height and width to be multiples of {factor} for deconv={self.deconv}"
            checks.fail("image_shape", image_shape, expected)
        return height // factor, width // factor, self.base_channels

    def multiply_adds(self, image_shape: tuple[int, int, int], latent_dim: int) -> int:
        """Returns the multiply-adds of the kernels in making one image."""
        height, width, channels = self.base_shape(image_shape)
        units = (latent_dim, *self.dense, height * width * channels)
        total = _dense_multiply_adds(units)
        for filters in (*self.deconv, image_shape[2]):
            total += height * width * self.kernel_size**2 * channels * filters
            height, width, channels = 2 * height, 2 * width, filters
        return total


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
        initial_std: see `DeconvGenerator`.
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
        _set(self, "conv", checks.positive_integers("conv", self.conv, allow_empty=False))
        _set(self, "dense", checks.positive_integers("dense", self.dense))
        checks.choice("norm", self.norm, (None, "spectral", "batch"))
        if self.norm == "batch" or self.order is not None:
            checks.choice("order", self.order, ORDERS)
        checks.integer("kernel_size", self.kernel_size, minimum=1)
        checks.number("negative_slope", self.negative_slope, minimum=0.0, maximum=1.0)
        checks.flag("centred_input", self.centred_input)
        _check_initial_std(self.initial_std)


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
        _set(self, "q_dense", checks.positive_integers("q_dense", self.q_dense))

    def multiply_adds(self, image_shape: tuple[int, int, int], q_dim: int) -> int:
        """Returns the multiply-adds of the kernels in judging one image with both heads."""
        total, features = _trunk_multiply_adds(self, image_shape)
        return total + features + _dense_multiply_adds((features, *self.q_dense, q_dim))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ContrastiveNetwork(ConvTrunk):
    """H: two images, concatenated on their channels, to one logit a regularised code.

    Spectral norm, if any, is on every layer but the output.
    """

    kind: str = dataclasses.field(default="contrastive_network", init=False)

    def multiply_adds(self, image_shape: tuple[int, int, int], num_codes: int) -> int:
        """Returns the multiply-adds of the kernels in judging one pair of images."""
        height, width, channels = checks.image_shape("image_shape", image_shape)
        total, features = _trunk_multiply_adds(self, (height, width, 2 * channels))
        return total + _dense_multiply_adds((features, num_codes))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvEncoder:
    """Image to vectors: stride-2 convolutions, dense layers, linear heads; no norm.

    Attributes:
        conv: channels of the convolutions, each followed by a (leaky) ReLU.
        dense: units of the dense layers before the heads.
        activates_dense: whether a (leaky) ReLU follows those dense layers, too.
        negative_slope: of the leaky ReLUs; 0 for ReLUs.
        kernel_size: of every convolution.
        initial_std: see `DeconvGenerator`.
    """

    conv: tuple[int, ...]
    dense: tuple[int, ...]
    activates_dense: bool
    negative_slope: float = 0.0
    kernel_size: int = 4
    initial_std: float | None = None
    kind: str = dataclasses.field(default="conv_encoder", init=False)

    def __post_init__(self):
        _set(self, "conv", checks.positive_integers("conv", self.conv, allow_empty=False))
        _set(self, "dense", checks.positive_integers("dense", self.dense))
        checks.flag("activates_dense", self.activates_dense)
        checks.number("negative_slope", self.negative_slope, minimum=0.0, maximum=1.0)
        checks.integer("kernel_size", self.kernel_size, minimum=1)
        _check_initial_std(self.initial_std)

    def multiply_adds(self, image_shape: tuple[int, int, int], num_outputs: int) -> int:
        """Returns the multiply-adds of the kernels for one image, heads included."""
        total, features = _trunk_multiply_adds(self, image_shape)
        return total + _dense_multiply_adds((features, num_outputs))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseNetwork:
    """Vector to vectors: dense layers with leaky ReLUs, then linear heads.

    Attributes:
        dense: units of the hidden layers.
        negative_slope: of the leaky ReLUs; 0 for ReLUs.
        initial_std: see `DeconvGenerator`.
    """

    dense: tuple[int, ...]
    negative_slope: float
    initial_std: float | None = None
    kind: str = dataclasses.field(default="dense_network", init=False)

    def __post_init__(self):
        _set(self, "dense", checks.positive_integers("dense", self.dense))
        checks.number("negative_slope", self.negative_slope, minimum=0.0, maximum=1.0)
        _check_initial_std(self.initial_std)

    def multiply_adds(self, num_inputs: int, num_outputs: int) -> int:
        """Returns the multiply-adds of the kernels for one vector."""
        return _dense_multiply_adds((num_inputs, *self.dense, num_outputs))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShapeClassifier:
    """A classifier of a known factor: stride-2 convolutions, dense layers, one logit a class.

    Batch norm and a ReLU follow each hidden layer; the last one gives the features.

    Attributes:
        conv: channels of the convolutions.
        dense: units of the dense layers before the logits.
        kernel_size: of every convolution.
        learning_rate: of Adam at the first iteration.
    """

    conv: tuple[int, ...] = (32, 32, 64, 64)
    dense: tuple[int, ...] = (128,)
    kernel_size: int = 4
    learning_rate: float = 1e-3
    kind: str = dataclasses.field(default="shape_classifier", init=False)

    def __post_init__(self):
        _set(self, "conv", checks.positive_integers("conv", self.conv, allow_empty=False))
        _set(self, "dense", checks.positive_integers("dense", self.dense, allow_empty=False))
        checks.integer("kernel_size", self.kernel_size, minimum=1)
        checks.positive_number("learning_rate", self.learning_rate)


def _set(recipe: object, name: str, value: object) -> None:
    object.__setattr__(recipe, name, value)


def _check_initial_std(value: float | None) -> None:
    if value is not None:
        checks.positive_number("initial_std", value)


def _trunk_multiply_adds(
    recipe: "ConvTrunk | ConvEncoder",
    image_shape: tuple[int, int, int],
) -> tuple[int, int]:
    """Returns the trunk's multiply-adds and the number of features it ends in."""
    height, width, channels = checks.image_shape("image_shape", image_shape)
    total = 0
    for filters in recipe.conv:
        height, width = math.ceil(height / 2), math.ceil(width / 2)
        total += height * width * recipe.kernel_size**2 * channels * filters
        channels = filters
    units = (height * width * channels, *recipe.dense)
    return total + _dense_multiply_adds(units), units[-1]


def _dense_multiply_adds(units: tuple[int, ...]) -> int:
    return sum(inputs * outputs for inputs, outputs in zip(units[:-1], units[1:], strict=True))
