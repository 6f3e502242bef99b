"""What we add to the conditional VAE with adversarial training against the identity in z."""

from typing import Any

import keras
import tensorflow as tf

from models.gans.cvae_gan_model import ConditionalVAEGANModel, Losses, Reconstruction


class ExtendedConditionalVAEGANModel(ConditionalVAEGANModel):
    """The paper's model with a verifier V of pairs of z, a cycle, and mismatched pairs before D.

    With v the verifier's judgement of "one identity" and x(z, s) an image made from z of the prior:

        L_G += w_cycle E|z(x(z, s_2)) - z(x(z, s_3))|, which moves the encoder alone
             + w_verifier (CE(v(z_1, z_2), 0.5) + CE(v(z_1, z_3), 0.5)) / 2
        L_V  = (CE(v(z_1, z_2), 1) + CE(v(z_1, z_3), 0)) / 2
        L_D += w_mismatch BCE(D(x_3 | id_2), fake)

    The recipe's fields are those of `models.gans.cvae_gan_additions.Additions`.

    Args:
        recipe: a `models.gans.cvae_gan.ConditionalVAEGAN`.
        *args: see `ConditionalVAEGANModel`.
    """

    def __init__(self, recipe: Any, *args: Any):
        super().__init__(recipe, *args)
        self.verifier = self.networks.get("verifier")

    @staticmethod
    def build_networks(
        recipe: Any, image_shape: tuple[int, int, int], seed: int
    ) -> dict[str, keras.Model]:
        """Return encoder, decoder, D and, where it plays, V."""
        parts = ConditionalVAEGANModel.build_networks(recipe, image_shape, seed)
        if recipe.has_verifier:
            inputs = 3 * recipe.unspecified_dim
            parts["verifier"] = recipe.verifier.build(inputs, {"same": 1}, seed, "verifier")
        return parts

    @staticmethod
    def build_optimizers(recipe: Any) -> dict[str, keras.Optimizer]:
        """Return the optimiser of each player."""
        optimizers = ConditionalVAEGANModel.build_optimizers(recipe)
        if recipe.has_verifier:
            optimizers["verifier"] = recipe.verifier_optimizer.build()
        return optimizers

    @staticmethod
    def reconstruction_names(recipe: Any) -> tuple[str, ...]:
        """Return the names of all losses but those of the game with D."""
        cycle = ("cycle_loss",) if recipe.cycle_weight > 0 else ()
        verifier = ("verifier_loss",) if recipe.has_verifier else ()
        return (*ConditionalVAEGANModel.reconstruction_names(recipe), *cycle, *verifier)

    def reconstruct(self, images: list[tf.Tensor]) -> Reconstruction:
        """Do as the paper's model does, and add the losses against the identity in z."""
        made = super().reconstruct(images)
        recipe, total, losses = self.recipe, 0.0, dict(made.losses)
        if recipe.cycle_weight > 0:
            s, prior = made.specified, made.prior
            latents = tf.concat((tf.concat(s[1:], 0), tf.tile(prior, (2, 1))), 1)
            images = tf.stop_gradient(self.generator(latents, training=True))
            with made.tape:
                _, mean, _ = self.posterior(images, training=True)
                first, second = tf.split(mean, 2)
                losses["cycle_loss"] = tf.reduce_mean(tf.abs(first - second))
                total += recipe.cycle_weight * losses["cycle_loss"]
        if recipe.has_verifier:
            with made.tape:
                doubt = self.cross_entropy(self.compare(self.verified(made)), 0.5)
                total += recipe.verifier_weight.tensor_at(self.iteration, doubt.dtype) * doubt
        with made.tape:
            loss = made.loss + total
        return made._replace(losses=losses, loss=loss)

    def mismatched_pairs(
        self, images: list[tf.Tensor], conditions: list[tf.Tensor]
    ) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Return real images beside the condition of another identity, if D is shown any."""
        return [(images[2], conditions[0])] if self.recipe.mismatch_weight > 0 else []

    def verified(self, made: Reconstruction) -> tf.Tensor:
        """Return what V sees of q(z | x), [3 batch, unspecified]."""
        return made.mean if self.recipe.verifier_input == "means" else made.unspecified

    def compare(self, latents: tf.Tensor) -> tf.Tensor:
        """Return V's logits [2 batch, 1] of "one identity": first of (z1, z2), then of (z1, z3).

        V sees two z's beside each other and their difference.
        """
        first, second, third = tf.split(latents, 3)
        one, other = tf.concat((first, first), 0), tf.concat((second, third), 0)
        return self.networks["verifier"](tf.concat((one, other, one - other), 1), training=True)

    def update_others(self, made: Reconstruction) -> Losses:
        """Update V `verifier_steps` times, where it plays."""
        results: Losses = {}
        if self.recipe.has_verifier:
            for _ in range(self.recipe.verifier_steps):
                results |= self.update_verifier(self.verified(made))
        return results

    def update_verifier(self, latents: tf.Tensor) -> Losses:
        """Teach V to tell the z's of one identity from those of two."""
        with tf.GradientTape() as tape:
            same, different = tf.split(self.compare(tf.stop_gradient(latents)), 2)
            loss = 0.5 * (self.cross_entropy(same, 1.0) + self.cross_entropy(different, 0.0))
        self.minimize("verifier", tape, loss)
        return {"verifier_loss": loss}
