"""DIP-VAE I and II."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from models import checks
from models.vaes.autoencoder import Autoencoder
from models.vaes.encoded import Encoded

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class DIPVAE(Autoencoder):
    """DIP-VAE I and II (Kumar et al. 2018, https://arxiv.org/abs/1711.00848, equations 6 and 7).

    min over encoder and decoder of E[-log p(x | z)] + KL(q(z | x) || p(z))
        + off_diagonal_weight sum_{i != j} Cov_ij^2 + diagonal_weight sum_i (Cov_ii - 1)^2

    with, over the batch, Cov = Cov[mean] in variant I and Cov[mean] + E[diag(variance)], the
    covariance of the aggregate posterior, in variant II.

    Attributes:
        variant: "i", the covariance of the means, or "ii", of the aggregate posterior.
        off_diagonal_weight: of the squared covariances of different latents.
        diagonal_weight: of the squared differences of the variances from 1.
        name: how tables call the method.
    """

    variant: str
    off_diagonal_weight: float
    diagonal_weight: float
    name: str = "dip_vae"

    regulariser_names: ClassVar[tuple[str, ...]] = ("kl", "covariance_penalty")

    def __post_init__(self):
        super().__post_init__()
        checks.choice("variant", self.variant, ("i", "ii"))
        checks.number("off_diagonal_weight", self.off_diagonal_weight, minimum=0.0)
        checks.number("diagonal_weight", self.diagonal_weight, minimum=0.0)

    def regularise(self, batch: Encoded) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """Return KL + the weighted penalties; report both parts."""
        from models.losses import variational as losses

        kl = losses.kl_to_prior(*batch.posterior)
        if self.variant == "i":
            matrix = losses.covariance(batch.posterior[0])
        else:
            matrix = losses.posterior_covariance(*batch.posterior)
        off_diagonal = losses.off_diagonal_penalty(matrix)
        diagonal = losses.unit_diagonal_penalty(matrix)
        penalty = self.off_diagonal_weight * off_diagonal + self.diagonal_weight * diagonal
        return kl + penalty, {"kl": kl, "covariance_penalty": penalty}
