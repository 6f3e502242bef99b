"""Keras models from the families in `models.networks.identity_architectures`.

Encoder: images to (s, mean of z, log variance of z). Decoder: latent vectors [s, z] to images in
[0, 1]. Discriminator: (images, condition, and the mask of its dropout where there is one) to
logits. The condition is a second image or a number that stands for an identity. Initial weights
follow Glorot and are functions of (seed, network, layer).
"""

import keras

from models.layers.plain import FusedBatchNormalization
from models.networks.convolutional import BATCH_NORM, derive_seed, full_precision
from models.networks.identity_architectures import BigNetworks, SmallNetworks

EMBEDDING_STD = 0.02  # of the identities' initial vectors


def build_encoder(
    recipe: BigNetworks | SmallNetworks,
    image_shape: tuple[int, int, int],
    heads: dict[str, int],
    seed: int,
) -> keras.Model:
    """Returns the network from images to its heads' outputs, each [batch, size], as a tuple."""
    recipe.base_shape(image_shape)  # refuses images that do not fit
    layers = _Layers("encoder", seed, recipe)
    images = keras.Input(image_shape, name="images")
    x = layers.encode(images, "relu", is_normed=True)
    x = keras.layers.Flatten(name="encoder_flatten")(x)
    outputs = tuple(layers.dense(x, size, f"encoder_{head}") for head, size in heads.items())
    return keras.Model(images, outputs, name="encoder")


def build_decoder(
    recipe: BigNetworks | SmallNetworks,
    image_shape: tuple[int, int, int],
    specified_dim: int,
    unspecified_dim: int,
    seed: int,
) -> keras.Model:
    """Returns the network from [s, z] to images [batch, height, width, channels] in [0, 1]."""
    layers = _Layers("generator", seed, recipe)
    latents = keras.Input((specified_dim + unspecified_dim,), name="latents")
    parts = {"s": latents[:, :specified_dim], "z": latents[:, specified_dim:]}
    maps = layers.start(parts, recipe.base_shape(image_shape))
    x = layers.decode(maps, image_shape)
    full = full_precision()
    images = keras.layers.Activation(recipe.output, name="generator_output", dtype=full)(x)
    if recipe.output == "tanh":
        rescaling = keras.layers.Rescaling(0.5, 0.5, name="generator_rescaling", dtype=full)
        images = rescaling(images)
    return keras.Model(latents, images, name="generator")


def build_discriminator(
    recipe: BigNetworks | SmallNetworks,
    image_shape: tuple[int, int, int],
    num_identities: int | None,
    seed: int,
) -> keras.Model:
    """Returns D: [images, condition(, mask)] to logits of "real" [batch, 1].

    Args:
        recipe: the family.
        image_shape: (height, width, channels).
        num_identities: so many numbers are conditions, int [batch], each of which adds a vector to
            the feature maps at three depths; None: the condition is an image, which is put beside
            the other on the channels.
        seed: of the initial weights.
    """
    layers = _Layers("discriminator", seed, recipe)
    images = keras.Input(image_shape, name="images")
    if num_identities is None:
        condition = keras.Input(image_shape, name="condition")
        x = keras.layers.Concatenate(name="discriminator_pair")([images, condition])
        x = layers.encode(x, "leaky_relu", is_normed=isinstance(recipe, SmallNetworks))
    else:
        condition = keras.Input((), dtype="int32", name="condition")
        identity = (condition, num_identities)
        is_normed = isinstance(recipe, SmallNetworks)
        x = layers.encode(images, "leaky_relu", is_normed, identity)
    x = keras.layers.Flatten(name="discriminator_flatten")(x)
    inputs = [images, condition]
    if recipe.dropout:
        mask = keras.Input((x.shape[-1],), name="mask")
        inputs.append(mask)
        x = keras.layers.Multiply(name="discriminator_dropout")([x, mask])
    return keras.Model(inputs, layers.dense(x, 1, "discriminator_logit"), name="discriminator")


def num_features(discriminator: keras.Model) -> int:
    """Returns the length of the mask that a discriminator with dropout takes."""
    return discriminator.get_layer("discriminator_flatten").output.shape[-1]


