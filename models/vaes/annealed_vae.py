"""The annealed beta-VAE."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from models import checks
from models.vaes.autoencoder import Autoencoder
from models.vaes.encoded import Encoded

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnnealedVAE(Autoencoder):
    """beta-VAE with a growing capacity (Burgess et al. 2018, https://arxiv.org/abs/1804.03599).

    min over encoder and decoder of E[-log p(x | z)] + gamma |KL(q(z | x) || p(z)) - C(t)|
    (equation 8), with C rising evenly from 0 to `max_capacity` nats in `capacity_iterations`.

    Attributes:
        gamma: weight of |KL - C|.
        max_capacity: C in the end, in nats.
        capacity_iterations: iterations in which C rises evenly from 0 to there.
        name: how tables call the method.
    """

    gamma: float
    max_capacity: float
    capacity_iterations: int
    name: str = "annealed_vae"

    regulariser_names: ClassVar[tuple[str, ...]] = ("kl", "capacity")

    def __post_init__(self):
        super().__post_init__()
        checks.number("gamma", self.gamma, minimum=0.0)
        checks.number("max_capacity", self.max_capacity, minimum=0.0)
        checks.integer("capacity_iterations", self.capacity_iterations, minimum=1)

    def regularise(self, batch: Encoded) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """Return gamma |KL - C|; report the KL and C."""
        import tensorflow as tf

        from models.losses.variational import kl_to_prior

        kl, capacity = kl_to_prior(*batch.posterior), self.capacity(batch.iteration)
        return self.gamma * tf.abs(kl - capacity), {"kl": kl, "capacity": capacity}

    def capacity(self, iteration: "tf.Tensor") -> "tf.Tensor":
        """Return C after so many iterations, in nats, a scalar tensor."""
        import tensorflow as tf

        progress = tf.cast(iteration, tf.float32) / self.capacity_iterations
        return self.max_capacity * tf.minimum(progress, 1.0)
