"""beta-TCVAE as a Keras model."""

import tensorflow as tf

from models.losses import variational as vae_objectives
from models.vaes.variational_model import VariationalModel

ESTIMATORS = {
    "weighted": vae_objectives.weighted_log_weights,
    "stratified": vae_objectives.stratified_log_weights,
}


class BetaTCVAEModel(VariationalModel):
    """beta-TCVAE (Chen et al. 2018, https://arxiv.org/abs/1802.04942, equation 4).

    min over encoder and decoder of E[-log p(x | z)] + MI + beta TC + dimension-wise KL, the parts
    of the KL, with q(z) estimated from the batch by minibatch-weighted or -stratified sampling.

    Args:
        recipe: a `models.vaes.methods.BetaTCVAE`.
        image_shape: see `VariationalModel`, also for the rest; `num_images` is needed.
    """

    loss_names = (
        "reconstruction_loss",
        "mutual_information",
        "total_correlation",
        "dimension_kl",
    )

    def regularise(self, posterior, latents):
        """Returns MI + beta TC + dimension-wise KL; reports the three."""
        pairs = vae_objectives.pairwise_log_density(latents, *posterior)
        log_weights = ESTIMATORS[self.recipe.estimator](tf.shape(latents)[0], self.num_images)
        parts = vae_objectives.kl_decomposition(pairs, latents, log_weights)
        regulariser = (
            parts["mutual_information"]
            + self.recipe.beta * parts["total_correlation"]
            + parts["dimension_kl"]
        )
        return regulariser, parts
