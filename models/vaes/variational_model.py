"""The Keras model of every variational autoencoder."""

from typing import Any

import keras
import tensorflow as tf

from models import checks, draws
from models.contrastive_player import ContrastivePlayer
from models.layers.frozen import Frozen
from models.layers.plain import plain_copy
from models.losses.variational import bernoulli_reconstruction, kl_of_latents
from models.networks.layer_maker import full_precision
from models.trained_model import TrainedModel
from models.vaes.encoded import Encoded


class VariationalModel(TrainedModel):
    """An autoencoder whose encoder gives a Gaussian posterior; the recipe adds its regulariser.

    Pixels are Bernoulli; images in [0, 1] stand for probabilities. The generator is the decoder
    with its sigmoid, the encoder gives the posterior's mean, `exports` adds `posterior`: images
    to mean and log variance side by side [batch, 2 * latents].

    Where the recipe has an adversary, a training batch is split: its first half trains encoder and
    decoder, then the adversary learns from its latents and from those of the second half, encoded
    after that update.

    Where the recipe has a contrastive regulariser, a network H also sees pairs of decoded latents
    of the prior that agree in exactly one place, and says in which, and the decoder helps it:

        L_H = CE(H(x', x''), i),    L = the recipe's objective + alpha CE(H(x', x''), i)

    Args:
        recipe: a method of `models.vaes`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
        seed: of initial weights and draws.
        num_images: of the training set; needed by estimates of the aggregate posterior.
    """

    def __init__(
        self,
        recipe: Any,
        image_shape: tuple[int, int, int],
        max_value: int,
        seed: int,
        num_images: int | None = None,
    ):
        latent_dim = recipe.codes.latent_dim
        images = keras.Input(image_shape, name="images")
        posterior = recipe.encoder.build(images, recipe.posterior_heads, seed, "posterior")
        decoder = recipe.decoder.build(image_shape, latent_dim, seed)
        networks = {"posterior": posterior, "decoder": decoder}
        players = {"autoencoder": [*posterior.trainable_variables, *decoder.trainable_variables]}
        optimizers = {"autoencoder": recipe.optimizer.build()}
        losses = ("reconstruction_loss", *recipe.regulariser_names)
        adversary = recipe.build_adversary(seed)
        if adversary is not None:
            networks["discriminator"], optimizers["discriminator"] = adversary
            players["discriminator"] = networks["discriminator"].trainable_variables
            losses = (*losses, "discriminator_loss")
        if recipe.contrast is not None:
            player, num_codes = ContrastivePlayer.PLAYER, recipe.codes.num_codes
            networks[player] = recipe.contrast.contrastive.build(image_shape, num_codes, seed)
            optimizers[player] = recipe.contrast.cr_optimizer.build()
            players[player] = networks[player].trainable_variables
            losses = (*losses, *ContrastivePlayer.loss_names)
        super().__init__(
            networks=networks,
            players=players,
            optimizers=optimizers,
            generator=decoder,
            encoder=keras.Model(posterior.inputs[0], posterior.outputs[0], name="encoder"),
            codes=recipe.codes,
            losses=losses,
            max_value=max_value,
            seed=seed,
            name=recipe.name,
        )
        self.recipe = recipe
        self.num_images = num_images
        self.posterior = posterior
        self.adversary = networks.get("discriminator")
        self.decoder = decoder
        self.decoder_logits = without_activation(decoder)
        self.contrastive = (
            None if recipe.contrast is None else ContrastivePlayer(self, recipe.contrast)
        )

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The losses' running means, without H's while it does not play."""
        return super().metrics if self.contrastive is None else self.contrastive.metrics

    def begin_segment(self, iteration: int) -> None:
        """Start H afresh where the contrastive regulariser asks for it."""
        super().begin_segment(iteration)
        if self.contrastive is not None:
            self.contrastive.begin_segment(iteration)

    def exports(self) -> dict[str, keras.Model]:
        """Return copies of generator, encoder and posterior, its outputs side by side."""
        copy = plain_copy(self.posterior)
        together = keras.layers.Concatenate(name="posterior_outputs", dtype=full_precision())
        posterior = keras.Model(copy.inputs[0], together(copy.outputs), name="posterior")
        return {**super().exports(), self.recipe.posterior_network: posterior}

    def train_step(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Do one iteration: update encoder and decoder, then the adversary if there is one.

        Args:
            images: uint8 [batch, height, width, channels].
        """
        images = self.unit_range(images)
        if self.adversary is None:
            results, _ = self.update_autoencoder(images)
        else:
            first, second = self.split(images)
            results, latents = self.update_autoencoder(first)
            others = self.draw(self.posterior(second, training=True), "second_posterior")
            results |= self.update_adversary(latents, others)
        return self.end_iteration(results)

    def split(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the two halves of a batch.

        Raises:
            ValueError: the batch, where its size is known, is odd.
        """
        if images.shape[0] is not None and images.shape[0] % 2:
            checks.fail("batch", images.shape[0], "an even number of images, two halves")
        return tf.split(images, 2)

    def update_autoencoder(self, images: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Move encoder and decoder down the objective; return losses and the latents drawn."""
        if self.contrastive is not None and self.contrastive.is_playing:
            return self.update_contrastive_autoencoder(images, self.contrastive)
        with tf.GradientTape() as tape:
            loss, results, latents = self.objective(images)
        self.minimize("autoencoder", tape, loss)
        return results, latents

    def update_contrastive_autoencoder(
        self, images: tf.Tensor, player: ContrastivePlayer
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Teach H, then move encoder and decoder down the objective and the decoder to help H."""
        first, second, index = player.draw_pairs(images)
        with tf.GradientTape() as tape:
            pair = [self.decoder(latents, training=True) for latents in (first, second)]
        taught = player.update(pair, index)
        compare = Frozen(player.network)
        with tape:
            loss, results, latents = self.objective(images)
            loss += player.regularise(pair, index, compare)
        self.minimize("autoencoder", tape, loss)
        compare.advance_spectral_vectors()
        return results | taught, latents

    def objective(self, images: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor], tf.Tensor]:
        """Return the recipe's objective, its parts to report, and the latents drawn."""
        posterior = self.posterior(images, training=True)
        latents = self.draw(posterior, "posterior")
        logits = self.decoder_logits(latents, training=True)
        reconstruction = bernoulli_reconstruction(images, logits)
        regulariser, parts = self.regularise(posterior, latents)
        results = {"reconstruction_loss": reconstruction, **parts}
        return reconstruction + regulariser, results, latents

    def update_adversary(self, latents: tf.Tensor, others: tf.Tensor) -> dict[str, tf.Tensor]:
        """Move the adversary down its loss.

        Args:
            latents: [batch, latents], of the images that trained encoder and decoder.
            others: the same of other images.
        """
        seed = self.stream_seed("permutation")
        with tf.GradientTape() as tape:
            loss = self.recipe.adversary_loss(self.adversary, latents, others, seed)
        self.minimize("discriminator", tape, loss)
        return {"discriminator_loss": loss}

    def regularise(
        self, posterior: tuple[tf.Tensor, ...], latents: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Return the recipe's regulariser in this iteration, and its parts by name."""
        batch = Encoded(posterior, latents, self.iteration.value, self.num_images, self.adversary)
        return self.recipe.regularise(batch)

    def draw(self, posterior: tuple[tf.Tensor, ...], stream: str) -> tf.Tensor:
        """Return latents [batch, latents] drawn from a posterior, from a stream."""
        return self.recipe.draw(posterior, self.normal(tf.shape(posterior[0]), stream))

    def normal(self, shape: tf.Tensor, stream: str) -> tf.Tensor:
        """Return standard normal draws of this iteration from a stream."""
        return draws.normal(shape, self.stream_seed(stream))

    def kl_of_codes(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return KL(q(z_d | x) || N(0, 1)) of each code, [batch, latents].

        Args:
            images: float in [0, 1], [batch, height, width, channels].
            training: of the posterior network.
        """
        posterior = self.posterior(images, training=training)
        return kl_of_latents(*self.recipe.marginals(posterior))


def without_activation(generator: keras.Model) -> keras.Model:
    """Return G without the sigmoid that it ends in; it shares G's layers."""
    logits = keras.ops.cast(generator.layers[-1].input, full_precision())
    return keras.Model(generator.inputs[0], logits, name="generator_logits")