class _Layers:
    """Makes the layers of one network and names and seeds them alike."""

    def __init__(self, network: str, seed: int, recipe: BigNetworks | SmallNetworks):
        self.network = network
        self.seed = seed
        self.recipe = recipe
        self.is_big = isinstance(recipe, BigNetworks)
        self.counts = {}

    def encode(self, x, activation: str, is_normed: bool, identity=None):
        """The convolutions from an image to the last feature map.

        Args:
            x: images.
            activation: after each convolution.
            is_normed: whether the family's norm comes between the two.
            identity: (numbers, how many there are) to add at three depths, or None.
        """
        for size, stride, filters in self._convolutions():
            if not self.is_big:
                x = keras.layers.ZeroPadding2D(1, name=self.name("padding"))(x)
            name = self.name("conv")
            x = keras.layers.Conv2D(
                filters,
                size,
                stride,
                "same" if self.is_big else "valid",
                kernel_initializer=self.initializer(name),
                name=name,
            )(x)
            if is_normed:
                x = self.norm(x)
            if identity is not None and stride == 2:
                x = self.add_identity(x, *identity)
            x = self.activation(x, activation)
        return x

    def _convolutions(self):
        recipe = self.recipe
        if not self.is_big:
            return [(recipe.kernel_size, 2, filters) for filters in recipe.filters]
        return recipe.encoder if self.network == "encoder" else recipe.discriminator

    def add_identity(self, x, numbers, num_identities: int):
        """Adds a vector that belongs to the identity to every position of a feature map."""
        name = self.name("identity")
        seed = derive_seed(self.seed, self.network, name)
        vectors = keras.layers.Embedding(
            num_identities,
            x.shape[-1],
            embeddings_initializer=keras.initializers.RandomNormal(stddev=EMBEDDING_STD, seed=seed),
            name=name,
        )(numbers)
        vectors = keras.layers.Reshape((1, 1, x.shape[-1]), name=f"{name}_map")(vectors)
        return keras.layers.Add(name=f"{name}_sum")([x, vectors])

    def start(self, parts, base_shape: tuple[int, int, int]):
        """Returns the feature map that s and z make: added (big) or side by side (small)."""
        units = base_shape[0] * base_shape[1] * base_shape[2]
        maps = []
        for name, part in parts.items():
            x = self.dense(part, units, f"{self.network}_dense_{name}")
            if not self.is_big:
                x = self.activation(x, "leaky_relu")
            maps.append(keras.layers.Reshape(base_shape, name=f"{self.network}_map_{name}")(x))
        if not self.is_big:
            return keras.layers.Concatenate(name=f"{self.network}_base")(maps)
        x = keras.layers.Add(name=f"{self.network}_base")(maps)
        return self.activation(self.norm(x), "relu")

    def decode(self, x, image_shape: tuple[int, int, int]):
        """The layers from the first feature map to the image before its output function."""
        if self.is_big:
            for size, stride, filters in self.recipe.decoder:
                x = self.deconv(x, filters, size) if stride == 2 else self.plain(x, filters, size)
                x = self.activation(self.norm(x), "relu")
            return self.plain(x, image_shape[2], 3)
        sizes = self.recipe.sizes(image_shape)[-2::-1]
        filters = (*self.recipe.filters[-2::-1], image_shape[2])
        for number, (size, channels) in enumerate(zip(sizes, filters, strict=True)):
            x = self.deconv(x, channels, self.recipe.kernel_size, size)
            if number < len(filters) - 1:
                x = self.activation(self.norm(x), "relu")
        return x

    def plain(self, x, filters: int, size: int):
        """A convolution that keeps height and width."""
        name = self.name("conv")
        return keras.layers.Conv2D(
            filters, size, 1, "same", kernel_initializer=self.initializer(name), name=name
        )(x)

    def deconv(self, x, filters: int, size: int, output: tuple[int, int] | None = None):
        """A stride-2 transposed convolution.

        Args:
            x: the feature map.
            filters: channels of the result.
            size: of the kernel.
            output: height and width of the result where it mirrors a convolution with padding 1;
                None doubles height and width.
        """
        name = self.name("deconv")
        layer = keras.layers.Conv2DTranspose(
            filters,
            size,
            2,
            "same" if output is None else "valid",
            kernel_initializer=self.initializer(name),
            name=name,
        )
        x = layer(x)
        if output is None:
            return x
        # The padding of 1 is cut off, and of the last row or column what the stride jumped over.
        last = [made - wanted - 1 for made, wanted in zip(x.shape[1:3], output, strict=True)]
        cropping = [(1, one) for one in last]
        return keras.layers.Cropping2D(cropping, name=f"{name}_cropping")(x)

    def dense(self, x, units: int, name: str):
        """A linear dense layer, in full precision since losses may read it."""
        return keras.layers.Dense(
            units, kernel_initializer=self.initializer(name), dtype=full_precision(), name=name
        )(x)

    def norm(self, x):
        """Batch norm (big) or instance norm (small)."""
        if self.is_big:
            return FusedBatchNormalization(name=self.name("batch_norm"), **BATCH_NORM)(x)
        name = self.name("instance_norm")
        return keras.layers.GroupNormalization(groups=-1, epsilon=1e-5, name=name)(x)

    def activation(self, x, activation: str):
        name = self.name("activation")
        if activation == "leaky_relu":
            return keras.layers.LeakyReLU(self.recipe.negative_slope, name=name)(x)
        return keras.layers.ReLU(name=name)(x)

    def name(self, kind: str) -> str:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{self.network}_{kind}_{self.counts[kind]}"

    def initializer(self, layer: str):
        seed = derive_seed(self.seed, self.network, layer, "kernel")
        return keras.initializers.GlorotUniform(seed=seed)
