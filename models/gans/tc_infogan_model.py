"""TC-InfoGAN as a Keras model."""

from typing import Any, ClassVar

import keras
import tensorflow as tf

from models.gans.infogan_model import InfoGANModel, Losses
from models.layers.frozen import Frozen
from models.losses.variational import density_ratio, density_ratio_loss, permute_latents


class TCInfoGANModel(InfoGANModel):
    """InfoGAN with the total correlation of Q's codes as a regulariser.

    T tells Q's codes of fakes, the means q (class 0), from the same codes permuted within the
    batch, each in an order of its own, samples of the product of their distributions (class 1).
    Its logits estimate the total correlation, which G and Q lower:

        L_T  = -0.5 (E log p_0(q) + E log p_1(permuted q))
        L_DQ = L_adv + lambda L_info + gamma E[T_0(q) - T_1(q)]
        L_G  = -E log D(G) + lambda L_info + gamma E[T_0(q) - T_1(q)]

    `tc_weight` is gamma. T learns once an iteration, from Q as it is after its own update. Unlike
    FactorVAE's, both classes come from one batch, which leaves the expectation of L_T what it is.
    A code of several columns, the probabilities of its classes, is permuted as one. The total
    correlation reported is what T sees before its update.

    Args:
        recipe: a `models.gans.tc_infogan.TCInfoGAN`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
        seed: of initial weights and draws.
        num_images: not used.
    """

    loss_names: ClassVar[tuple[str, ...]] = (
        *InfoGANModel.loss_names,
        "total_correlation",
        "tc_discriminator_loss",
    )

    @staticmethod
    def build_networks(
        recipe: Any, image_shape: tuple[int, int, int], seed: int
    ) -> dict[str, keras.Model]:
        """Return the network of each player."""
        inputs, heads = recipe.codes.code_dim, {"logits": 2}
        return {
            **InfoGANModel.build_networks(recipe, image_shape, seed),
            "tc_discriminator": recipe.tc_discriminator.build(
                inputs, heads, seed, "tc_discriminator"
            ),
        }

    @staticmethod
    def build_optimizers(recipe: Any) -> dict[str, keras.Optimizer]:
        """Return the optimiser of each player."""
        return {
            **InfoGANModel.build_optimizers(recipe),
            "tc_discriminator": recipe.tc_optimizer.build(),
        }

    def update_discriminator(self, real: tf.Tensor, fakes: tf.Tensor, latents: tf.Tensor) -> Losses:
        """Teach D and Q, then T what Q's codes of the fakes are like."""
        results = super().update_discriminator(real, fakes, latents)
        _, q_outputs = Frozen(self.discriminator)(fakes)
        return results | self.update_tc_discriminator(self.codes.posterior_mean(q_outputs))

    def update_tc_discriminator(self, codes: tf.Tensor) -> Losses:
        """Teach T to tell codes [batch, code_dim] from codes that do not depend on each other."""
        seed = self.stream_seed("permutation")
        permuted = permute_latents(codes, seed, self.codes.code_of_column)
        network = self.networks["tc_discriminator"]
        with tf.GradientTape() as tape:
            logits = network(tf.stop_gradient(codes), training=True)
            permuted_logits = network(tf.stop_gradient(permuted), training=True)
            loss = density_ratio_loss(logits, permuted_logits)
        self.minimize("tc_discriminator", tape, loss)
        return {"total_correlation": density_ratio(logits), "tc_discriminator_loss": loss}

    def information(self, latents: tf.Tensor, q_outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the information loss, and what G and Q lower: it and the total correlation.

        Both are weighted in the second.
        """
        info, weighted = super().information(latents, q_outputs)
        codes = self.codes.posterior_mean(q_outputs)
        gamma = self.recipe.tc_weight.tensor_at(self.iteration, self.variable_dtype)
        logits = self.networks["tc_discriminator"](codes, training=True)
        return info, weighted + gamma * density_ratio(logits)
