"""InfoGAN as a Keras model."""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import keras
import tensorflow as tf

from models.codes.joint_code import JointCode
from models.layers.frozen import Frozen
from models.layers.normalisation import ImageNormalisation
from models.layers.reading import Reading
from models.losses import info_gan as losses
from models.networks.class_networks import CLASS_VIEW
from models.trained_model import TrainedModel

Losses = dict[str, tf.Tensor]


class InfoGANModel(TrainedModel):
    """InfoGAN (Chen et al. 2016, https://arxiv.org/abs/1606.03657, equations 5 and 6).

    min over G and Q, max over D of V(D, G) - lambda L_I(G, Q), with G's non-saturating loss:

        L_DQ = -E log D(x) - E log(1 - D(G)) + lambda L_info
        L_G  = -E log D(G) + lambda L_info,        L_info = -E sum log Q(c | G)

    `info_weight` is lambda; `codes` draws c and z and computes L_info, on fakes only. The losses
    reported are the parts before weighting; `info_loss` is that of the update of D and Q.

    G does not change before its first update, so the fakes of the update of D and Q are those of
    G's first update (unless `fresh_codes`), computed once. G's batch-norm averages then see that
    pass once, where an implementation that repeats it has them see it twice; no weight differs.

    Args:
        recipe: a `models.gans.infogan.InfoGAN`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
        seed: of initial weights and draws.
        num_images: not used.
    """

    generator: keras.Model  # of this model never None
    codes: JointCode  # the same
    loss_names: ClassVar[tuple[str, ...]] = ("generator_loss", "discriminator_loss", "info_loss")

    def __init__(
        self,
        recipe: Any,
        image_shape: tuple[int, int, int],
        max_value: int,
        seed: int,
        num_images: int | None = None,
    ):
        parts = self.build_networks(recipe, image_shape, seed)
        super().__init__(
            networks=parts,
            players={name: network.trainable_variables for name, network in parts.items()},
            optimizers=self.build_optimizers(recipe),
            generator=parts["generator"],
            encoder=mean_of_codes(parts["discriminator"], recipe.codes, recipe.readings),
            codes=recipe.codes,
            losses=self.loss_names,
            max_value=max_value,
            seed=seed,
            generator_decay=recipe.generator_decay,
            name=recipe.name,
        )
        self.recipe = recipe
        self.discriminator = parts["discriminator"]
        self.generator_steps = recipe.generator_steps
        self.fresh_codes = recipe.fresh_codes

    @staticmethod
    def build_networks(
        recipe: Any, image_shape: tuple[int, int, int], seed: int
    ) -> dict[str, keras.Model]:
        """Return the network of each player."""
        return {
            "generator": recipe.generator.build(image_shape, recipe.codes.latent_dim, seed),
            "discriminator": recipe.discriminator.build(image_shape, recipe.codes.q_dim, seed),
        }

    @staticmethod
    def build_optimizers(recipe: Any) -> dict[str, keras.Optimizer]:
        """Return the optimiser of each player."""
        return {
            "generator": recipe.generator_optimizer.build(),
            "discriminator": recipe.discriminator_optimizer.build(),
        }

    def train_step(self, images: tf.Tensor) -> Losses:
        """Do one iteration: update D and Q once, then G `generator_steps` times.

        Args:
            images: uint8 [batch, height, width, channels].
        """
        real = self.unit_range(images)
        latents = self.draw_latents(real, "codes")
        tape, fakes = self.generate(latents)
        results = self.update_discriminator(real, fakes, latents)
        discriminator = Frozen(self.discriminator)
        for step in range(self.generator_steps):
            if self.fresh_codes:
                latents = self.draw_latents(real, f"generator_codes_{step}")
            if step > 0 or self.fresh_codes:
                tape, fakes = self.generate(latents)
            results |= self.update_generator(tape, fakes, latents, discriminator)
        discriminator.advance_spectral_vectors()
        return self.end_iteration(results)

    def draw_latents(self, real: tf.Tensor, stream: str) -> tf.Tensor:
        """Return this iteration's latent vectors from a stream, as many as real images."""
        latents = self.codes.sample(tf.shape(real)[0], self.stream_seed(stream))
        return tf.cast(latents, self.variable_dtype)

    def generate(self, *latents: tf.Tensor) -> tuple[tf.GradientTape, *tuple[tf.Tensor, ...]]:
        """Return a tape and G's images for each batch of latents, recorded on the tape.

        Each batch is a pass of its own: batch norm uses the statistics of that batch.
        """
        with tf.GradientTape() as tape:
            images = [self.generator(batch, training=True) for batch in latents]
        return tape, *images

    def update_discriminator(self, real: tf.Tensor, fakes: tf.Tensor, latents: tf.Tensor) -> Losses:
        """Teach D to tell real from fake, and Q to read the codes off the fakes."""
        with tf.GradientTape() as tape:
            real_logits, fake_logits, q_outputs = self.discriminate(real, fakes)
            adversarial = losses.discriminator_loss(real_logits, fake_logits)
            info, weighted = self.information(latents, q_outputs)
            loss = adversarial + weighted
        self.minimize("discriminator", tape, loss)
        return {"discriminator_loss": adversarial, "info_loss": info}

    def update_generator(
        self, tape: tf.GradientTape, fakes: tf.Tensor, latents: tf.Tensor, discriminator: Frozen
    ) -> Losses:
        """Teach G to pass for real and to show its codes; `tape` holds G's pass."""
        with tape:
            adversarial, info = self.judge(fakes, latents, discriminator)
            loss = adversarial + info
        self.minimize("generator", tape, loss)
        return {"generator_loss": adversarial}

    def discriminate(
        self, real: tf.Tensor, fakes: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return D's logits of real and fake images and Q's outputs for the fakes.

        Batch norm needs a pass each; without it one pass over both is the same and faster.
        """
        discriminator = functools.partial(self.discriminator, training=True)
        if self.recipe.discriminator.norm == "batch":
            real_logits, _ = discriminator(real)
            fake_logits, q_outputs = discriminator(fakes)
        else:
            logits, q_outputs = discriminator(tf.concat([real, fakes], 0))
            batch = tf.shape(real)[0]
            real_logits, fake_logits, q_outputs = logits[:batch], logits[batch:], q_outputs[batch:]
        return real_logits, fake_logits, self.read_codes(fakes, q_outputs, discriminator)

    def read_codes(
        self, fakes: tf.Tensor, q_outputs: tf.Tensor, discriminator: Callable[..., Any]
    ) -> tf.Tensor:
        """Return Q's outputs, those of the recipe's readings off what these show."""
        for number, reading in enumerate(self.recipe.readings):
            shown = reading.show(fakes, self.stream_seed(f"reading_{number}"))
            _, of_shown = discriminator(shown)
            q_outputs = tf.where(self.codes.outputs_of(reading.codes), of_shown, q_outputs)
        return q_outputs

    def judge(
        self, fakes: tf.Tensor, latents: tf.Tensor, discriminator: Frozen
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return G's adversarial loss and the weighted information loss of the frozen D and Q."""
        logits, q_outputs = discriminator(fakes)
        q_outputs = self.read_codes(fakes, q_outputs, discriminator)
        _, weighted = self.information(latents, q_outputs)
        return losses.generator_loss(logits), weighted

    def information(self, latents: tf.Tensor, q_outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the information loss, and lambda times it in this iteration, scalars."""
        total = weighted = tf.zeros((), self.variable_dtype)
        for weight, parts in self.recipe.info_weights.items():
            info = self.codes.negative_log_likelihood(latents, q_outputs, parts)
            total += info
            weighted += weight.tensor_at(self.iteration, self.variable_dtype) * info
        return total, weighted


def mean_of_codes(
    discriminator: keras.Model, codes: JointCode, readings: tuple[Reading, ...] = ()
) -> keras.Model:
    """Return the encoder inside a discriminator: images to Q's mean [batch, code_dim].

    It shares the discriminator's layers and so is trained with it. For each view that readings have
    it calls the whole discriminator once more; random changes are left out.
    """
    views: dict[ImageNormalisation, list[str]] = {}
    for one in readings:
        if one.view is not None:
            views.setdefault(one.view, []).extend(one.codes)
    if not views:
        mean = codes.posterior_mean(discriminator.outputs[1])
        return keras.Model(discriminator.inputs[0], mean, name="encoder")
    images = keras.Input(discriminator.input_shape[1:], name="images")
    _, outputs = discriminator(images)
    for number, (view, names) in enumerate(views.items()):
        layer = CLASS_VIEW if "categorical_1" in names else f"view_{number}"
        _, of_view = discriminator(keras.layers.Identity(name=layer)(view.apply(images)))
        is_read = keras.ops.convert_to_tensor(codes.outputs_of(names))
        outputs = keras.ops.where(is_read, of_view, outputs)
    return keras.Model(images, codes.posterior_mean(outputs), name="encoder")
