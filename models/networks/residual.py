"""Residual networks, described as data; each builds itself.

Initial kernels are Glorot's uniform distribution in G and D and He's normal one in encoders.
"""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from models import checks

if TYPE_CHECKING:
    import keras

RESIDUAL_NORMS = (None, "spectral")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResidualGenerator:
    """Latent vector to image: a dense layer, then residual blocks that double height and width.

    A block: batch norm, ReLU, doubling, conv3, batch norm, ReLU, conv3; beside it doubling, conv1
    (Miyato et al. 2018, https://arxiv.org/abs/1802.05957, table 4). At the end batch norm, ReLU,
    conv3 and tanh, rescaled to [0, 1].

    Attributes:
        channels: of every feature map.
        blocks: residual blocks; the first feature map is the image's size / 2^blocks.
        residual_gain: factor of the initial kernels of the blocks' 3x3 convolutions.
    """

    channels: int
    blocks: int = 3
    residual_gain: float = dataclasses.field(default=1.0, metadata=checks.LATER)
    kind: str = dataclasses.field(default="residual_generator", init=False)

    def __post_init__(self):
        for name in ("channels", "blocks"):
            checks.integer(name, getattr(self, name), minimum=1)
        checks.positive_number("residual_gain", self.residual_gain)

    def base_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the shape of the first feature map.

        Raises:
            ValueError: the image's height or width is no multiple of 2^blocks.
        """
        height, width, _ = checks.image_shape("image_shape", image_shape)
        factor = 2**self.blocks
        if height % factor or width % factor:
            expected = f"height and width to be multiples of {factor} for blocks={self.blocks}"
            checks.fail("image_shape", image_shape, expected)
        return height // factor, width // factor, self.channels

    def build(self, image_shape: tuple[int, int, int], latent_dim: int, seed: int) -> "keras.Model":
        """Return G: [batch, latent_dim] to images [batch, height, width, channels] in [0, 1]."""
        import keras

        from models.networks.layer_maker import full_precision
        from models.networks.residual_layers import ResidualLayers

        layers = ResidualLayers("generator", seed, keras.initializers.GlorotUniform)
        base_shape = self.base_shape(image_shape)
        latents = keras.Input((latent_dim,), name="latents")
        x = layers.dense(latents, base_shape[0] * base_shape[1] * base_shape[2])
        x = keras.layers.Reshape(base_shape, name="generator_base")(x)
        for _ in range(self.blocks):
            shortcut = layers.conv(layers.double(x), self.channels, 1)
            x = layers.double(layers.relu(layers.batch_norm(x)))
            x = layers.conv(x, self.channels, 3, gain=self.residual_gain)
            x = layers.relu(layers.batch_norm(x))
            x = layers.conv(x, self.channels, 3, gain=self.residual_gain)
            x = layers.add(x, shortcut)
        x = layers.conv(layers.relu(layers.batch_norm(x)), image_shape[2], 3)
        full = full_precision()
        x = keras.layers.Activation("tanh", name="generator_output", dtype=full)(x)
        rescaling = keras.layers.Rescaling(0.5, 0.5, name="generator_rescaling", dtype=full)
        return keras.Model(latents, rescaling(x), name="generator")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResidualDiscriminator:
    """Image to one logit: residual blocks, a sum over places, a dense layer.

    A block: ReLU, conv3, ReLU, conv3, and beside it conv1; the halving ones end in average
    pooling. The first has no ReLU before its first convolution, and the last ones keep the size
    (Miyato et al. 2018, https://arxiv.org/abs/1802.05957, table 4).

    Attributes:
        channels: of every feature map.
        halving_blocks: residual blocks that halve height and width.
        further_blocks: residual blocks after them.
        norm: None or "spectral", on every layer.
        residual_gain: see `ResidualGenerator`.
    """

    channels: int
    norm: str | None
    halving_blocks: int = 2
    further_blocks: int = 2
    residual_gain: float = dataclasses.field(default=1.0, metadata=checks.LATER)
    kind: str = dataclasses.field(default="residual_discriminator", init=False)

    def __post_init__(self):
        checks.integer("channels", self.channels, minimum=1)
        checks.choice("norm", self.norm, RESIDUAL_NORMS)
        checks.integer("halving_blocks", self.halving_blocks, minimum=1)
        checks.integer("further_blocks", self.further_blocks, minimum=0)
        checks.positive_number("residual_gain", self.residual_gain)

    def build(
        self, images: "keras.KerasTensor", heads: dict[str, int], seed: int, network: str
    ) -> "keras.Model":
        """Return the network from images to its heads' outputs; see `ConvEncoder.build`."""
        import keras

        from models.networks.residual_layers import ResidualLayers

        initializer = keras.initializers.GlorotUniform
        layers = ResidualLayers(network, seed, initializer, self.norm == "spectral")
        x = layers.centre(images)
        for block in range(self.halving_blocks + self.further_blocks):
            is_halving, shortcut = block < self.halving_blocks, x
            if block == 0:
                shortcut = layers.conv(layers.halve(x), self.channels, 1)
            elif is_halving:
                shortcut = layers.halve(layers.conv(x, self.channels, 1))
            x = x if block == 0 else layers.relu(x)
            x = layers.conv(x, self.channels, 3, gain=self.residual_gain)
            x = layers.conv(layers.relu(x), self.channels, 3, gain=self.residual_gain)
            x = layers.add(layers.halve(x) if is_halving else x, shortcut)
        x = layers.relu(x)
        # The published sum over places, as their mean times their number.
        height, width = x.shape[1:3]
        x = layers.mean(x)
        x = keras.layers.Rescaling(float(height * width), name=f"{network}_sum")(x)
        return keras.Model(images, layers.heads(x, heads), name=network)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResNetEncoder:
    """Image to vectors: a residual network with a 3x3 stem and, for each head, an MLP.

    He et al. 2016 (https://arxiv.org/abs/1512.03385) for small images: conv3, then stages of
    basic blocks (conv3, batch norm, ReLU, conv3, batch norm, sum, ReLU), each stage but the first
    halving height and width, then the mean over places.

    Attributes:
        channels: of each stage; (64, 128, 256, 512) with two blocks each is ResNet-18.
        blocks: basic blocks of each stage.
        dense: units of the hidden layers of each head, with ReLUs.
    """

    gin_name: ClassVar[str] = "resnet_encoder"

    channels: tuple[int, ...] = (64, 128, 256, 512)
    blocks: int = 2
    dense: tuple[int, ...] = (512,)
    kind: str = dataclasses.field(default="resnet_encoder", init=False)

    def __post_init__(self):
        for name, may_be_empty in (("channels", False), ("dense", True)):
            value = checks.positive_integers(name, getattr(self, name), allow_empty=may_be_empty)
            object.__setattr__(self, name, value)
        checks.integer("blocks", self.blocks, minimum=1)

    def build(
        self, images: "keras.KerasTensor", heads: dict[str, int], seed: int, network: str
    ) -> "keras.Model":
        """Return the network from images to its heads' outputs; see `ConvEncoder.build`."""
        import keras

        from models.networks.residual_layers import ResidualLayers

        layers = ResidualLayers(network, seed, keras.initializers.HeNormal, has_bias=False)
        x = layers.conv(layers.centre(images), self.channels[0], 3)
        x = layers.relu(layers.batch_norm(x))
        for stage, channels in enumerate(self.channels):
            for block in range(self.blocks):
                strides = 2 if stage > 0 and block == 0 else 1
                shortcut = x
                if strides > 1 or x.shape[-1] != channels:
                    kept = layers.skip(x, strides)
                    shortcut = layers.batch_norm(layers.conv(kept, channels, 1))
                x = layers.relu(layers.batch_norm(layers.conv(x, channels, 3, strides)))
                x = layers.batch_norm(layers.conv(x, channels, 3))
                x = layers.relu(layers.add(x, shortcut))
        return keras.Model(images, layers.heads(layers.mean(x), heads, self.dense), name=network)
