"""InfoGAN-CR as a Keras model."""

from typing import Any, ClassVar

import keras
import tensorflow as tf

from models.contrastive_player import ContrastivePlayer
from models.gans.infogan_model import InfoGANModel, Losses
from models.layers.frozen import Frozen


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

    loss_names: ClassVar[tuple[str, ...]] = (
        *InfoGANModel.loss_names,
        *ContrastivePlayer.loss_names,
    )

    def __init__(
        self,
        recipe: Any,
        image_shape: tuple[int, int, int],
        max_value: int,
        seed: int,
        num_images: int | None = None,
    ):
        super().__init__(recipe, image_shape, max_value, seed, num_images)
        self.contrastive = ContrastivePlayer(self, recipe)

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
        return self.contrastive.metrics

    def begin_segment(self, iteration: int) -> None:
        """Choose the phase that `iteration` belongs to and, at a milestone, start H afresh."""
        super().begin_segment(iteration)
        self.contrastive.begin_segment(iteration)

    def train_step(self, images: tf.Tensor) -> Losses:
        """Do one iteration: update H once, D and Q once, then G `generator_steps` times.

        Args:
            images: uint8 [batch, height, width, channels].
        """
        if not self.contrastive.is_playing:
            return super().train_step(images)
        real = self.unit_range(images)
        latents = self.draw_latents(real, "codes")
        first, second, index = self.contrastive.draw_pairs(real)
        tape, fakes, *pair = self.generate(latents, first, second)
        results = self.contrastive.update(pair, index)
        results |= self.update_discriminator(real, fakes, latents)
        judges = Frozen(self.discriminator), Frozen(self.contrastive.network)
        for step in range(self.generator_steps):
            if step > 0:
                tape, fakes, *pair = self.generate(latents, first, second)
            results |= self.update_regularised_generator(tape, fakes, latents, pair, index, judges)
        for judge in judges:
            judge.advance_spectral_vectors()
        return self.end_iteration(results)

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
            loss = adversarial + info + self.contrastive.regularise(pair, index, compare)
        self.minimize("generator", tape, loss)
        return {"generator_loss": adversarial}
