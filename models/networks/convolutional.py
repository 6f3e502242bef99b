"""Keras models from the descriptions in `models.networks.architectures`.

All are functional models with named layers, so that an exported one loads with Keras alone (those
with spectral norm also need `import models.layers.spectral_norm`). Images are in [0, 1] outside.
Initial weights are functions of (seed, network, layer): convolutions truncated normal, transposed
convolutions and dense layers normal, of the recipe's standard deviation; biases 0.

Under a policy of mixed precision the outputs are of full precision all the same, since losses are
computed from them.
"""

import hashlib

import keras

from models.codes.joint_code import JointCode
from models.layers.plain import Conv2D, Conv2DTranspose, FusedBatchNormalization, LeakyReLU
from models.layers.spectral_norm import SpectralConv2D, SpectralDense
from models.networks.architectures import (
    ContrastiveNetwork,
    ConvDiscriminator,
    ConvEncoder,
    DeconvGenerator,
    DenseNetwork,
)

BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


def derive_seed(*parts: object) -> int:
    """Returns a seed in [0, 2^31), a function of the parts: numbers and words."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") >> 1


def build_generator(
    recipe: DeconvGenerator, image_shape: tuple[int, int, int], latent_dim: int, seed: int
) -> keras.Model:
    """Returns G: [batch, latent_dim] to images [batch, height, width, channels] in [0, 1]."""
    layers = _Layers("generator", seed, recipe)
    base_shape = recipe.base_shape(image_shape)
    latents = keras.Input((latent_dim,), name="latents")
    x = latents
    for units in (*recipe.dense, base_shape[0] * base_shape[1] * base_shape[2]):
        x = layers.finish(layers.dense(x, units), recipe.dense_activation, recipe.batch_norm)
    x = keras.layers.Reshape(base_shape, name="generator_base")(x)
    for filters in recipe.deconv:
        x = layers.finish(layers.deconv(x, filters), recipe.deconv_activation, recipe.batch_norm)
    x = layers.deconv(x, image_shape[2])
    full = full_precision()
    images = keras.layers.Activation(recipe.output, name="generator_output", dtype=full)(x)
    if recipe.output == "tanh":
        rescaling = keras.layers.Rescaling(0.5, 0.5, name="generator_rescaling", dtype=full)
        images = rescaling(images)
    return keras.Model(latents, images, name="generator")


def build_discriminator(
    recipe: ConvDiscriminator, image_shape: tuple[int, int, int], q_dim: int, seed: int
) -> keras.Model:
    """Returns D and Q: images to (logits of "real" [batch, 1], Q's outputs [batch, q_dim])."""
    layers = _Layers("discriminator", seed, recipe)
    images = keras.Input(image_shape, name="images")
    features = layers.trunk(images)
    logits = layers.dense(features, 1, name="discriminator_real_logit")
    x = features
    for units in recipe.q_dense:
        x = layers.finish(layers.dense(x, units), "leaky_relu", recipe.norm == "batch")
    q_outputs = layers.dense(x, q_dim, name="discriminator_q_outputs")
    return keras.Model(images, (logits, q_outputs), name="discriminator")


def build_encoder(discriminator: keras.Model, codes: JointCode) -> keras.Model:
    """Returns the encoder inside a discriminator: images to Q's mean [batch, code_dim].

    It shares the discriminator's layers and so is trained with it.
    """
    codes_mean = codes.posterior_mean(discriminator.outputs[1])
    return keras.Model(discriminator.inputs[0], codes_mean, name="encoder")


def build_contrastive(
    recipe: ContrastiveNetwork, image_shape: tuple[int, int, int], num_codes: int, seed: int
) -> keras.Model:
    """Returns H: pairs [batch, height, width, 2 * channels] to logits [batch, num_codes]."""
    layers = _Layers("contrastive", seed, recipe)
    height, width, channels = image_shape
    pairs = keras.Input((height, width, 2 * channels), name="pairs")
    features = layers.trunk(pairs)
    layers.is_spectral = False  # the output has no norm
    logits = layers.dense(features, num_codes, name="contrastive_logits")
    return keras.Model(pairs, logits, name="contrastive")


def build_conv_encoder(
    recipe: ConvEncoder,
    image_shape: tuple[int, int, int],
    heads: dict[str, int],
    seed: int,
    network: str,
    images: keras.KerasTensor | None = None,
) -> keras.Model:
    """Returns the network from images to its heads' outputs, each [batch, size].

    One head gives a tensor, several give a tuple.

    Args:
        recipe: the layers.
        image_shape: (height, width, channels).
        heads: name of each head to its size.
        seed: of the initial weights.
        network: the network's name, with which its layers' names begin.
        images: the Keras input, where other networks have it, too.
    """
    layers = _Layers(network, seed, recipe)
    images = keras.Input(image_shape, name="images") if images is None else images
    x = images
    for filters in recipe.conv:
        x = layers.activation(layers.conv(x, filters), "leaky_relu")
    x = keras.layers.Flatten(name=f"{network}_flatten")(x)
    for units in recipe.dense:
        x = layers.dense(x, units)
        if recipe.activates_dense:
            x = layers.activation(x, "leaky_relu")
    return keras.Model(images, layers.heads(x, heads), name=network)


def build_dense_network(
    recipe: DenseNetwork, num_inputs: int, heads: dict[str, int], seed: int, network: str
) -> keras.Model:
    """Returns the network from vectors [batch, num_inputs] to its heads' outputs, as above."""
    layers = _Layers(network, seed, recipe)
    inputs = keras.Input((num_inputs,), name="inputs")
    x = inputs
    for units in recipe.dense:
        x = layers.activation(layers.dense(x, units), "leaky_relu")
    return keras.Model(inputs, layers.heads(x, heads), name=network)


def build_logits(generator: keras.Model) -> keras.Model:
    """Returns G without the sigmoid that it ends in; it shares G's layers."""
    logits = keras.ops.cast(generator.layers[-1].input, full_precision())
    return keras.Model(generator.inputs[0], logits, name="generator_logits")


def full_precision() -> str:
    """Returns the dtype of variables: that of the layers, too, unless precision is mixed."""
    return keras.config.dtype_policy().variable_dtype


class _Layers:
    """Makes the layers of one network and names, seeds and orders them alike."""

    def __init__(self, network: str, seed: int, recipe):
        self.network = network
        self.seed = seed
        self.recipe = recipe
        self.is_spectral = getattr(recipe, "norm", None) == "spectral"
        self.counts = {}

    def trunk(self, images):
        """Stride-2 convolutions and dense layers; batch norm on all but the first."""
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

    def finish(self, x, activation: str, has_batch_norm: bool):
        """What follows a hidden layer, in the recipe's order."""
        if has_batch_norm and self.recipe.order == "norm_activation":
            return self.activation(self.batch_norm(x), activation)
        x = self.activation(x, activation)
        return self.batch_norm(x) if has_batch_norm else x

    def conv(self, x, filters: int):
        """A stride-2 convolution."""
        name = self.name("conv")
        size, initializer = self.recipe.kernel_size, self.initializer("TruncatedNormal", name)
        if self.is_spectral:
            layer = SpectralConv2D(
                filters, size, 2, kernel_initializer=initializer, **self.spectral(name)
            )
        else:
            padding = getattr(self.recipe, "padding", None)  # None: as "same" has it
            if padding is None:
                layer = Conv2D(filters, size, 2, "same", kernel_initializer=initializer, name=name)
            else:
                x = keras.layers.ZeroPadding2D(padding, name=f"{name}_padding")(x)
                layer = keras.layers.Conv2D(
                    filters, size, 2, "valid", kernel_initializer=initializer, name=name
                )
        return layer(x)

    def dense(self, x, units: int, name: str | None = None):
        """A dense layer; one that is named by the caller is an output."""
        dtype = full_precision() if name else None
        name = name or self.name("dense")
        options = {"kernel_initializer": self.initializer("RandomNormal", name), "dtype": dtype}
        if self.is_spectral:
            layer = SpectralDense(units, **options, **self.spectral(name))
        else:
            layer = keras.layers.Dense(units, name=name, **options)
        return layer(x)

    def heads(self, x, sizes: dict[str, int]):
        """Linear dense layers side by side, named after what they tell; a lone one as it is."""
        outputs = [
            self.dense(x, size, name=f"{self.network}_{head}") for head, size in sizes.items()
        ]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def deconv(self, x, filters: int):
        """A stride-2 transposed convolution."""
        name = self.name("deconv")
        return Conv2DTranspose(
            filters,
            self.recipe.kernel_size,
            2,
            "same",
            kernel_initializer=self.initializer("RandomNormal", name),
            name=name,
        )(x)

    def batch_norm(self, x):
        return FusedBatchNormalization(name=self.name("batch_norm"), **BATCH_NORM)(x)

    def activation(self, x, activation: str):
        name = self.name("activation")
        if activation == "leaky_relu":
            return LeakyReLU(self.recipe.negative_slope, name=name)(x)
        return keras.layers.ReLU(name=name)(x)

    def name(self, kind: str) -> str:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{self.network}_{kind}_{self.counts[kind]}"

    def initializer(self, kind: str, layer: str):
        seed = derive_seed(self.seed, self.network, layer, "kernel")
        if self.recipe.initial_std is None:
            return keras.initializers.GlorotUniform(seed=seed)
        return getattr(keras.initializers, kind)(stddev=self.recipe.initial_std, seed=seed)

    def spectral(self, layer: str) -> dict:
        seed = derive_seed(self.seed, self.network, layer, "vector")
        initializer = keras.initializers.RandomNormal(stddev=1.0, seed=seed)
        return {"vector_initializer": initializer, "name": layer}
