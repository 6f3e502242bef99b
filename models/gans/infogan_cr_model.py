"""InfoGAN-CR as a Keras model."""

from typing import Any, ClassVar

import keras
import tensorflow as tf

from models.gans.infogan_model import InfoGANModel, Losses
from models.layers.frozen import Frozen
from models.losses import info_gan as losses
from models.networks.layer_maker import derive_seed


class InfoGANCRModel(InfoGANModel):
    """InfoGAN-CR (Lin et al. 2020, https://arxiv.org/abs/1906.06034, equations 4 and 5).

    min over G, Q and H, max over D of L_adv(G, D) - lambda I(G, Q) - alpha L_c(G, H). H sees two
    images that share exactly one code and says which; G helps it:

        L_H = CE(H(x', x''), i)
        L_G = -E log D(G) + lambda L_info + alpha CE(H(x', x''), i)

    `cr_weight` is alpha, `gap` the least distance between the codes that a pair does not share.
    H's updates change no other network, so while alpha is 0 there are none and the iteration is
    InfoGAN's, to the bit. When alpha leaves 0, and whenever the gap changes after that, H and its
    optimiser start afresh. `cr_loss` and `cr_accuracy` are those of H's update.

    Args:
        recipe: a `models.gans.infogan_cr.InfoGANCR`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
        seed: of initial weights and draws.
        num_images: not used.
    """

    loss_names: ClassVar[tuple[str, ...]] = (*InfoGANModel.loss_names, "cr_loss", "cr_accuracy")

    def __init__(
        self,
        recipe: Any,
        image_shape: tuple[int, int, int],
        max_value: int,
        seed: int,
        num_images: int | None = None,
    ):
        super().__init__(recipe, image_shape, max_value, seed, num_images)
        self.contrastive = self.networks["contrastive"]
        self.is_regularised = recipe.is_regularised_at(0)

    @staticmethod
    def build_networks(
        recipe: Any, image_shape: tuple[int, int, int], seed: int
    ) -> dict[str, keras.Model]:
        """Return the network of each player."""
        return {
            **InfoGANModel.build_networks(recipe, image_shape, seed),
            "contrastive": recipe.contrastive.build(image_shape, recipe.codes.num_codes, seed),
        }

    @staticmethod
    def build_optimizers(recipe: Any) -> dict[str, keras.Optimizer]:
        """Return the optimiser of each player."""
        return {
            **InfoGANModel.build_optimizers(recipe),
            "contrastive": recipe.cr_optimizer.build(),
        }

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The losses' running means, without H's while it does not play."""
        names = self.loss_names if self.is_regularised else InfoGANModel.loss_names
        return [self.trackers[name] for name in names]

    def begin_segment(self, iteration: int) -> None:
        """Choose the phase that `iteration` belongs to and, at a milestone, start H afresh."""
        super().begin_segment(iteration)
        if self.is_regularised != self.recipe.is_regularised_at(iteration):
            self.is_regularised = not self.is_regularised
            self.train_function = None  # Keras traces the other iteration
        if self.is_regularised and iteration in self.recipe.milestones:
            self.restart_contrastive(iteration)

    def restart_contrastive(self, iteration: int) -> None:
        """Give H initial weights, a function of (seed, iteration), and clear its optimiser."""
        seed = derive_seed(self.seed, "restart", iteration)
        image_shape = self.generator.output_shape[1:]
        fresh = self.recipe.contrastive.build(image_shape, self.codes.num_codes, seed)
        self.contrastive.set_weights(fresh.get_weights())
        optimizer = self.player_optimizers["contrastive"]
        for variable in optimizer.variables:
            if variable is not optimizer.learning_rate:
                variable.assign(keras.ops.zeros_like(variable))

    def train_step(self, images: tf.Tensor) -> Losses:
        """Do one iteration: update H once, D and Q once, then G `generator_steps` times.

        Args:
            images: uint8 [batch, height, width, channels].
        """
        if not self.is_regularised:
            return super().train_step(images)
        real = self.unit_range(images)
        latents = self.draw_latents(real, "codes")
        first, second, index = self.draw_pairs(real)
        tape, fakes, *pair = self.generate(latents, first, second)
        results = self.update_contrastive(pair, index)
        results |= self.update_discriminator(real, fakes, latents)
        judges = Frozen(self.discriminator), Frozen(self.contrastive)
        for step in range(self.generator_steps):
            if step > 0:
                tape, fakes, *pair = self.generate(latents, first, second)
            results |= self.update_regularised_generator(tape, fakes, latents, pair, index, judges)
        for judge in judges:
            judge.advance_spectral_vectors()
        return self.end_iteration(results)

    def draw_pairs(self, real: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return this iteration's pairs of latent vectors and the code that each shares."""
        gap = self.recipe.gap.tensor_at(self.iteration)
        first, second, index = self.codes.pair(tf.shape(real)[0], gap, self.stream_seed("pairs"))
        return tf.cast(first, self.variable_dtype), tf.cast(second, self.variable_dtype), index

    def update_contrastive(self, pair: list[tf.Tensor], index: tf.Tensor) -> Losses:
        """Teach H to name the code that a pair shares."""
        with tf.GradientTape() as tape:
            logits = self.contrastive(tf.concat(pair, axis=-1), training=True)
            loss = losses.contrastive_loss(logits, index)
        self.minimize("contrastive", tape, loss)
        return {"cr_loss": loss, "cr_accuracy": losses.contrastive_accuracy(logits, index)}

    def update_regularised_generator(
        self,
        tape: tf.GradientTape,
        fakes: tf.Tensor,
        latents: tf.Tensor,
        pair: list[tf.Tensor],
        index: tf.Tensor,
        judges: tuple[Frozen, Frozen],
    ) -> Losses:
        """Teach G to pass for real, to show its codes and to help H; `tape` holds G's passes.

        `judges` are the frozen D (with Q) and H.
        """
        discriminator, compare = judges
        with tape:
            adversarial, info = self.judge(fakes, latents, discriminator)
            logits = compare(tf.concat(pair, axis=-1))
            contrastive = losses.contrastive_loss(logits, index)
            alpha = self.recipe.cr_weight.tensor_at(self.iteration, self.variable_dtype)
            loss = adversarial + info + alpha * contrastive
        self.minimize("generator", tape, loss)
        return {"generator_loss": adversarial}
