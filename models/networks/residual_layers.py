"""The layers of residual networks.

Under a policy of mixed precision outputs are of full precision all the same, since losses are
computed from them.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import keras

from models.layers.plain import FusedBatchNormalization
from models.layers.spectral_norm import SpectralConv2D, SpectralDense
from models.networks.layer_maker import BATCH_NORM, LayerMaker, full_precision

Tensor: TypeAlias = keras.KerasTensor


class ResidualLayers(LayerMaker):
    """Makes the layers of one network.

    Args:
        network: the network's name, with which its layers' names begin.
        seed: of the initial weights.
        initializer: of kernels: a class of Keras that takes a seed.
        is_spectral: whether every layer is spectrally normalised.
        has_bias: whether convolutions have one; before a batch norm it would do nothing.
    """

    def __init__(
        self,
        network: str,
        seed: int,
        initializer: Callable[..., keras.initializers.Initializer],
        is_spectral: bool = False,
        has_bias: bool = True,
    ):
        super().__init__(network, seed)
        self.initializer = initializer
        self.is_spectral = is_spectral
        self.has_bias = has_bias

    def conv(
        self, x: Tensor, filters: int, kernel_size: int, strides: int = 1, gain: float = 1.0
    ) -> Tensor:
        """Apply a convolution with "same" padding, its initial kernel multiplied by a gain."""
        name = self.name("conv")
        options = {"kernel_initializer": self.kernel(name, gain), "name": name}
        if self.is_spectral:
            options["vector_initializer"] = self.spectral_vector(name)
            return SpectralConv2D(filters, kernel_size, strides, **options)(x)
        options["use_bias"] = self.has_bias
        return keras.layers.Conv2D(filters, kernel_size, strides, "same", **options)(x)

    def dense(self, x: Tensor, units: int, name: str | None = None) -> Tensor:
        """Apply a dense layer; one that is named by the caller is an output."""
        dtype = full_precision() if name else None
        name = name or self.name("dense")
        options = {"kernel_initializer": self.kernel(name), "name": name, "dtype": dtype}
        if self.is_spectral:
            options["vector_initializer"] = self.spectral_vector(name)
            return SpectralDense(units, **options)(x)
        return keras.layers.Dense(units, **options)(x)

    def heads(
        self, x: Tensor, sizes: dict[str, int], hidden: Sequence[int] = ()
    ) -> Tensor | tuple[Tensor, ...]:
        """Apply, for each head, hidden layers with ReLUs of its own and a linear layer.

        A lone head is returned as it is, several as a tuple.
        """
        outputs = []
        for head, size in sizes.items():
            features = x
            for units in hidden:
                features = self.relu(self.dense(features, units))
            outputs.append(self.dense(features, size, f"{self.network}_{head}"))
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def centre(self, images: Tensor) -> Tensor:
        """Map images from [0, 1] to [-1, 1]."""
        return keras.layers.Rescaling(2.0, offset=-1.0, name=f"{self.network}_rescaling")(images)

    def mean(self, x: Tensor) -> Tensor:
        """Take the mean over places."""
        return keras.layers.GlobalAveragePooling2D(name=f"{self.network}_mean")(x)

    def batch_norm(self, x: Tensor) -> Tensor:
        """Apply batch norm."""
        return FusedBatchNormalization(name=self.name("batch_norm"), **BATCH_NORM)(x)

    def relu(self, x: Tensor) -> Tensor:
        """Apply a ReLU."""
        return keras.layers.ReLU(name=self.name("activation"))(x)

    def add(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """Add what a block makes and what goes past it."""
        return keras.layers.Add(name=self.name("sum"))([x, shortcut])

    def double(self, x: Tensor) -> Tensor:
        """Double height and width."""
        return keras.layers.UpSampling2D(2, name=self.name("doubling"))(x)

    def halve(self, x: Tensor) -> Tensor:
        """Halve height and width, rounded up."""
        return keras.layers.AveragePooling2D(2, padding="same", name=self.name("halving"))(x)

    def skip(self, x: Tensor, strides: int) -> Tensor:
        """Keep every `strides`-th place: what a convolution of kernel 1 sees.

        By itself, since the gradient of TensorFlow 2.21's own strided 1x1 convolution writes beyond
        its memory on processors (few channels, 64x64 images).
        """
        if strides == 1:
            return x
        return keras.layers.MaxPooling2D(1, strides, name=self.name("skipping"))(x)

    def kernel(self, layer: str, gain: float = 1.0) -> keras.initializers.Initializer:
        """Return the initialiser of a layer's kernel."""
        initializer = self.initializer(seed=self.layer_seed(layer, "kernel"))
        initializer.scale *= gain**2  # of the variance
        return initializer
