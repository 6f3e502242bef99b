"""What methods with adversaries have in common beyond `models.trained_model`."""

import keras
import tensorflow as tf

from models.spectral_norm import SpectralLayer
from models.trained_model import TrainedModel, check_partition

__all__ = ["AdversarialModel", "Frozen", "check_partition"]


class AdversarialModel(TrainedModel):
    """A generator and the networks that judge it, each trained by a player of its own.

    Arguments and attributes are those of `TrainedModel`; a player's pass through another player's
    network goes through a `Frozen`.
    """


class Frozen:
    """A network as other players see it, while its weights do not change.

    Training passes through it use batch statistics but leave the moving ones as they are, and what
    spectral norm makes of the kernels is computed once for all passes. To be made anew after each
    update of the network, on each replica.

    Args:
        network: a functional model.
    """

    def __init__(self, network: keras.Model):
        self._network = network
        layers = network.layers
        self._norms = [one for one in layers if isinstance(one, keras.layers.BatchNormalization)]
        self._spectral = {one: one.normalize() for one in layers if isinstance(one, SpectralLayer)}

    def __call__(self, inputs):
        """Returns the network's outputs in training."""
        # No other replica runs in here, though replicas share the layers: nothing is exchanged.
        momenta = [layer.momentum for layer in self._norms]
        try:
            for layer in self._norms:
                layer.momentum = 1.0  # keeps the old value exactly; read when the pass is traced
            for layer, (kernel, _) in self._spectral.items():
                layer.frozen_kernel = tf.stop_gradient(kernel)
            return self._network(inputs, training=True)
        finally:
            for layer in self._spectral:
                layer.frozen_kernel = None
            for layer, momentum in zip(self._norms, momenta, strict=True):
                layer.momentum = momentum

    def advance_spectral_vectors(self) -> None:
        """Advances the power iteration of every spectrally normalised layer by one."""
        for layer, (_, vector) in self._spectral.items():
            layer.vector.assign(vector)
