"""Keras models from the residual descriptions in `models.networks.class_architectures`.

Functional models with named layers, as in `models.networks.convolutional`. Initial kernels are
Glorot's uniform distribution in G and D and He's normal one in encoders, functions of (seed,
network, layer).
"""

import keras

from models.layers.plain import FusedBatchNormalization
from models.layers.spectral_norm import SpectralConv2D, SpectralDense
from models.networks.class_architectures import (
    ResidualDiscriminator,
    ResidualGenerator,
    ResNetEncoder,
)
from models.networks.convolutional import BATCH_NORM, derive_seed


def build_residual_generator(
    recipe: ResidualGenerator, image_shape: tuple[int, int, int], latent_dim: int, seed: int
) -> keras.Model:
    """Returns G: [batch, latent_dim] to images [batch, height, width, channels] in [0, 1]."""
    layers = _ResidualLayers("generator", seed, keras.initializers.GlorotUniform)
    base_shape = recipe.base_shape(image_shape)
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.dense(latents, base_shape[0] * base_shape[1] * base_shape[2])
    x = keras.layers.Reshape(base_shape, name="generator_base")(x)
    for _ in range(recipe.blocks):
        shortcut = layers.conv(layers.double(x), recipe.channels, 1)
        x = layers.double(layers.relu(layers.batch_norm(x)))
        x = layers.relu(layers.batch_norm(layers.conv(x, recipe.channels, 3)))
        x = layers.add(layers.conv(x, recipe.channels, 3), shortcut)
    x = layers.conv(layers.relu(layers.batch_norm(x)), image_shape[2], 3)
    x = keras.layers.Activation("tanh", name="generator_output")(x)
    images = keras.layers.Rescaling(0.5, offset=0.5, name="generator_rescaling")(x)
    return keras.Model(latents, images, name="generator")


def build_residual_discriminator(
    recipe: ResidualDiscriminator, image_shape: tuple[int, int, int], seed: int
) -> keras.Model:
    """Returns D: images in [0, 1] to logits [batch, 1]."""
    layers = _ResidualLayers(
        "discriminator", seed, keras.initializers.GlorotUniform, recipe.norm == "spectral"
    )
    images = keras.Input(image_shape, name="images")
    x = keras.layers.Rescaling(2.0, offset=-1.0, name="discriminator_rescaling")(images)
    for block in range(recipe.halving_blocks + recipe.further_blocks):
        is_halving, shortcut = block < recipe.halving_blocks, x
        if block == 0:
            shortcut = layers.conv(layers.halve(x), recipe.channels, 1)
        elif is_halving:
            shortcut = layers.halve(layers.conv(x, recipe.channels, 1))
        x = x if block == 0 else layers.relu(x)
        x = layers.conv(layers.relu(layers.conv(x, recipe.channels, 3)), recipe.channels, 3)
        x = layers.add(layers.halve(x) if is_halving else x, shortcut)
    x = layers.relu(x)
    # The published sum over places, as their mean times their number.
    height, width = x.shape[1:3]
    x = keras.layers.GlobalAveragePooling2D(name="discriminator_mean")(x)
    x = keras.layers.Rescaling(float(height * width), name="discriminator_sum")(x)
    logits = layers.dense(x, 1, "discriminator_real_logit")
    return keras.Model(images, logits, name="discriminator")


def build_resnet_encoder(
    recipe: ResNetEncoder, images: keras.KerasTensor, heads: dict[str, int], seed: int, network: str
) -> keras.Model:
    """Returns the network from images to its heads' outputs, each [batch, size].

    Args:
        recipe: the layers.
        images: the Keras input, in [0, 1].
        heads: name of each head to its size.
        seed: of the initial weights.
        network: with which its layers' names begin.
    """
    layers = _ResidualLayers(network, seed, keras.initializers.HeNormal, has_bias=False)
    x = keras.layers.Rescaling(2.0, offset=-1.0, name=f"{network}_rescaling")(images)
    x = layers.relu(layers.batch_norm(layers.conv(x, recipe.channels[0], 3)))
    for stage, channels in enumerate(recipe.channels):
        for block in range(recipe.blocks):
            strides = 2 if stage > 0 and block == 0 else 1
            shortcut = x
            if strides > 1 or x.shape[-1] != channels:
                shortcut = layers.batch_norm(layers.conv(x, channels, 1, strides))
            x = layers.relu(layers.batch_norm(layers.conv(x, channels, 3, strides)))
            x = layers.batch_norm(layers.conv(x, channels, 3))
            x = layers.relu(layers.add(x, shortcut))
    x = keras.layers.GlobalAveragePooling2D(name=f"{network}_mean")(x)
    outputs = []
    for head, size in heads.items():
        hidden = x
        for units in recipe.dense:
            hidden = layers.relu(layers.dense(hidden, units))
        outputs.append(layers.dense(hidden, size, f"{network}_{head}"))
    return keras.Model(images, outputs[0] if len(outputs) == 1 else tuple(outputs), name=network)


class _ResidualLayers:
    """Makes the layers of one network and names and seeds them alike."""

    def __init__(
        self,
        network: str,
        seed: int,
        initializer,
        is_spectral: bool = False,
        has_bias: bool = True,
    ):
        self.network = network
        self.has_bias = has_bias  # of convolutions; before a batch norm it would do nothing
        self.seed = seed
        self.make_initializer = initializer
        self.is_spectral = is_spectral
        self.counts = {}

    def conv(self, x, filters: int, kernel_size: int, strides: int = 1):
        """A convolution with "same" padding."""
        name = self.name("conv")
        kernel = {"kernel_initializer": self.initializer(name)}
        if self.is_spectral:
            return SpectralConv2D(filters, kernel_size, strides, **kernel, **self.spectral(name))(x)
        return keras.layers.Conv2D(
            filters, kernel_size, strides, "same", use_bias=self.has_bias, name=name, **kernel
        )(x)

    def dense(self, x, units: int, name: str | None = None):
        """A dense layer."""
        name = name or self.name("dense")
        kernel = {"kernel_initializer": self.initializer(name)}
        if self.is_spectral:
            return SpectralDense(units, **kernel, **self.spectral(name))(x)
        return keras.layers.Dense(units, name=name, **kernel)(x)

    def batch_norm(self, x):
        return FusedBatchNormalization(name=self.name("batch_norm"), **BATCH_NORM)(x)

    def relu(self, x):
        return keras.layers.ReLU(name=self.name("activation"))(x)

    def add(self, x, shortcut):
        return keras.layers.Add(name=self.name("sum"))([x, shortcut])

    def double(self, x):
        return keras.layers.UpSampling2D(2, name=self.name("doubling"))(x)

    def halve(self, x):
        return keras.layers.AveragePooling2D(2, padding="same", name=self.name("halving"))(x)

    def name(self, kind: str) -> str:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{self.network}_{kind}_{self.counts[kind]}"

    def initializer(self, layer: str):
        return self.make_initializer(seed=derive_seed(self.seed, self.network, layer, "kernel"))

    def spectral(self, layer: str) -> dict:
        seed = derive_seed(self.seed, self.network, layer, "vector")
        initializer = keras.initializers.RandomNormal(stddev=1.0, seed=seed)
        return {"vector_initializer": initializer, "name": layer}
