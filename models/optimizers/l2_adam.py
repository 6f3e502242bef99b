"""Adam on a loss with an L2 penalty of the variables."""

import keras

from models.optimizers.fused_adam import FusedAdam


class L2Adam(FusedAdam):
    """Adam whose gradients have `l2` times the variable added.

    Added where the gradients of all replicas have been summed already, so once.

    Args:
        learning_rate: a number or a schedule over the optimiser's updates.
        l2: the factor.
        **kwargs: of `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate, *, l2: float, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable."""
        gradient = gradient + self.l2 * keras.ops.cast(variable, gradient.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        """Returns what `from_config` needs."""
        return {**super().get_config(), "l2": self.l2}
