"""The conditional VAE with adversarial training as a Keras model."""

import keras
import tensorflow as tf

from models import checks, draws
from models.gans.adversarial_model import AdversarialModel
from models.layers.plain import plain_copy
from models.losses import variational as vae_objectives
from models.networks import convolutional as networks
from models.networks import identity_networks

LEAST_LOG_VARIANCE = -20.0  # of s, where a variance is asked for: 2e-9


class ConditionalVAEGANModel(AdversarialModel):
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
    fakes are those made before the update of encoder and decoder. Terms of the recipe that the
    paper does not have stand in its docstring.

    The three images pass the encoder together, and so do all latent vectors the decoder: batch
    norm, where there is one, takes its statistics over all of them.

    Args:
        recipe: a `models.gans.cvae_gan.ConditionalVAEGAN`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
        seed: of initial weights and draws.
        num_images: unused; methods are built alike.
    """

    loss_names = ("reconstruction_loss", "swap_loss", "kl")

    def __init__(self, recipe, image_shape, max_value, seed, num_images=None):
        image_shape = checks.image_shape("image_shape", image_shape)
        parts = self.build_networks(recipe, image_shape, seed)
        encoder, makers = parts["encoder"], ("encoder", "generator")
        specified, mean, _ = encoder.outputs
        together = keras.layers.Concatenate(name="encoder_codes", dtype=networks.full_precision())
        codes_mean = together([specified, mean])
        adversarial = ("generator_loss", "discriminator_loss") if recipe.has_adversary else ()
        cycle = ("cycle_loss",) if recipe.cycle_weight > 0 else ()
        verifier = ("verifier_loss",) if recipe.has_verifier else ()
        optimizers = {
            "generator": recipe.generator_optimizer.build(),
            "discriminator": recipe.discriminator_optimizer.build(),
        }
        if recipe.has_verifier:
            optimizers["verifier"] = recipe.verifier_optimizer.build()
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
            optimizers=optimizers,
            generator=parts["generator"],
            encoder=keras.Model(encoder.inputs[0], codes_mean, name="encoder_means"),
            codes=recipe.codes,
            losses=(*self.loss_names, *cycle, *verifier, *adversarial),
            max_value=max_value,
            seed=seed,
            name=recipe.name,
        )
        self.recipe = recipe
        self.posterior = encoder
        self.discriminator = parts["discriminator"]
        self.verifier = parts.get("verifier")
        self.num_values = image_shape[0] * image_shape[1] * image_shape[2]

    @staticmethod
    def build_networks(recipe, image_shape, seed) -> dict[str, keras.Model]:
        """Returns encoder, decoder, D and, where it plays, V."""
        heads = {
            "specified": recipe.specified_dim,
            "mean": recipe.unspecified_dim,
            "log_variance": recipe.unspecified_dim,
        }
        dims = (recipe.specified_dim, recipe.unspecified_dim)
        num_identities = recipe.num_identities if recipe.needs_identities else None
        family = recipe.networks
        parts = {
            "encoder": identity_networks.build_encoder(family, image_shape, heads, seed),
            "generator": identity_networks.build_decoder(family, image_shape, *dims, seed),
            "discriminator": identity_networks.build_discriminator(
                family, image_shape, num_identities, seed
            ),
        }
        if recipe.has_verifier:
            parts["verifier"] = networks.build_dense_network(
                recipe.verifier, 3 * recipe.unspecified_dim, {"same": 1}, seed, "verifier"
            )
        return parts

    def exports(self) -> dict[str, keras.Model]:
        """Returns copies of generator and encoder, and of the posterior.

        The posterior gives means, then log variances, [batch, 2 * code_dim]: of s, which is no
        random variable, as of one of next to no variance.
        """
        copy = plain_copy(self.posterior)
        specified, mean, log_variance = copy.outputs
        fixed = keras.ops.full_like(specified, LEAST_LOG_VARIANCE)
        full = networks.full_precision()
        outputs = keras.layers.Concatenate(name="posterior_outputs", dtype=full)(
            [specified, mean, fixed, log_variance]
        )
        posterior = keras.Model(copy.inputs[0], outputs, name="posterior")
        return {**super().exports(), "posterior": posterior}

    def train_step(self, batch):
        """One iteration: encoder and decoder once, then D `discriminator_steps` times.

        Args:
            batch: triplets, uint8 [batch, 3, height, width, channels]; where D is told identities,
                a pair of these and the identities' numbers, int [batch, 3].
        """
        images, identities, _ = keras.utils.unpack_x_y_sample_weight(batch)
        images = tf.unstack(self.unit_range(images), axis=1)
        conditions = images if identities is None else tf.unstack(identities, axis=1)
        tape, results, fakes, latents, loss = self.reconstruct(images)
        if self.recipe.has_adversary:
            results |= self.update_generator(tape, loss, fakes, conditions)
            for step in range(self.recipe.discriminator_steps):
                results |= self.update_discriminator(images, fakes, conditions, step)
        else:
            self.minimize("generator", tape, loss)
        if self.recipe.has_verifier:
            for _ in range(self.recipe.verifier_steps):
                results |= self.update_verifier(latents)
        return self.end_iteration(results)

    def reconstruct(self, images):
        """Encodes the triplets, makes their images again, and swaps their codes.

        Args:
            images: x1, x2 and x3, each [batch, height, width, channels].

        Returns:
            The tape; the losses by name; the images that D judges, made from s and z that do not
            belong together; what V sees of q(z | x) [3 batch, latents]; and the scalar that encoder
            and decoder go down without D.
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
            kl = vae_objectives.kl_to_prior(mean, log_variance)
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
        verified = mean if recipe.verifier_input == "means" else unspecified
        more, against = self.keep_identity_out(tape, s, prior, verified)
        with tape:
            loss = loss + against
        return tape, losses | more, fakes, verified, loss

    def keep_identity_out(self, tape, s, prior, verified):
        """Returns the losses of what works against the identity in z, and their weighted sum.

        Args:
            tape: holds the pass that made the arguments.
            s: of x1, x2 and x3.
            prior: draws of the prior of z, [batch, latents].
            verified: what V sees of q(z | x), [3 batch, latents].
        """
        recipe, losses, total = self.recipe, {}, 0.0
        if recipe.cycle_weight > 0:
            latents = tf.concat((tf.concat(s[1:], 0), tf.tile(prior, (2, 1))), 1)
            images = tf.stop_gradient(self.generator(latents, training=True))
            with tape:
                _, mean, _ = self.posterior(images, training=True)
                first, second = tf.split(mean, 2)
                losses["cycle_loss"] = tf.reduce_mean(tf.abs(first - second))
                total += recipe.cycle_weight * losses["cycle_loss"]
        if recipe.has_verifier:
            with tape:
                doubt = self.cross_entropy(self.compare(verified), 0.5)
                total += recipe.verifier_weight.tensor_at(self.iteration, doubt.dtype) * doubt
        return losses, total

    def update_generator(self, tape, loss, fakes, conditions):
        """Encoder and decoder go down their loss and learn to pass for the identity of s."""
        recipe = self.recipe
        with tape:
            logits = self.judge(fakes["swapped"], conditions[0], "generator")
            adversarial = self.cross_entropy(logits, recipe.real_label)
            loss = loss + recipe.adversarial_weight * adversarial
            if "prior" in fakes:
                logits = self.judge(fakes["prior"], conditions[0], "generator_prior")
                loss = loss + recipe.prior_weight * self.cross_entropy(logits, recipe.real_label)
        self.minimize("generator", tape, loss)
        return {"generator_loss": adversarial}

    def update_discriminator(self, images, fakes, conditions, step: int):
        """D learns to tell real images of an identity from made ones.

        Args:
            images: x1, x2 and x3.
            fakes: what `reconstruct` made, by name.
            conditions: of x1, x2 and x3: the images, or the numbers of their identities.
            step: how many times D was updated in this iteration; its dropout depends on it.
        """
        recipe = self.recipe
        # The condition of x1 stands for id_2: its number is the same, and x2 is another image.
        real = [(images[1], conditions[0])]
        is_pair = recipe.conditioning == "pair"
        real.append((images[0], conditions[1]) if is_pair else (images[2], conditions[2]))
        fake = [(fakes["swapped"], conditions[0]), (fakes["swapped_other"], conditions[2])]
        if "prior" in fakes:
            fake.append((fakes["prior"], conditions[0]))
        mismatched = [(images[2], conditions[0])] if recipe.mismatch_weight > 0 else []
        shown = [*real, *fake, *mismatched]
        judged, told = (tf.concat(part, 0) for part in zip(*shown, strict=True))
        with tf.GradientTape() as tape:
            logits = self.judge(tf.stop_gradient(judged), told, f"discriminator_{step}")
            logits = tf.split(logits, len(shown))
            real_loss = self.cross_entropy(tf.concat(logits[:2], 0), recipe.real_label)
            fake_loss = self.cross_entropy(tf.concat(logits[2 : 2 + len(fake)], 0), 0.0)
            loss = real_loss + fake_loss
            if mismatched:
                loss = loss + recipe.mismatch_weight * self.cross_entropy(logits[-1], 0.0)
        self.minimize("discriminator", tape, loss)
        return {"discriminator_loss": real_loss + fake_loss}

    def compare(self, latents):
        """Returns V's logits [2 batch, 1] of "one identity": first of (z1, z2), then of (z1, z3).

        V sees two z's beside each other and their difference.
        """
        first, second, third = tf.split(latents, 3)
        one, other = tf.concat((first, first), 0), tf.concat((second, third), 0)
        return self.verifier(tf.concat((one, other, one - other), 1), training=True)

    def update_verifier(self, latents):
        """V learns to tell the z's of one identity from those of two."""
        with tf.GradientTape() as tape:
            same, different = tf.split(self.compare(tf.stop_gradient(latents)), 2)
            loss = 0.5 * (self.cross_entropy(same, 1.0) + self.cross_entropy(different, 0.0))
        self.minimize("verifier", tape, loss)
        return {"verifier_loss": loss}

    def judge(self, images, conditions, stream: str):
        """Returns D's logits [batch, 1]; `stream` names the draw of its dropout."""
        inputs = [images, conditions]
        if self.recipe.networks.dropout:
            keep = 1.0 - self.recipe.networks.dropout
            shape = (tf.shape(images)[0], identity_networks.num_features(self.discriminator))
            is_kept = draws.uniform(shape, self.stream_seed(stream)) < keep
            inputs.append(tf.cast(is_kept, tf.float32) / keep)
        return self.discriminator(inputs, training=True)

    def cross_entropy(self, logits, label: float):
        """Returns the scalar mean cross-entropy of logits with one label for all."""
        labels = tf.fill(tf.shape(logits), label)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
        return tf.reduce_mean(losses)

    def normal(self, shape, stream: str):
        """Returns standard normal draws of this iteration from a stream."""
        return draws.normal(shape, self.stream_seed(stream))
