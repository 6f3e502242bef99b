"""What makes the layers of a network, names them and seeds them alike.

Networks are functional models with named layers, so that an exported one loads with Keras alone
(those with spectral norm also need `import models.layers.spectral_norm`). Images are in [0, 1]
outside. Initial weights are functions of (seed, network, layer).
"""

import hashlib
from collections import Counter

import keras

BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


def derive_seed(*parts: object) -> int:
    """Return a seed in [0, 2^31), a function of the parts: numbers and words."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") >> 1


def full_precision() -> str:
    """Return the dtype of variables: that of the layers, too, unless precision is mixed."""
    return keras.config.dtype_policy().variable_dtype


class LayerMaker:
    """Numbers the layers of one network and gives each its name and its seeds.

    Args:
        network: the network's name, with which its layers' names begin.
        seed: of the initial weights.
    """

    def __init__(self, network: str, seed: int):
        self.network = network
        self.seed = seed
        self._counts: Counter[str] = Counter()

    def name(self, kind: str) -> str:
        """Return the name of the next layer of a kind, such as "generator_dense_1"."""
        self._counts[kind] += 1
        return f"{self.network}_{kind}_{self._counts[kind]}"

    def layer_seed(self, layer: str, *parts: str) -> int:
        """Return the seed of something that the layer starts with, such as its "kernel"."""
        return derive_seed(self.seed, self.network, layer, *parts)

    def spectral_vector(self, layer: str) -> keras.initializers.Initializer:
        """Return the initialiser of the vector that a spectrally normalised layer keeps."""
        return keras.initializers.RandomNormal(stddev=1.0, seed=self.layer_seed(layer, "vector"))
