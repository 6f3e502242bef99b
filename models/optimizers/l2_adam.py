"""Adam on a loss with an L2 penalty of the variables."""

from typing import Any

import keras
import tensorflow as tf

from models.optimizers.fused_adam import FusedAdam


class L2Adam(FusedAdam):
    """Adam whose gradients have `l2` times the variable added.

    Added where the gradients of all replicas have been summed already, so once.

    Args:
        learning_rate: a number or a schedule over the optimiser's updates.
        l2: the factor.
        **kwargs: of `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate: Any, *, l2: float, **kwargs: Any):
        super().__init__(learning_rate, **kwargs)
        self.l2 = l2

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable."""
        gradient = gradient + self.l2 * keras.ops.cast(variable, gradient.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        return {**super().get_config(), "l2": self.l2}
