"""What methods with adversaries have in common beyond `models.trained_model`."""

import contextlib

import keras

from models.spectral_norm import SpectralLayer
from models.trained_model import TrainedModel, check_partition

__all__ = ["AdversarialModel", "check_partition", "frozen"]


class AdversarialModel(TrainedModel):
    """A generator and the networks that judge it, each trained by a player of its own.

    Arguments and attributes are those of `TrainedModel`; a player's pass through another player's
    network happens within `frozen`.
    """


@contextlib.contextmanager
def frozen(network: keras.Model):
    """Within it, training passes through the network leave no trace in it.

    For passes on behalf of other players, while the network's weights do not change: they use
    batch statistics but leave the moving ones as they are, and what spectral norm makes of the
    kernels is computed once for all of them.
    """
    norms = [one for one in network.layers if isinstance(one, keras.layers.BatchNormalization)]
    spectral = [one for one in network.layers if isinstance(one, SpectralLayer)]
    momenta = [layer.momentum for layer in norms]
    try:
        for layer in norms:
            layer.momentum = 1.0  # keeps the old value exactly; read when the pass is traced
        for layer in spectral:
            layer.freeze()
        yield
    finally:
        for layer in spectral:
            layer.thaw()
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
