"""The annealed beta-VAE as a Keras model."""

import tensorflow as tf

from models.losses import variational as vae_objectives
from models.vaes.variational_model import VariationalModel


class AnnealedVAEModel(VariationalModel):
    """beta-VAE with a growing capacity (Burgess et al. 2018, https://arxiv.org/abs/1804.03599).

    min over encoder and decoder of E[-log p(x | z)] + gamma |KL(q(z | x) || p(z)) - C(t)|
    (equation 8), with C rising evenly from 0 to `max_capacity` nats in `capacity_iterations`.

    Args:
        recipe: a `models.vaes.methods.AnnealedVAE`.
        image_shape: see `VariationalModel`, also for the rest.
    """

    loss_names = ("reconstruction_loss", "kl", "capacity")

    def regularise(self, posterior, latents):
        """Returns gamma |KL - C|; reports the KL and C."""
        kl = vae_objectives.kl_to_prior(*posterior)
        capacity = self.capacity()
        return self.recipe.gamma * tf.abs(kl - capacity), {"kl": kl, "capacity": capacity}

    def capacity(self):
        """Returns C in this iteration, in nats, a scalar tensor."""
        progress = tf.cast(self.iteration.value, tf.float32) / self.recipe.capacity_iterations
        return self.recipe.max_capacity * tf.minimum(progress, 1.0)
