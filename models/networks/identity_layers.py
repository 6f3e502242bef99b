"""The layers of `models.networks.identity_families`."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import keras

from models.layers.plain import FusedBatchNormalization
from models.networks.layer_maker import BATCH_NORM, LayerMaker, full_precision

EMBEDDING_STD = 0.02  # of the identities' initial vectors
Tensor: TypeAlias = keras.KerasTensor
Identity: TypeAlias = tuple[
    Tensor, int
]  # the numbers of identities, int [batch], and how many there are


class IdentityLayers(LayerMaker):
    """Makes the layers of one network.

    Args:
        network: the network's name, with which its layers' names begin.
        seed: of the initial weights.
        negative_slope: of the leaky ReLUs.
    """

    def __init__(self, network: str, seed: int, negative_slope: float):
        super().__init__(network, seed)
        self.negative_slope = negative_slope

    def conv(self, x: Tensor, filters: int, size: int, stride: int = 1) -> Tensor:
        """Apply a convolution with "same" padding."""
        name = self.name("conv")
        options = {"kernel_initializer": self.kernel(name), "name": name}
        return keras.layers.Conv2D(filters, size, stride, "same", **options)(x)

    def padded_conv(self, x: Tensor, filters: int, size: int) -> Tensor:
        """Apply a stride-2 convolution with one pixel of zeros on every side."""
        x = keras.layers.ZeroPadding2D(1, name=self.name("padding"))(x)
        name = self.name("conv")
        options = {"kernel_initializer": self.kernel(name), "name": name}
        return keras.layers.Conv2D(filters, size, 2, "valid", **options)(x)

    def deconv(
        self, x: Tensor, filters: int, size: int, output: tuple[int, int] | None = None
    ) -> Tensor:
        """Apply a stride-2 transposed convolution.

        Args:
            x: the feature map.
            filters: channels of the result.
            size: of the kernel.
            output: height and width of the result where it mirrors a convolution with padding 1;
                None doubles height and width.
        """
        name = self.name("deconv")
        padding = "same" if output is None else "valid"
        options = {"kernel_initializer": self.kernel(name), "name": name}
        x = keras.layers.Conv2DTranspose(filters, size, 2, padding, **options)(x)
        if output is None:
            return x
        # The padding of 1 is cut off, and of the last row or column what the stride jumped over.
        last = [made - wanted - 1 for made, wanted in zip(x.shape[1:3], output, strict=True)]
        cropping = [(1, one) for one in last]
        return keras.layers.Cropping2D(cropping, name=f"{name}_cropping")(x)

    def dense(self, x: Tensor, units: int, name: str) -> Tensor:
        """Apply a linear dense layer, in full precision since losses may read it."""
        options = {"kernel_initializer": self.kernel(name), "name": name}
        return keras.layers.Dense(units, dtype=full_precision(), **options)(x)

    def base_map(
        self, x: Tensor, name: str, shape: tuple[int, int, int], is_activated: bool = False
    ) -> Tensor:
        """Return the feature map that one part of the latent vector makes."""
        x = self.dense(x, math.prod(shape), f"{self.network}_dense_{name}")
        if is_activated:
            x = self.leaky_relu(x)
        return keras.layers.Reshape(shape, name=f"{self.network}_map_{name}")(x)

    def add(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the sum of the maps of all parts."""
        return keras.layers.Add(name=f"{self.network}_base")(maps)

    def concatenate(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the maps of all parts side by side on the channels."""
        return keras.layers.Concatenate(name=f"{self.network}_base")(maps)

    def add_identity(self, x: Tensor, identity: Identity) -> Tensor:
        """Add a vector that belongs to the identity to every position of a feature map."""
        numbers, num_identities = identity
        name = self.name("identity")
        initializer = keras.initializers.RandomNormal(
            stddev=EMBEDDING_STD, seed=self.layer_seed(name)
        )
        vectors = keras.layers.Embedding(
            num_identities, x.shape[-1], embeddings_initializer=initializer, name=name
        )(numbers)
        vectors = keras.layers.Reshape((1, 1, x.shape[-1]), name=f"{name}_map")(vectors)
        return keras.layers.Add(name=f"{name}_sum")([x, vectors])

    def batch_norm(self, x: Tensor) -> Tensor:
        """Apply batch norm."""
        return FusedBatchNormalization(name=self.name("batch_norm"), **BATCH_NORM)(x)

    def instance_norm(self, x: Tensor) -> Tensor:
        """Apply instance norm: every image and channel by its own statistics."""
        name = self.name("instance_norm")
        return keras.layers.GroupNormalization(groups=-1, epsilon=1e-5, name=name)(x)

    def relu(self, x: Tensor) -> Tensor:
        """Apply a ReLU."""
        return keras.layers.ReLU(name=self.name("activation"))(x)

    def leaky_relu(self, x: Tensor) -> Tensor:
        """Apply a leaky ReLU."""
        return keras.layers.LeakyReLU(self.negative_slope, name=self.name("activation"))(x)

    def kernel(self, layer: str) -> keras.initializers.Initializer:
        """Return the initialiser of a layer's kernel."""
        return keras.initializers.GlorotUniform(seed=self.layer_seed(layer, "kernel"))
