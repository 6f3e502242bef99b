"""IB-GAN as a Keras model."""

from typing import Any

import keras
import tensorflow as tf

from models import draws
from models.losses import info_gan as losses
from models.losses.variational import kl_to_prior
from models.trained_model import TrainedModel

Losses = dict[str, tf.Tensor]


class IBGANModel(TrainedModel):
    """IB-GAN (Jeon et al. 2021, https://doi.org/10.1609/aaai.v35i9.16967).

    A stochastic layer e(r | z) between the source z ~ N(0, I) and G is a bottleneck: what x = G(r)
    tells about z has to pass through r. q, the reconstructor, reads z off the image:

        L_GEQ = -gamma E log D(x) - alpha E log q(z | x) + beta KL(e(r | z) || N(0, I))
        L_D   = -E log D(real) - E log(1 - D(x))

    D sees images with Gaussian instance noise whose standard deviation falls evenly to 0. q has a
    standard deviation of 1. The codes are r: the generator is G, the encoder the mean of e for
    the z that q finds in an image. The losses reported are the parts before weighting.

    Args:
        recipe: a `models.gans.ib_gan.IBGAN`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
        seed: of initial weights and draws.
        num_images: unused; methods are built alike.
    """

    generator: keras.Model  # of this model never None
    loss_names = ("generator_loss", "discriminator_loss", "info_loss", "kl")

    def __init__(
        self,
        recipe: Any,
        image_shape: tuple[int, int, int],
        max_value: int,
        seed: int,
        num_images: int | None = None,
    ):
        parts = self.build_networks(recipe, image_shape, seed)
        makers = ("generator", "representation", "reconstructor")
        source = parts["reconstructor"].outputs[0]
        mean, _ = parts["representation"](source)
        super().__init__(
            networks=parts,
            players={
                "generator": [one for name in makers for one in parts[name].trainable_variables],
                "discriminator": parts["discriminator"].trainable_variables,
            },
            optimizers={
                "generator": recipe.generator_optimizer.build(),
                "discriminator": recipe.discriminator_optimizer.build(),
            },
            generator=parts["generator"],
            encoder=keras.Model(parts["reconstructor"].inputs[0], mean, name="encoder"),
            codes=recipe.codes,
            losses=self.loss_names,
            max_value=max_value,
            seed=seed,
            name=recipe.name,
        )
        self.recipe = recipe
        self.representation = parts["representation"]
        self.reconstructor = parts["reconstructor"]
        self.discriminator = parts["discriminator"]

    @staticmethod
    def build_networks(
        recipe: Any, image_shape: tuple[int, int, int], seed: int
    ) -> dict[str, keras.Model]:
        """Return G, e, q and D."""
        latent_dim, source_dim = recipe.codes.latent_dim, recipe.source_dim
        heads = {"mean": latent_dim, "log_variance": latent_dim}
        networks = {
            "generator": recipe.generator.build(image_shape, latent_dim, seed),
            "representation": recipe.representation.build(
                source_dim, heads, seed, "representation"
            ),
        }
        for name, head in (
            ("reconstructor", {"source": source_dim}),
            ("discriminator", {"real_logit": 1}),
        ):
            images = keras.Input(image_shape, name="images")
            networks[name] = getattr(recipe, name).build(images, head, seed, name)
        return networks

    def train_step(self, images: tf.Tensor) -> Losses:
        """Do one iteration: update D once, then G, e and q together once.

        Args:
            images: uint8 [batch, height, width, channels].
        """
        real = self.unit_range(images)
        source = self.normal((tf.shape(real)[0], self.recipe.source_dim), "source")
        tape, fakes, kl = self.generate(source)
        results = self.update_discriminator(real, fakes)
        results |= self.update_generator(tape, fakes, kl, source)
        return self.end_iteration(results)

    def generate(self, source: tf.Tensor) -> tuple[tf.GradientTape, tf.Tensor, tf.Tensor]:
        """Return a tape, G's images and the bottleneck's KL, recorded on the tape."""
        with tf.GradientTape() as tape:
            mean, log_variance = self.representation(source, training=True)
            noise = self.normal(tf.shape(mean), "representation")
            fakes = self.generator(mean + tf.exp(0.5 * log_variance) * noise, training=True)
            kl = kl_to_prior(mean, log_variance)
        return tape, fakes, kl

    def update_discriminator(self, real: tf.Tensor, fakes: tf.Tensor) -> Losses:
        """Teach D to tell real from fake."""
        with tf.GradientTape() as tape:
            real_logits = self.discriminator(self.blur(real, "real_noise"), training=True)
            fake_logits = self.discriminator(self.blur(fakes, "fake_noise"), training=True)
            loss = losses.discriminator_loss(real_logits, fake_logits)
        self.minimize("discriminator", tape, loss)
        return {"discriminator_loss": loss}

    def update_generator(
        self, tape: tf.GradientTape, fakes: tf.Tensor, kl: tf.Tensor, source: tf.Tensor
    ) -> Losses:
        """Teach G, e and q to pass for real and to show z through the narrow r."""
        recipe = self.recipe
        with tape:
            logits = self.discriminator(self.blur(fakes, "judged_noise"), training=True)
            mean = self.reconstructor(fakes, training=True)
            adversarial = losses.generator_loss(logits)
            info = tf.reduce_mean(losses.gaussian_negative_log_likelihood(source, mean))
            loss = recipe.gamma * adversarial + recipe.alpha * info + recipe.beta * kl
        self.minimize("generator", tape, loss)
        return {"generator_loss": adversarial, "info_loss": info, "kl": kl}

    def blur(self, images: tf.Tensor, stream: str) -> tf.Tensor:
        """Return images with this iteration's instance noise."""
        return images + self.noise_std() * self.normal(tf.shape(images), stream)

    def noise_std(self) -> tf.Tensor:
        """Return the standard deviation of the instance noise, a scalar tensor."""
        progress = tf.cast(self.iteration.value, tf.float32) / self.recipe.noise_iterations
        return self.recipe.noise_std * tf.maximum(1.0 - progress, 0.0)

    def normal(self, shape: tuple | tf.Tensor, stream: str) -> tf.Tensor:
        """Return standard normal draws of this iteration from a stream."""
        return draws.normal(shape, self.stream_seed(stream))
