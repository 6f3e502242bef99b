"""The conditional VAE with adversarial training as a Keras model, as its paper has it."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from models import draws
from models.layers.plain import plain_copy
from models.losses.variational import kl_to_prior
from models.networks.layer_maker import full_precision
from models.trained_model import TrainedModel

LEAST_LOG_VARIANCE = -20.0  # of s, where a variance is asked for: 2e-9
Losses = dict[str, tf.Tensor]


class Reconstruction(NamedTuple):
    """What encoder and decoder made of one batch of triplets.

    Attributes:
        tape: holds the passes that made the rest.
        losses: by name, unweighted.
        loss: the weighted sum that encoder and decoder go down without D, a scalar.
        fakes: the images that D judges, made from s and z that do not belong together, by name.
        specified: s of x1, x2 and x3, [batch, specified] each.
        mean: of q(z | x) of all three, [3 batch, unspecified].
        unspecified: draws of it.
        prior: draws of the prior of z, [batch, unspecified].
    """

    tape: tf.GradientTape
    losses: Losses
    loss: tf.Tensor
    fakes: dict[str, tf.Tensor]
    specified: list[tf.Tensor]
    mean: tf.Tensor
    unspecified: tf.Tensor
    prior: tf.Tensor


class ConditionalVAEGANModel(TrainedModel):
    """Disentangling with adversarial training (Mathieu et al. 2016, arXiv 1611.03383, section 3).

    The encoder gives s = f(x) and q(z | x); Dec(z, s) makes an image. Of each triplet, x1 and x2
    show one identity and x3 another:

        L_G = w_rec E|Dec(z_i, s_i) - x_i|^2                    i = 1, 2
            + w_swap E|Dec(z_1, s_2) - x_1|^2 + |Dec(z_2, s_1) - x_2|^2
            + w_adv BCE(D(Dec(z_3, s_2) | id_2), real) + w_kl KL(q(z | x) || N(0, I)) / values
        L_D = BCE(D(x_2 | id_2), D(x_3 | id_3); real)
            + BCE(D(Dec(z_3, s_2) | id_2), D(Dec(z_2, s_3) | id_3); fake)

    E is the mean over images and their values; each line of L_D is one mean. What stands for an
    identity beside D's image is its number, or another image of it: then D's real pairs are
    (x_1, x_2) and (x_2, x_1), its fake ones (x_1, Dec(z_3, s_2)) and (x_3, Dec(z_2, s_3)). The
    fakes are those made before the update of encoder and decoder.

    The three images pass the encoder together, and so do all latent vectors the decoder: batch
    norm, where there is one, takes its statistics over all of them.

    Args:
        recipe: a `models.gans.cvae_gan.ConditionalVAEGAN`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
        seed: of initial weights and draws.
        num_images: unused; methods are built alike.
    """

    generator: keras.Model  # of this model never None

    def __init__(
        self,
        recipe: Any,
        image_shape: tuple[int, int, int],
        max_value: int,
        seed: int,
        num_images: int | None = None,
    ):
        parts = self.build_networks(recipe, image_shape, seed)
        encoder, makers = parts["encoder"], ("encoder", "generator")
        specified, mean, _ = encoder.outputs
        together = keras.layers.Concatenate(name="encoder_codes", dtype=full_precision())
        adversarial = ("generator_loss", "discriminator_loss") if recipe.has_adversary else ()
        super().__init__(
            networks=parts,
            players={
                "generator": [one for name in makers for one in parts[name].trainable_variables],
                **{
                    name: network.trainable_variables
                    for name, network in parts.items()
                    if name not in makers
                },
            },
            optimizers=self.build_optimizers(recipe),
            generator=parts["generator"],
            encoder=keras.Model(
                encoder.inputs[0], together([specified, mean]), name="encoder_means"
            ),
            codes=recipe.codes,
            losses=(*self.reconstruction_names(recipe), *adversarial),
            max_value=max_value,
            seed=seed,
            name=recipe.name,
        )
        self.recipe = recipe
        self.posterior = encoder
        self.discriminator = parts["discriminator"]
        self.num_values = image_shape[0] * image_shape[1] * image_shape[2]

    @staticmethod
    def build_networks(
        recipe: Any, image_shape: tuple[int, int, int], seed: int
    ) -> dict[str, keras.Model]:
        """Return encoder, decoder and D."""
        specified, unspecified = recipe.specified_dim, recipe.unspecified_dim
        heads = {"specified": specified, "mean": unspecified, "log_variance": unspecified}
        num_identities = recipe.num_identities if recipe.needs_identities else None
        family = recipe.networks
        return {
            "encoder": family.build_encoder(image_shape, heads, seed),
            "generator": family.build_decoder(image_shape, specified, unspecified, seed),
            "discriminator": family.build_discriminator(image_shape, num_identities, seed),
        }

    @staticmethod
    def build_optimizers(recipe: Any) -> dict[str, keras.Optimizer]:
        """Return the optimiser of each player."""
        return {
            "generator": recipe.generator_optimizer.build(),
            "discriminator": recipe.discriminator_optimizer.build(),
        }

    @staticmethod
    def reconstruction_names(recipe: Any) -> tuple[str, ...]:
        """Return the names of all losses but those of the game with D."""
        return ("reconstruction_loss", "swap_loss", "kl")

    def exports(self) -> dict[str, keras.Model]:
        """Return copies of generator and encoder, and of the posterior.

        The posterior gives means, then log variances, [batch, 2 * code_dim]: of s, which is no
        random variable, as of one of next to no variance.
        """
        copy = plain_copy(self.posterior)
        specified, mean, log_variance = copy.outputs
        fixed = keras.ops.full_like(specified, LEAST_LOG_VARIANCE)
        together = keras.layers.Concatenate(name="posterior_outputs", dtype=full_precision())
        outputs = together([specified, mean, fixed, log_variance])
        posterior = keras.Model(copy.inputs[0], outputs, name="posterior")
        return {**super().exports(), "posterior": posterior}

    def train_step(self, batch: tf.Tensor | tuple[tf.Tensor, tf.Tensor]) -> Losses:
        """Do one iteration: encoder and decoder once, then D `discriminator_steps` times.

        Args:
            batch: triplets, uint8 [batch, 3, height, width, channels]; where D is told identities,
                a pair of these and the identities' numbers, int [batch, 3].
        """
        images, identities, _ = keras.utils.unpack_x_y_sample_weight(batch)
        images = tf.unstack(self.unit_range(images), axis=1)
        conditions = images if identities is None else tf.unstack(identities, axis=1)
        made = self.reconstruct(images)
        results = dict(made.losses)
        if self.recipe.has_adversary:
            results |= self.update_generator(made, conditions)
            for step in range(self.recipe.discriminator_steps):
                results |= self.update_discriminator(images, made.fakes, conditions, step)
        else:
            self.minimize("generator", made.tape, made.loss)
        results |= self.update_others(made)
        return self.end_iteration(results)

    def update_others(self, made: Reconstruction) -> Losses:
        """Update further players and return their losses: the paper has none."""
        return {}

    def reconstruct(self, images: list[tf.Tensor]) -> Reconstruction:
        """Encode the triplets, make their images again, and swap their codes.

        Args:
            images: x1, x2 and x3, each [batch, height, width, channels].
        """
        recipe = self.recipe
        batch = tf.shape(images[0])[0]
        prior = self.normal((batch, recipe.unspecified_dim), "prior")
        with tf.GradientTape() as tape:
            stacked = tf.concat(images, 0)
            specified, mean, log_variance = self.posterior(stacked, training=True)
            noise = self.normal(tf.shape(mean), "posterior")
            unspecified = mean + tf.exp(0.5 * log_variance) * noise
            s, z = tf.split(specified, 3), tf.split(unspecified, 3)
            pairs = {"own_1": (s[0], z[0]), "own_2": (s[1], z[1])}
            pairs |= {"swap_1": (s[1], z[0]), "swap_2": (s[0], z[1])}
            if recipe.has_adversary:
                pairs["swapped"] = (s[1], z[2])
            if recipe.prior_weight > 0:
                pairs["prior"] = (s[1], prior)
            latents = [tf.concat(pair, 1) for pair in pairs.values()]
            made = self.generator(tf.concat(latents, 0), training=True)
            own_images, swapped_images, *fakes = tf.split(
                made, [2 * batch, 2 * batch, *[batch] * (len(pairs) - 4)]
            )
            pair = stacked[: 2 * batch]
            reconstruction = tf.reduce_mean(tf.square(own_images - pair))
            swap = tf.reduce_mean(tf.square(swapped_images - pair))
            kl = kl_to_prior(mean, log_variance)
            kl_weight = recipe.kl_weight.tensor_at(self.iteration, kl.dtype)
            loss = (
                recipe.reconstruction_weight * reconstruction
                + recipe.swap_weight * swap
                + kl_weight / self.num_values * kl
            )
        losses = {"reconstruction_loss": reconstruction, "swap_loss": swap, "kl": kl}
        fakes = dict(zip(list(pairs)[4:], fakes, strict=True))
        if recipe.has_adversary:
            other = self.generator(tf.concat((s[2], z[1]), 1), training=True)
            fakes["swapped_other"] = tf.stop_gradient(other)
        return Reconstruction(tape, losses, loss, fakes, s, mean, unspecified, prior)

    def update_generator(self, made: Reconstruction, conditions: list[tf.Tensor]) -> Losses:
        """Move encoder and decoder down their loss, and teach them to pass for the identity of s.

        Args:
            made: what they made of the triplets.
            conditions: of x1, x2 and x3: the images, or the numbers of their identities.
        """
        recipe, loss = self.recipe, made.loss
        with made.tape:
            logits = self.judge(made.fakes["swapped"], conditions[0], "generator")
            adversarial = self.cross_entropy(logits, recipe.real_label)
            loss = loss + recipe.adversarial_weight * adversarial
            if "prior" in made.fakes:
                logits = self.judge(made.fakes["prior"], conditions[0], "generator_prior")
                loss = loss + recipe.prior_weight * self.cross_entropy(logits, recipe.real_label)
        self.minimize("generator", made.tape, loss)
        return {"generator_loss": adversarial}

    def update_discriminator(
        self,
        images: list[tf.Tensor],
        fakes: dict[str, tf.Tensor],
        conditions: list[tf.Tensor],
        step: int,
    ) -> Losses:
        """Teach D to tell real images of an identity from made ones.

        Args:
            images: x1, x2 and x3.
            fakes: what `reconstruct` made, by name.
            conditions: of x1, x2 and x3: the images, or the numbers of their identities.
            step: how many times D was updated in this iteration; its dropout depends on it.
        """
        # The condition of x1 stands for id_2: its number is the same, and x2 is another image.
        real = [(images[1], conditions[0])]
        is_pair = self.recipe.conditioning == "pair"
        real.append((images[0], conditions[1]) if is_pair else (images[2], conditions[2]))
        fake = [(fakes["swapped"], conditions[0]), (fakes["swapped_other"], conditions[2])]
        if "prior" in fakes:
            fake.append((fakes["prior"], conditions[0]))
        mismatched = self.mismatched_pairs(images, conditions)
        shown = [*real, *fake, *mismatched]
        judged, told = (tf.concat(part, 0) for part in zip(*shown, strict=True))
        with tf.GradientTape() as tape:
            logits = self.judge(tf.stop_gradient(judged), told, f"discriminator_{step}")
            logits = tf.split(logits, len(shown))
            real_loss = self.cross_entropy(tf.concat(logits[:2], 0), self.recipe.real_label)
            fake_loss = self.cross_entropy(tf.concat(logits[2 : 2 + len(fake)], 0), 0.0)
            loss = real_loss + fake_loss
            for one in logits[2 + len(fake) :]:
                loss = loss + self.recipe.mismatch_weight * self.cross_entropy(one, 0.0)
        self.minimize("discriminator", tape, loss)
        return {"discriminator_loss": real_loss + fake_loss}

    def mismatched_pairs(
        self, images: list[tf.Tensor], conditions: list[tf.Tensor]
    ) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Return real images beside conditions that D is to refuse: the paper shows none."""
        return []

    def judge(self, images: tf.Tensor, conditions: tf.Tensor, stream: str) -> tf.Tensor:
        """Return D's logits [batch, 1]; `stream` names the draw of its dropout."""
        inputs = [images, conditions]
        if self.recipe.networks.dropout:
            keep = 1.0 - self.recipe.networks.dropout
            num_features = self.discriminator.get_layer("discriminator_flatten").output.shape[-1]
            shape = (tf.shape(images)[0], num_features)
            is_kept = draws.uniform(shape, self.stream_seed(stream)) < keep
            inputs.append(tf.cast(is_kept, tf.float32) / keep)
        return self.discriminator(inputs, training=True)

    def cross_entropy(self, logits: tf.Tensor, label: float) -> tf.Tensor:
        """Return the scalar mean cross-entropy of logits with one label for all."""
        labels = tf.fill(tf.shape(logits), label)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
        return tf.reduce_mean(losses)

    def normal(self, shape: tuple | tf.Tensor, stream: str) -> tf.Tensor:
        """Return standard normal draws of this iteration from a stream."""
        return draws.normal(shape, self.stream_seed(stream))
