"""Optimisers as data; `build()` makes the Keras object."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from models import checks

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class Adam:
    """Adam. The default epsilon is the published releases' 1e-8, not Keras' 1e-7.

    Attributes:
        learning_rate: step size.
        beta_1: decay of the average gradient.
        beta_2: decay of the average squared gradient.
        epsilon: added to the root of the average squared gradient.
    """

    learning_rate: float
    beta_1: float
    beta_2: float = 0.999
    epsilon: float = 1e-8
    kind: str = dataclasses.field(default="adam", init=False)

    def __post_init__(self):
        checks.positive_number("learning_rate", self.learning_rate)
        for name in ("beta_1", "beta_2"):
            _decay(name, getattr(self, name))
        checks.positive_number("epsilon", self.epsilon)

    def build(self) -> "keras.Optimizer":
        """Return a fresh Keras optimiser, not yet built on variables."""
        from models.optimizers.fused_adam import FusedAdam

        return FusedAdam(
            self.learning_rate, beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon
        )


@dataclasses.dataclass(frozen=True)
class DecayingAdam(Adam):
    """Adam with L2 regularisation, or a learning rate that falls evenly to 0, or both.

    Attributes:
        l2: this times the variable is added to its gradient, before Adam averages it. (Decoupled
            weight decay, which Keras' Adam offers, is another update.)
        decay_updates: updates of this optimiser after which the rate is 0; None: it stays.
    """

    l2: float = 0.0
    decay_updates: int | None = None
    kind: str = dataclasses.field(default="decaying_adam", init=False)

    def __post_init__(self):
        super().__post_init__()
        checks.number("l2", self.l2, minimum=0.0)
        if self.decay_updates is not None:
            checks.integer("decay_updates", self.decay_updates, minimum=1)

    def build(self) -> "keras.Optimizer":
        """Return a fresh `models.l2_adam.L2Adam`, not yet built on variables."""
        import keras

        from models.optimizers.l2_adam import L2Adam

        rate = self.learning_rate
        if self.decay_updates is not None:
            schedules = keras.optimizers.schedules
            rate = schedules.PolynomialDecay(rate, self.decay_updates, end_learning_rate=0.0)
        return L2Adam(
            rate, beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon, l2=self.l2
        )


@dataclasses.dataclass(frozen=True)
class RMSprop:
    """RMSprop without momentum, uncentred.

    Attributes:
        learning_rate: step size.
        rho: decay of the average squared gradient.
        epsilon: added to the average squared gradient before the root is taken.
    """

    gin_name: ClassVar[str] = "rmsprop"

    learning_rate: float
    rho: float = 0.9
    epsilon: float = 1e-7
    kind: str = dataclasses.field(default="rmsprop", init=False)

    def __post_init__(self):
        checks.positive_number("learning_rate", self.learning_rate)
        _decay("rho", self.rho)
        checks.positive_number("epsilon", self.epsilon)

    def build(self) -> "keras.Optimizer":
        """Return a fresh `keras.optimizers.RMSprop`, not yet built on variables."""
        import keras

        return keras.optimizers.RMSprop(self.learning_rate, rho=self.rho, epsilon=self.epsilon)


def _decay(name: str, value: object) -> None:
    if checks.number(name, value, minimum=0.0) >= 1.0:
        checks.fail(name, value, "a number in [0, 1)")
