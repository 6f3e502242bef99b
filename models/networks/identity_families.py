"""The two families of networks of `models.gans.cvae_gan`, as data; each builds its three networks.

Encoder: images to (s, mean of z, log variance of z). Decoder: latent vectors [s, z] to images in
[0, 1]. Discriminator: (images, condition, and the mask of its dropout where there is one) to
logits. The condition is a second image or a number that stands for an identity. Images are in
[0, 1] outside the networks; initial weights follow Glorot.
"""

import abc
import dataclasses
from typing import TYPE_CHECKING

from models import checks

if TYPE_CHECKING:
    import keras

    from models.networks.identity_layers import Identity, IdentityLayers

OUTPUTS = ("sigmoid", "tanh")
Shape = tuple[int, int, int]
Convolution = tuple[int, int, int]  # (kernel size, stride, channels)


class Family(abc.ABC):
    """What both families have in common: the inputs and outputs of the three networks."""

    dropout = 0.0
    output: str
    negative_slope: float

    @abc.abstractmethod
    def base_shape(self, image_shape: Shape) -> Shape:
        """Return the shape of the feature map between encoder and decoder.

        Raises:
            ValueError: the images do not fit the family.
        """

    @abc.abstractmethod
    def encode(self, layers: "IdentityLayers", images: "keras.KerasTensor") -> "keras.KerasTensor":
        """Apply the encoder's convolutions."""

    @abc.abstractmethod
    def judge(
        self, layers: "IdentityLayers", x: "keras.KerasTensor", identity: "Identity | None"
    ) -> "keras.KerasTensor":
        """Apply the discriminator's convolutions, to which an identity may be added."""

    @abc.abstractmethod
    def start(
        self, layers: "IdentityLayers", parts: "dict[str, keras.KerasTensor]", base_shape: Shape
    ) -> "keras.KerasTensor":
        """Return the feature map that s and z make."""

    @abc.abstractmethod
    def decode(
        self, layers: "IdentityLayers", x: "keras.KerasTensor", image_shape: Shape
    ) -> "keras.KerasTensor":
        """Apply the decoder's layers from that feature map to the image before its output."""

    def build_encoder(self, image_shape: Shape, heads: dict[str, int], seed: int) -> "keras.Model":
        """Return the network from images to its heads' outputs, each [batch, size], as a tuple."""
        import keras

        from models.networks.identity_layers import IdentityLayers

        self.base_shape(image_shape)  # refuses images that do not fit
        layers = IdentityLayers("encoder", seed, self.negative_slope)
        images = keras.Input(image_shape, name="images")
        x = keras.layers.Flatten(name="encoder_flatten")(self.encode(layers, images))
        outputs = tuple(layers.dense(x, size, f"encoder_{head}") for head, size in heads.items())
        return keras.Model(images, outputs, name="encoder")

    def build_decoder(
        self, image_shape: Shape, specified_dim: int, unspecified_dim: int, seed: int
    ) -> "keras.Model":
        """Return the network from [s, z] to images [batch, height, width, channels] in [0, 1]."""
        import keras

        from models.networks.identity_layers import IdentityLayers
        from models.networks.layer_maker import full_precision

        layers = IdentityLayers("generator", seed, self.negative_slope)
        latents = keras.Input((specified_dim + unspecified_dim,), name="latents")
        parts = {"s": latents[:, :specified_dim], "z": latents[:, specified_dim:]}
        maps = self.start(layers, parts, self.base_shape(image_shape))
        full = full_precision()
        activation = keras.layers.Activation(self.output, name="generator_output", dtype=full)
        images = activation(self.decode(layers, maps, image_shape))
        if self.output == "tanh":
            rescaling = keras.layers.Rescaling(0.5, 0.5, name="generator_rescaling", dtype=full)
            images = rescaling(images)
        return keras.Model(latents, images, name="generator")

    def build_discriminator(
        self, image_shape: Shape, num_identities: int | None, seed: int
    ) -> "keras.Model":
        """Return D: [images, condition(, mask)] to logits of "real" [batch, 1].

        Args:
            image_shape: (height, width, channels).
            num_identities: so many numbers are conditions, int [batch], each of which adds a
                vector to the feature maps of stride 2; None: the condition is an image, which is
                put beside the other on the channels.
            seed: of the initial weights.
        """
        import keras

        from models.networks.identity_layers import IdentityLayers

        layers = IdentityLayers("discriminator", seed, self.negative_slope)
        images = keras.Input(image_shape, name="images")
        if num_identities is None:
            condition = keras.Input(image_shape, name="condition")
            pair = keras.layers.Concatenate(name="discriminator_pair")([images, condition])
            x = self.judge(layers, pair, None)
        else:
            condition = keras.Input((), dtype="int32", name="condition")
            x = self.judge(layers, images, (condition, num_identities))
        x = keras.layers.Flatten(name="discriminator_flatten")(x)
        inputs = [images, condition]
        if self.dropout:
            inputs.append(keras.Input((x.shape[-1],), name="mask"))
            x = keras.layers.Multiply(name="discriminator_dropout")([x, inputs[-1]])
        logits = layers.dense(x, 1, "discriminator_logit")
        return keras.Model(inputs, logits, name="discriminator")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BigNetworks(Family):
    """Deep networks for images of 32x32 or so: convolution, batch norm, ReLU.

    Three stride-2 convolutions, each among plain ones; dense layers of s and of z, added, start the
    decoder, which mirrors the encoder. The discriminator has leaky ReLUs, no norm, dropout before
    its last layer.

    Attributes:
        width: F, the channels at full size; 2F, 4F and 8F follow (published: 16).
        dropout: share of the discriminator's last features that a pass leaves out.
        negative_slope: of the discriminator's leaky ReLUs.
        output: "sigmoid", or "tanh" followed by the rescaling of [-1, 1] to [0, 1].
    """

    width: int = 16
    dropout: float = 0.5
    negative_slope: float = 0.2
    output: str = "sigmoid"
    kind: str = dataclasses.field(default="big_networks", init=False)

    def __post_init__(self):
        checks.integer("width", self.width, minimum=1)
        if checks.number("dropout", self.dropout, minimum=0.0) >= 1.0:
            checks.fail("dropout", self.dropout, "a number in [0, 1)")
        checks.number("negative_slope", self.negative_slope, minimum=0.0, maximum=1.0)
        checks.choice("output", self.output, OUTPUTS)

    @property
    def encoder(self) -> tuple[Convolution, ...]:
        """The convolutions of the encoder."""
        f = self.width
        return (
            (3, 1, f), (3, 1, f), (2, 2, 2 * f), (3, 1, 2 * f), (2, 2, 4 * f), (3, 1, 4 * f),
            (2, 2, 8 * f), (3, 1, 8 * f),
        )  # fmt: skip

    @property
    def decoder(self) -> tuple[Convolution, ...]:
        """The decoder's layers before the image; those of stride 2 are transposed convolutions."""
        f = self.width
        return (
            (3, 1, 8 * f), (2, 2, 4 * f), (3, 1, 4 * f), (2, 2, 2 * f), (3, 1, 2 * f), (2, 2, f),
            (3, 1, f),
        )  # fmt: skip

    @property
    def discriminator(self) -> tuple[Convolution, ...]:
        """The discriminator's convolutions; an identity is added after those of stride 2."""
        f = self.width
        return (
            (3, 1, f), (2, 2, f), (2, 2, 2 * f), (3, 1, 2 * f), (2, 2, 4 * f), (3, 1, 4 * f),
            (3, 1, 4 * f),
        )  # fmt: skip

    def base_shape(self, image_shape: Shape) -> Shape:
        """Return the shape of the feature map between encoder and decoder.

        Raises:
            ValueError: the image's height or width is no multiple of 8.
        """
        height, width, _ = checks.image_shape("image_shape", image_shape)
        if height % 8 or width % 8:
            checks.fail("image_shape", image_shape, "height and width to be multiples of 8")
        return height // 8, width // 8, 8 * self.width

    def encode(self, layers: "IdentityLayers", images: "keras.KerasTensor") -> "keras.KerasTensor":
        """Apply convolution, batch norm and ReLU in turn."""
        x = images
        for size, stride, filters in self.encoder:
            x = layers.relu(layers.batch_norm(layers.conv(x, filters, size, stride)))
        return x

    def judge(
        self, layers: "IdentityLayers", x: "keras.KerasTensor", identity: "Identity | None"
    ) -> "keras.KerasTensor":
        """Apply convolution and leaky ReLU in turn, an identity being added at three depths."""
        for size, stride, filters in self.discriminator:
            x = layers.conv(x, filters, size, stride)
            if identity is not None and stride == 2:
                x = layers.add_identity(x, identity)
            x = layers.leaky_relu(x)
        return x

    def start(
        self, layers: "IdentityLayers", parts: "dict[str, keras.KerasTensor]", base_shape: Shape
    ) -> "keras.KerasTensor":
        """Return the sum of the maps that s and z make, with batch norm and ReLU."""
        maps = [layers.base_map(part, name, base_shape) for name, part in parts.items()]
        return layers.relu(layers.batch_norm(layers.add(maps)))

    def decode(
        self, layers: "IdentityLayers", x: "keras.KerasTensor", image_shape: Shape
    ) -> "keras.KerasTensor":
        """Apply the mirrored layers, then a convolution to the image's channels."""
        for size, stride, filters in self.decoder:
            apply = layers.deconv if stride == 2 else layers.conv
            x = layers.relu(layers.batch_norm(apply(x, filters, size)))
        return layers.conv(x, image_shape[2], 3)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmallNetworks(Family):
    """Shallow networks, made for MNIST: stride-2 convolutions with padding 1, instance norm, ReLU.

    28x28 images become 13x13, 6x6 and 2x2; the heads are linear. The decoder starts with a dense
    layer for s and one for z, leaky ReLUs, side by side on the channels, and mirrors the encoder.
    The discriminator is the encoder's convolutions with leaky ReLUs and one dense unit.

    Attributes:
        filters: channels of the convolutions (published: 16, 32, 64).
        kernel_size: of every convolution.
        negative_slope: of the leaky ReLUs.
        output: "sigmoid", or "tanh" followed by the rescaling of [-1, 1] to [0, 1].
    """

    filters: tuple[int, ...] = (16, 32, 64)
    kernel_size: int = 5
    negative_slope: float = 0.2
    output: str = "sigmoid"
    kind: str = dataclasses.field(default="small_networks", init=False)

    def __post_init__(self):
        filters = checks.positive_integers("filters", self.filters, allow_empty=False)
        object.__setattr__(self, "filters", filters)
        checks.integer("kernel_size", self.kernel_size, minimum=2)
        checks.number("negative_slope", self.negative_slope, minimum=0.0, maximum=1.0)
        checks.choice("output", self.output, OUTPUTS)

    def sizes(self, image_shape: Shape) -> list[tuple[int, int]]:
        """Return height and width of the image and of the feature map after each convolution.

        Raises:
            ValueError: the image is so small that instance norm would see a single position.
        """
        sizes = [checks.image_shape("image_shape", image_shape)[:2]]
        for _ in self.filters:
            height, width = ((side + 2 - self.kernel_size) // 2 + 1 for side in sizes[-1])
            if height < 1 or width < 1 or height * width < 2:
                expected = f"larger images, or fewer filters than {self.filters}"
                checks.fail("image_shape", image_shape, expected)
            sizes.append((height, width))
        return sizes

    def base_shape(self, image_shape: Shape) -> Shape:
        """Return the shape of the feature map at the end of the encoder."""
        return *self.sizes(image_shape)[-1], self.filters[-1]

    def encode(self, layers: "IdentityLayers", images: "keras.KerasTensor") -> "keras.KerasTensor":
        """Apply convolution, instance norm and ReLU in turn."""
        x = images
        for filters in self.filters:
            x = layers.padded_conv(x, filters, self.kernel_size)
            x = layers.relu(layers.instance_norm(x))
        return x

    def judge(
        self, layers: "IdentityLayers", x: "keras.KerasTensor", identity: "Identity | None"
    ) -> "keras.KerasTensor":
        """Apply convolution, instance norm, an identity if any, and leaky ReLU in turn."""
        for filters in self.filters:
            x = layers.instance_norm(layers.padded_conv(x, filters, self.kernel_size))
            if identity is not None:
                x = layers.add_identity(x, identity)
            x = layers.leaky_relu(x)
        return x

    def start(
        self, layers: "IdentityLayers", parts: "dict[str, keras.KerasTensor]", base_shape: Shape
    ) -> "keras.KerasTensor":
        """Return the maps that s and z make, with leaky ReLUs, side by side."""
        maps = [
            layers.base_map(part, name, base_shape, is_activated=True)
            for name, part in parts.items()
        ]
        return layers.concatenate(maps)

    def decode(
        self, layers: "IdentityLayers", x: "keras.KerasTensor", image_shape: Shape
    ) -> "keras.KerasTensor":
        """Apply the mirrored transposed convolutions, all but the last with norm and ReLU."""
        sizes = self.sizes(image_shape)[-2::-1]
        filters = (*self.filters[-2::-1], image_shape[2])
        for number, (size, channels) in enumerate(zip(sizes, filters, strict=True)):
            x = layers.deconv(x, channels, self.kernel_size, size)
            if number < len(filters) - 1:
                x = layers.relu(layers.instance_norm(x))
        return x
