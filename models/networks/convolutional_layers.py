"""The layers of convolutional, deconvolutional and dense networks.

Initial kernels: convolutions truncated normal, transposed convolutions and dense layers normal, of
the recipe's standard deviation, or all of Glorot's uniform distribution, as 1x1 convolutions always
are; biases 0. Under a policy of mixed precision outputs are of full precision all the same, since
losses are computed from them.
"""

from typing import Any, TypeAlias

import keras
import numpy as np

from models.layers.plain import Conv2D, Conv2DTranspose, FusedBatchNormalization, LeakyReLU
from models.layers.spectral_norm import SpectralConv2D, SpectralDense
from models.networks.layer_maker import BATCH_NORM, LayerMaker, full_precision

Tensor: TypeAlias = keras.KerasTensor


class ConvolutionalLayers(LayerMaker):
    """Makes the layers of one network in the recipe's order.

    Args:
        network: the network's name, with which its layers' names begin.
        seed: of the initial weights.
        recipe: gives kernel size, slope of the leaky ReLUs, order, norm and initial weights.
    """

    def __init__(self, network: str, seed: int, recipe: Any):
        super().__init__(network, seed)
        self.recipe = recipe
        self.is_spectral = getattr(recipe, "norm", None) == "spectral"

    def trunk(self, images: Tensor) -> Tensor:
        """Return features: stride-2 convolutions and dense layers, all but the first normed."""
        recipe = self.recipe
        has_batch_norm = recipe.norm == "batch"
        x = images
        if recipe.centred_input:
            name = f"{self.network}_rescaling"
            x = keras.layers.Rescaling(2.0, offset=-1.0, name=name)(x)
        for number, filters in enumerate(recipe.conv):
            x = self.finish(self.conv(x, filters), "leaky_relu", has_batch_norm and number > 0)
        x = keras.layers.Flatten(name=f"{self.network}_flatten")(x)
        for units in recipe.dense:
            x = self.finish(self.dense(x, units), "leaky_relu", has_batch_norm)
        return x

    def finish(self, x: Tensor, activation: str, has_batch_norm: bool) -> Tensor:
        """Apply what follows a hidden layer, in the recipe's order."""
        if has_batch_norm and self.recipe.order == "norm_activation":
            return self.activation(self.batch_norm(x), activation)
        x = self.activation(x, activation)
        return self.batch_norm(x) if has_batch_norm else x

    def conv(self, x: Tensor, filters: int) -> Tensor:
        """Apply a stride-2 convolution, padded by the recipe's `padding` where it has one."""
        name = self.name("conv")
        size, initializer = self.recipe.kernel_size, self.initializer("TruncatedNormal", name)
        options = {"kernel_initializer": initializer, "name": name}
        padding = getattr(self.recipe, "padding", None)  # None: as "same" has it
        if self.is_spectral:
            vector = self.spectral_vector(name)
            return SpectralConv2D(filters, size, 2, vector_initializer=vector, **options)(x)
        if padding is None:
            return Conv2D(filters, size, 2, "same", **options)(x)
        x = keras.layers.ZeroPadding2D(padding, name=f"{name}_padding")(x)
        return keras.layers.Conv2D(filters, size, 2, "valid", **options)(x)

    def dense(self, x: Tensor, units: int, name: str | None = None) -> Tensor:
        """Apply a dense layer; one that is named by the caller is an output."""
        dtype = full_precision() if name else None
        name = name or self.name("dense")
        initializer = self.initializer("RandomNormal", name)
        options = {"kernel_initializer": initializer, "name": name, "dtype": dtype}
        if self.is_spectral:
            vector = self.spectral_vector(name)
            return SpectralDense(units, vector_initializer=vector, **options)(x)
        return keras.layers.Dense(units, **options)(x)

    def heads(self, x: Tensor, sizes: dict[str, int]) -> Tensor | tuple[Tensor, ...]:
        """Apply linear dense layers side by side, named after what they tell.

        A lone one is returned as it is, several as a tuple.
        """
        outputs = [
            self.dense(x, size, name=f"{self.network}_{head}") for head, size in sizes.items()
        ]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def deconv(self, x: Tensor, filters: int) -> Tensor:
        """Apply a stride-2 transposed convolution."""
        name = self.name("deconv")
        initializer = self.initializer("RandomNormal", name)
        size = self.recipe.kernel_size
        return Conv2DTranspose(filters, size, 2, "same", kernel_initializer=initializer, name=name)(
            x
        )

    def broadcast(self, x: Tensor, latents: Tensor, size: tuple[int, int]) -> Tensor:
        """Return a map of `size` with features [batch, units] everywhere, and coordinates.

        The last two channels are row and column, from -1 to 1. They are the biases of a dense
        layer whose kernel stays 0, so that an exported network needs no layer of our own.
        """
        height, width = size
        rows, columns = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
        values = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
        name = f"{self.network}_coordinates"
        constant = keras.layers.Dense(
            values.size, kernel_initializer="zeros", trainable=False, name=name
        )
        places = keras.layers.Reshape(values.shape, name=f"{name}_map")(constant(latents))
        constant.bias.assign(values.ravel())
        name = f"{self.network}_broadcast"
        x = keras.layers.Reshape((1, 1, x.shape[-1]), name=f"{name}_vector")(x)
        x = keras.layers.UpSampling2D(size, name=name)(x)
        return keras.layers.Concatenate(name=f"{self.network}_placed")([x, places])

    def pointwise(self, x: Tensor, filters: int) -> Tensor:
        """Apply a 1x1 convolution."""
        name = self.name("pointwise")
        initializer = keras.initializers.GlorotUniform(seed=self.layer_seed(name, "kernel"))
        return keras.layers.Conv2D(filters, 1, kernel_initializer=initializer, name=name)(x)

    def batch_norm(self, x: Tensor) -> Tensor:
        """Apply batch norm."""
        return FusedBatchNormalization(name=self.name("batch_norm"), **BATCH_NORM)(x)

    def activation(self, x: Tensor, activation: str) -> Tensor:
        """Apply a "relu" or a "leaky_relu" of the recipe's slope."""
        name = self.name("activation")
        if activation == "leaky_relu":
            return LeakyReLU(self.recipe.negative_slope, name=name)(x)
        return keras.layers.ReLU(name=name)(x)

    def initializer(self, kind: str, layer: str) -> keras.initializers.Initializer:
        """Return the initialiser of a layer's kernel: Keras' of that name, or Glorot's."""
        seed = self.layer_seed(layer, "kernel")
        if self.recipe.initial_std is None:
            return keras.initializers.GlorotUniform(seed=seed)
        return getattr(keras.initializers, kind)(stddev=self.recipe.initial_std, seed=seed)
