"""VAE and beta-VAE."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.vaes.autoencoder import Autoencoder
from models.vaes.encoded import Encoded

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class VAE(Autoencoder):
    """VAE and beta-VAE (Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl).

    min over encoder and decoder of E[-log p(x | z)] + beta KL(q(z | x) || p(z)) (equation 4); with
    beta = 1 the VAE (Kingma and Welling 2014, https://arxiv.org/abs/1312.6114).

    Attributes:
        beta: weight of the KL; 1 for the VAE.
        name: how tables call the method.
    """

    beta: float
    name: str = "beta_vae"

    def __post_init__(self):
        super().__post_init__()
        checks.number("beta", self.beta, minimum=0.0)

    def regularise(self, batch: Encoded) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """Return beta KL; report the KL."""
        from models.losses.variational import kl_to_prior

        kl = kl_to_prior(*batch.posterior)
        return self.beta * kl, {"kl": kl}
