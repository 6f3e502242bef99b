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
