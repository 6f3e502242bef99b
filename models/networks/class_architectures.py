"""Networks of class disentanglement described as data, see `models.networks.architectures`.

`models.networks.residual_networks` and `models.networks.convolutional` turn them into Keras models.
"""

import dataclasses
import math

from models import checks
from models.networks.architectures import ConvEncoder

RESIDUAL_NORMS = (None, "spectral")


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

    def multiply_adds(self, image_shape: tuple[int, int, int], num_outputs: int) -> int:
        """Returns the multiply-adds of the kernels for one image, heads included."""
        height, width, channels = checks.image_shape("image_shape", image_shape)
        total = 0
        for filters in self.conv:
            height, width = self._shrunk(height), self._shrunk(width)
            if height < 1 or width < 1:
                checks.fail("image_shape", image_shape, f"images large enough for conv={self.conv}")
            total += height * width * self.kernel_size**2 * channels * filters
            channels = filters
        units = (height * width * channels, *self.dense, num_outputs)
        return total + _dense_multiply_adds(units)

    def _shrunk(self, size: int) -> int:
        return (size + 2 * self.padding - self.kernel_size) // 2 + 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResidualGenerator:
    """Latent vector to image: a dense layer, then residual blocks that double height and width.

    A block: batch norm, ReLU, doubling, conv3, batch norm, ReLU, conv3; beside it doubling, conv1
    (Miyato et al. 2018, https://arxiv.org/abs/1802.05957, table 4). At the end batch norm, ReLU,
    conv3 and tanh, rescaled to [0, 1].

    Attributes:
        channels: of every feature map.
        blocks: residual blocks; the first feature map is the image's size / 2^blocks.
    """

    channels: int
    blocks: int = 3
    kind: str = dataclasses.field(default="residual_generator", init=False)

    def __post_init__(self):
        for name in ("channels", "blocks"):
            checks.integer(name, getattr(self, name), minimum=1)

    def base_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Returns the shape of the first feature map.

        Raises:
            ValueError: the image's height or width is no multiple of 2^blocks.
        """
        height, width, _ = checks.image_shape("image_shape", image_shape)
        factor = 2**self.blocks
        if height % factor or width % factor:
            expected = f"height and width to be multiples of {factor} for blocks={self.blocks}"
            checks.fail("image_shape", image_shape, expected)
        return height // factor, width // factor, self.channels

    def multiply_adds(self, image_shape: tuple[int, int, int], latent_dim: int) -> int:
        """Returns the multiply-adds of the kernels in making one image."""
        height, width, channels = self.base_shape(image_shape)
        total = latent_dim * height * width * channels
        for _ in range(self.blocks):
            height, width = 2 * height, 2 * width
            total += height * width * channels**2 * (9 + 9 + 1)
        return total + height * width * 9 * channels * image_shape[2]


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
    """

    channels: int
    norm: str | None
    halving_blocks: int = 2
    further_blocks: int = 2
    kind: str = dataclasses.field(default="residual_discriminator", init=False)

    def __post_init__(self):
        checks.integer("channels", self.channels, minimum=1)
        checks.choice("norm", self.norm, RESIDUAL_NORMS)
        checks.integer("halving_blocks", self.halving_blocks, minimum=1)
        checks.integer("further_blocks", self.further_blocks, minimum=0)

    def multiply_adds(self, image_shape: tuple[int, int, int], num_outputs: int) -> int:
        """Returns the multiply-adds of the kernels in judging one image."""
        height, width, channels = checks.image_shape("image_shape", image_shape)
        total = 0
        for block in range(self.halving_blocks + self.further_blocks):
            first = channels * self.channels
            # The shortcut comes after the pooling in the first block, before it in the others;
            # blocks that keep size and channels have none.
            shortcut = (0.25 if block == 0 else 1.0) if block < self.halving_blocks else 0.0
            total += int(height * width * (9 * first + 9 * self.channels**2 + shortcut * first))
            channels = self.channels
            if block < self.halving_blocks:
                height, width = math.ceil(height / 2), math.ceil(width / 2)
        return total + channels * num_outputs


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

    channels: tuple[int, ...] = (64, 128, 256, 512)
    blocks: int = 2
    dense: tuple[int, ...] = (512,)
    kind: str = dataclasses.field(default="resnet_encoder", init=False)

    def __post_init__(self):
        for name, may_be_empty in (("channels", False), ("dense", True)):
            value = checks.positive_integers(name, getattr(self, name), allow_empty=may_be_empty)
            object.__setattr__(self, name, value)
        checks.integer("blocks", self.blocks, minimum=1)

    def multiply_adds(self, image_shape: tuple[int, int, int], num_outputs: int) -> int:
        """Returns the multiply-adds of the kernels for one image, heads included."""
        height, width, inputs = checks.image_shape("image_shape", image_shape)
        total = height * width * 9 * inputs * self.channels[0]
        inputs = self.channels[0]
        for stage, channels in enumerate(self.channels):
            if stage > 0:
                height, width = math.ceil(height / 2), math.ceil(width / 2)
            for _ in range(self.blocks):
                shortcut = inputs * channels if inputs != channels else 0
                total += height * width * (9 * channels * (inputs + channels) + shortcut)
                inputs = channels
        return total + _dense_multiply_adds((inputs, *self.dense, num_outputs))


def _dense_multiply_adds(units: tuple[int, ...]) -> int:
    return sum(inputs * outputs for inputs, outputs in zip(units[:-1], units[1:], strict=True))
