"""VAE and beta-VAE as a Keras model."""

from models.losses import variational as vae_objectives
from models.vaes.variational_model import VariationalModel


class VAEModel(VariationalModel):
    """beta-VAE (Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl, equation 4).

    min over encoder and decoder of E[-log p(x | z)] + beta KL(q(z | x) || p(z)); with beta = 1
    the VAE (Kingma and Welling 2014, https://arxiv.org/abs/1312.6114).

    Args:
        recipe: a `models.vaes.methods.VAE`.
        image_shape: see `VariationalModel`, also for the rest.
    """

    def regularise(self, posterior, latents):
        """Returns beta KL; reports the KL."""
        kl = vae_objectives.kl_to_prior(*posterior)
        return self.recipe.beta * kl, {"kl": kl}
