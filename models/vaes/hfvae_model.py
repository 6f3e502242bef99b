"""HFVAE as a Keras model."""

import tensorflow as tf

from models.losses import variational as vae_objectives
from models.vaes.variational_model import VariationalModel


class HFVAEModel(VariationalModel):
    """HFVAE (Esmaeili et al. 2019, https://arxiv.org/abs/1804.02086).

    min over encoder and decoder of E[-log p(x | z)] + the parts of the KL, each with a weight of
    its own: mutual information, total correlation between the groups of latents, total
    correlation within them, dimension-wise KL. With groups of one latent and all weights but the
    second 1 this is beta-TCVAE with another estimate of q(z).

    Args:
        recipe: a `models.vaes.methods.HFVAE`.
        image_shape: see `VariationalModel`, also for the rest; `num_images` is needed.
    """

    loss_names = (
        "reconstruction_loss",
        "mutual_information",
        "between_group",
        "within_group",
        "dimension_kl",
    )

    def regularise(self, posterior, latents):
        """Returns the weighted sum of the four parts; reports them unweighted."""
        pairs = vae_objectives.pairwise_log_density(latents, *posterior)
        log_weights = vae_objectives.biased_log_weights(tf.shape(latents)[0], self.num_images)
        parts = vae_objectives.hierarchical_decomposition(
            pairs, latents, log_weights, self.recipe.groups
        )
        weights = self.recipe.weights
        return tf.add_n([weights[name] * part for name, part in parts.items()]), parts
