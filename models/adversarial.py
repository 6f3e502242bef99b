"""What methods with adversaries have in common beyond `models.trained_model`."""

import contextlib

import keras

from models.trained_model import TrainedModel, check_partition

__all__ = ["AdversarialModel", "check_partition", "frozen_statistics"]


class AdversarialModel(TrainedModel):
    """A generator and the networks that judge it, each trained by a player of its own.

    Arguments and attributes are those of `TrainedModel`; a player's pass through another player's
    network happens within `frozen_statistics`.
    """


@contextlib.contextmanager
def frozen_statistics(network: keras.Model):
    """Within it, training passes use batch statistics but leave the moving ones as they are.

    For passes through a network on behalf of another player. A momentum of 1 keeps the old value
    exactly; Keras reads it when the pass is traced.
    """
    layers = [one for one in network.layers if isinstance(one, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.momentum = 1.0
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
