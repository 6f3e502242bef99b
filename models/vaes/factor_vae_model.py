"""FactorVAE as a Keras model."""

import keras
import tensorflow as tf

from models import checks
from models.losses import variational as vae_objectives
from models.networks import convolutional as networks
from models.vaes.variational_model import VariationalModel


class FactorVAEModel(VariationalModel):
    """FactorVAE (Kim and Mnih 2018, https://arxiv.org/abs/1802.05983, algorithm 2).

    D learns to tell latents z of q(z) (class 0) from latents z' whose columns are permuted within
    the batch, samples of prod_d q(z^d) (class 1):

        L_VAE = E[-log p(x | z)] + KL(q(z | x) || p(z)) + gamma E[D_0(z) - D_1(z)]
        L_D   = -0.5 (E log p_0(z) + E log p_1(permuted z'))

    A training batch is split: z comes from its first half, which trains encoder and decoder, z'
    from its second half, encoded after that update. So a batch of 128 is two batches of 64.

    Args:
        recipe: a `models.vaes.methods.FactorVAE`.
        image_shape: see `VariationalModel`, also for the rest.
    """

    loss_names = ("reconstruction_loss", "kl", "total_correlation", "discriminator_loss")

    def __init__(self, recipe, image_shape, max_value, seed, num_images=None):
        super().__init__(recipe, image_shape, max_value, seed, num_images)
        self.discriminator = self.networks["discriminator"]

    @staticmethod
    def build_networks(recipe, image_shape, seed) -> dict[str, keras.Model]:
        """Returns the posterior, the decoder and D."""
        return {
            **VariationalModel.build_networks(recipe, image_shape, seed),
            "discriminator": networks.build_dense_network(
                recipe.discriminator, recipe.codes.latent_dim, {"logits": 2}, seed, "discriminator"
            ),
        }

    @staticmethod
    def build_optimizers(recipe) -> dict[str, keras.Optimizer]:
        """Returns the optimiser of each player."""
        return {
            **VariationalModel.build_optimizers(recipe),
            "discriminator": recipe.discriminator_optimizer.build(),
        }

    def train_step(self, images):
        """One iteration: encoder and decoder once, then D once.

        Args:
            images: uint8 [batch, height, width, channels], an even number of them.
        """
        first, second = self.split(self.unit_range(images))
        results, latents = self.update_autoencoder(first)
        others = self.draw(self.posterior(second, training=True), "second_posterior")
        results |= self.update_discriminator(latents, others)
        return self.end_iteration(results)

    def split(self, images):
        """Returns the two halves of a batch.

        Raises:
            ValueError: the batch, where its size is known, is odd.
        """
        if images.shape[0] is not None and images.shape[0] % 2:
            checks.fail("batch", images.shape[0], "an even number of images, two halves")
        return tf.split(images, 2)

    def regularise(self, posterior, latents):
        """Returns KL + gamma E[D_0 - D_1]; reports both parts."""
        kl = vae_objectives.kl_to_prior(*posterior)
        logits = self.discriminator(latents, training=True)
        total_correlation = vae_objectives.density_ratio(logits)
        regulariser = kl + self.recipe.gamma * total_correlation
        return regulariser, {"kl": kl, "total_correlation": total_correlation}

    def update_discriminator(self, latents, others):
        """D learns to tell latents from permuted ones; neither tape nor gradient reaches the VAE.

        Args:
            latents: z, [batch, latents].
            others: z', [batch, latents], of other images.
        """
        permuted = vae_objectives.permute_latents(others, self.stream_seed("permutation"))
        with tf.GradientTape() as tape:
            logits = self.discriminator(tf.stop_gradient(latents), training=True)
            permuted_logits = self.discriminator(tf.stop_gradient(permuted), training=True)
            loss = vae_objectives.density_ratio_loss(logits, permuted_logits)
        self.minimize("discriminator", tape, loss)
        return {"discriminator_loss": loss}
