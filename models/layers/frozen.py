"""Passes through a network on behalf of other players, which leave no trace in it."""

import threading
from typing import Any

import keras

_pass = threading.local()  # replicas run in threads of their own, and share the layers


class Frozen:
    """A network as other players see it, while its weights do not change.

    Training passes through it use batch statistics but leave the moving ones as they are, and what
    spectral norm makes of the kernels is computed once for all passes. To be made anew after each
    update of the network, on each replica.

    Args:
        network: a functional model. A layer with `freeze()` finds what that returned by
            `frozen_state` during these passes.
    """

    def __init__(self, network: keras.Model):
        self._network = network
        self._states = {one: one.freeze() for one in network.layers if hasattr(one, "freeze")}

    def __call__(self, inputs: Any) -> Any:
        """Return the network's outputs in training."""
        _pass.states = self._states
        try:
            return self._network(inputs, training=True)
        finally:
            _pass.states = {}

    def advance_spectral_vectors(self) -> None:
        """Advance the power iteration of every spectrally normalised layer by one."""
        for layer, state in self._states.items():
            if hasattr(layer, "vector"):
                layer.vector.assign(state[1])


def frozen_state(layer: keras.layers.Layer) -> Any:
    """Return what the layer's `freeze()` returned if this is a frozen pass, else None."""
    return getattr(_pass, "states", {}).get(layer)
