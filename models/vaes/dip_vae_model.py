"""DIP-VAE as a Keras model."""

from models.losses import variational as vae_objectives
from models.vaes.variational_model import VariationalModel


class DIPVAEModel(VariationalModel):
    """DIP-VAE I and II (Kumar et al. 2018, https://arxiv.org/abs/1711.00848, equations 6 and 7).

    min over encoder and decoder of E[-log p(x | z)] + KL(q(z | x) || p(z))
        + off_diagonal_weight sum_{i != j} Cov_ij^2 + diagonal_weight sum_i (Cov_ii - 1)^2

    with, over the batch, Cov = Cov[mean] in variant I and Cov[mean] + E[diag(variance)], the
    covariance of the aggregate posterior, in variant II.

    Args:
        recipe: a `models.vaes.methods.DIPVAE`.
        image_shape: see `VariationalModel`, also for the rest.
    """

    loss_names = ("reconstruction_loss", "kl", "covariance_penalty")

    def regularise(self, posterior, latents):
        """Returns KL + the weighted penalties; reports both parts."""
        kl = vae_objectives.kl_to_prior(*posterior)
        if self.recipe.variant == "i":
            matrix = vae_objectives.covariance(posterior[0])
        else:
            matrix = vae_objectives.posterior_covariance(*posterior)
        off_diagonal = vae_objectives.off_diagonal_penalty(matrix)
        diagonal = vae_objectives.unit_diagonal_penalty(matrix)
        penalty = (
            self.recipe.off_diagonal_weight * off_diagonal + self.recipe.diagonal_weight * diagonal
        )
        return kl + penalty, {"kl": kl, "covariance_penalty": penalty}
