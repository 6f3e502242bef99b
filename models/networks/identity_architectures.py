"""The two families of networks of `models.gans.cvae_gan`, as data.

A family describes three networks that belong together: the encoder, from an image to s, and to mean
and log variance of z; the decoder, from s and z to an image; the discriminator, which judges an
image beside a condition. `models.networks.identity_networks` builds them. A convolution is written
as (kernel size, stride, channels). Images are in [0, 1] outside the networks.
"""

import dataclasses
import math

from models import checks

Convolution = tuple[int, int, int]
OUTPUTS = ("sigmoid", "tanh")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BigNetworks:
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

    def base_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Returns the shape of the feature map between encoder and decoder.

        Raises:
            ValueError: the image's height or width is no multiple of 8.
        """
        height, width, _ = checks.image_shape("image_shape", image_shape)
        if height % 8 or width % 8:
            checks.fail("image_shape", image_shape, "height and width to be multiples of 8")
        return height // 8, width // 8, 8 * self.width

    def encoder_cost(self, image_shape: tuple[int, int, int], num_outputs: int) -> int:
        """Returns the multiply-adds of encoding one image."""
        base = self.base_shape(image_shape)
        return _convolution_cost(self.encoder, image_shape) + math.prod(base) * num_outputs

    def decoder_cost(self, image_shape: tuple[int, int, int], latent_dim: int) -> int:
        """Returns the multiply-adds of making one image."""
        height, width, channels = base = self.base_shape(image_shape)
        total = math.prod(base) * latent_dim
        for size, stride, filters in (*self.decoder, (3, 1, image_shape[2])):
            # A transposed convolution multiplies each pixel that it starts from.
            total += height * width * size**2 * channels * filters
            height, width, channels = height * stride, width * stride, filters
        return total

    def discriminator_cost(self, image_shape: tuple[int, int, int], num_images: int) -> int:
        """Returns the multiply-adds of judging one image, `num_images` being seen at once."""
        height, width, channels = image_shape
        return _convolution_cost(self.discriminator, (height, width, channels * num_images))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmallNetworks:
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

    dropout = 0.0

    def __post_init__(self):
        filters = checks.positive_integers("filters", self.filters, allow_empty=False)
        object.__setattr__(self, "filters", filters)
        checks.integer("kernel_size", self.kernel_size, minimum=2)
        checks.number("negative_slope", self.negative_slope, minimum=0.0, maximum=1.0)
        checks.choice("output", self.output, OUTPUTS)

    def sizes(self, image_shape: tuple[int, int, int]) -> list[tuple[int, int]]:
        """Returns height and width of the image and of the feature map after each convolution.

        Raises:
            ValueError: the image is so small that instance norm would see a single position.
        """
        sizes = [tuple(checks.image_shape("image_shape", image_shape)[:2])]
        for _ in self.filters:
            height, width = ((side + 2 - self.kernel_size) // 2 + 1 for side in sizes[-1])
            if height < 1 or width < 1 or height * width < 2:
                expected = f"larger images, or fewer filters than {self.filters}"
                checks.fail("image_shape", image_shape, expected)
            sizes.append((height, width))
        return sizes

    def base_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Returns the shape of the feature map at the end of the encoder."""
        return *self.sizes(image_shape)[-1], self.filters[-1]

    def encoder_cost(self, image_shape: tuple[int, int, int], num_outputs: int) -> int:
        """Returns the multiply-adds of encoding one image."""
        return self._trunk_cost(image_shape) + math.prod(self.base_shape(image_shape)) * num_outputs

    def decoder_cost(self, image_shape: tuple[int, int, int], latent_dim: int) -> int:
        """Returns the multiply-adds of making one image."""
        total = math.prod(self.base_shape(image_shape)) * latent_dim
        channels = 2 * self.filters[-1]
        filters = (*self.filters[-2::-1], image_shape[2])
        for size, number in zip(self.sizes(image_shape)[:0:-1], filters, strict=True):
            total += math.prod(size) * self.kernel_size**2 * channels * number
            channels = number
        return total

    def discriminator_cost(self, image_shape: tuple[int, int, int], num_images: int) -> int:
        """Returns the multiply-adds of judging one image, `num_images` being seen at once."""
        height, width, channels = image_shape
        return self._trunk_cost((height, width, channels * num_images))

    def _trunk_cost(self, image_shape: tuple[int, int, int]) -> int:
        total, channels = 0, image_shape[2]
        for size, filters in zip(self.sizes(image_shape)[1:], self.filters, strict=True):
            total += math.prod(size) * self.kernel_size**2 * channels * filters
            channels = filters
        return total


def _convolution_cost(
    convolutions: tuple[Convolution, ...], image_shape: tuple[int, int, int]
) -> int:
    height, width, channels = image_shape
    total = 0
    for size, stride, filters in convolutions:
        height, width = math.ceil(height / stride), math.ceil(width / stride)
        total += height * width * size**2 * channels * filters
        channels = filters
    return total
