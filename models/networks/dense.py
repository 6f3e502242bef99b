"""Networks of dense layers, described as data; each builds itself."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.networks.convolutional import check_initial_std

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseNetwork:
    """Vector to vectors: dense layers with leaky ReLUs, then linear heads.

    Attributes:
        dense: units of the hidden layers.
        negative_slope: of the leaky ReLUs; 0 for ReLUs.
        initial_std: see `models.networks.deconvolutional.DeconvGenerator`.
    """

    dense: tuple[int, ...]
    negative_slope: float
    initial_std: float | None = None
    kind: str = dataclasses.field(default="dense_network", init=False)

    def __post_init__(self):
        object.__setattr__(self, "dense", checks.positive_integers("dense", self.dense))
        checks.number("negative_slope", self.negative_slope, minimum=0.0, maximum=1.0)
        check_initial_std(self.initial_std)

    def build(
        self, num_inputs: int, heads: dict[str, int], seed: int, network: str
    ) -> "keras.Model":
        """Return the network from vectors [batch, num_inputs] to its heads' outputs.

        One head gives a tensor, several give a tuple; see `ConvEncoder.build`.
        """
        import keras

        from models.networks.convolutional_layers import ConvolutionalLayers

        layers = ConvolutionalLayers(network, seed, self)
        inputs = x = keras.Input((num_inputs,), name="inputs")
        for units in self.dense:
            x = layers.activation(layers.dense(x, units), "leaky_relu")
        return keras.Model(inputs, layers.heads(x, heads), name=network)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseEncoder:
    """Image to vectors: the pixels as one vector, dense layers with (leaky) ReLUs, linear heads.

    Attributes:
        dense: units of the hidden layers.
        negative_slope: of the leaky ReLUs; 0 for ReLUs.
        initial_std: see `models.networks.deconvolutional.DeconvGenerator`.
    """

    dense: tuple[int, ...]
    negative_slope: float = 0.0
    initial_std: float | None = None
    kind: str = dataclasses.field(default="dense_encoder", init=False)

    def __post_init__(self):
        object.__setattr__(self, "dense", checks.positive_integers("dense", self.dense))
        checks.number("negative_slope", self.negative_slope, minimum=0.0, maximum=1.0)
        check_initial_std(self.initial_std)

    def build(
        self, images: "keras.KerasTensor", heads: dict[str, int], seed: int, network: str
    ) -> "keras.Model":
        """Return the network from images to its heads' outputs; see `ConvEncoder.build`."""
        import keras

        from models.networks.convolutional_layers import ConvolutionalLayers

        layers = ConvolutionalLayers(network, seed, self)
        x = keras.layers.Flatten(name=f"{network}_flatten")(images)
        for units in self.dense:
            x = layers.activation(layers.dense(x, units), "leaky_relu")
        return keras.Model(images, layers.heads(x, heads), name=network)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseGenerator:
    """Latent vector to image: dense layers, of which the last has a unit for each value.

    Attributes:
        dense: units of the hidden layers.
        activation: "relu" or "tanh", after each of them.
        initial_std: see `models.networks.deconvolutional.DeconvGenerator`.
    """

    dense: tuple[int, ...]
    activation: str
    initial_std: float | None = None
    output: str = dataclasses.field(default="sigmoid", init=False)
    kind: str = dataclasses.field(default="dense_generator", init=False)

    def __post_init__(self):
        object.__setattr__(self, "dense", checks.positive_integers("dense", self.dense))
        checks.choice("activation", self.activation, ("relu", "tanh"))
        check_initial_std(self.initial_std)

    def build(self, image_shape: tuple[int, int, int], latent_dim: int, seed: int) -> "keras.Model":
        """Return G: [batch, latent_dim] to images [batch, height, width, channels] in [0, 1]."""
        import keras

        from models.networks.convolutional_layers import ConvolutionalLayers
        from models.networks.layer_maker import full_precision

        layers = ConvolutionalLayers("generator", seed, self)
        height, width, channels = checks.image_shape("image_shape", image_shape)
        latents = x = keras.Input((latent_dim,), name="latents")
        for units in self.dense:
            x = keras.layers.Activation(self.activation, name=layers.name("activation"))(
                layers.dense(x, units)
            )
        x = layers.dense(x, height * width * channels)
        x = keras.layers.Reshape((height, width, channels), name="generator_logits")(x)
        full = full_precision()
        images = keras.layers.Activation(self.output, name="generator_output", dtype=full)(x)
        return keras.Model(latents, images, name="generator")
