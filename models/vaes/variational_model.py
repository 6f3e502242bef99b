"""The base of variational autoencoders: a posterior, a decoder and one way to train both."""

import keras
import tensorflow as tf

from models import checks, draws
from models.layers.plain import plain_copy
from models.losses import variational as vae_objectives
from models.networks import convolutional as networks
from models.trained_model import TrainedModel


class VariationalModel(TrainedModel):
    """An autoencoder whose encoder gives a Gaussian posterior over independent latents.

    A method derives from this once and implements `regularise`; what it adds to the
    reconstruction loss is its paper's objective:

        min over encoder and decoder of E[-log p(x | z)] + regulariser(q(z | x), z)

    Pixels are Bernoulli; images in [0, 1] stand for probabilities. The generator is the decoder
    with its sigmoid, the encoder gives the posterior's mean, `exports` adds `posterior`: images
    to mean and log variance side by side [batch, 2 * latents].

    Args:
        recipe: one of `models.vaes.methods`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
        seed: of initial weights and draws.
        num_images: of the training set; needed by estimates of the aggregate posterior.
    """

    loss_names = ("reconstruction_loss", "kl")

    def __init__(self, recipe, image_shape, max_value, seed, num_images=None):
        image_shape = checks.image_shape("image_shape", image_shape)
        parts = self.build_networks(recipe, image_shape, seed)
        posterior, decoder = parts["posterior"], parts["decoder"]
        autoencoder = [*posterior.trainable_variables, *decoder.trainable_variables]
        others = {name: parts[name] for name in parts if name not in ("posterior", "decoder")}
        super().__init__(
            networks=parts,
            players={
                "autoencoder": autoencoder,
                **{name: network.trainable_variables for name, network in others.items()},
            },
            optimizers=self.build_optimizers(recipe),
            generator=decoder,
            encoder=keras.Model(posterior.inputs[0], posterior.outputs[0], name="encoder"),
            codes=recipe.codes,
            losses=self.loss_names,
            max_value=max_value,
            seed=seed,
            name=recipe.name,
        )
        self.recipe = recipe
        self.num_images = num_images
        self.posterior = posterior
        self.decoder_logits = networks.build_logits(decoder)

    @staticmethod
    def build_networks(recipe, image_shape, seed) -> dict[str, keras.Model]:
        """Returns the posterior, the decoder and further players' networks by player."""
        return {
            "posterior": networks.build_conv_encoder(
                recipe.encoder, image_shape, recipe.posterior_heads, seed, "posterior"
            ),
            "decoder": networks.build_generator(
                recipe.decoder, image_shape, recipe.codes.latent_dim, seed
            ),
        }

    @staticmethod
    def build_optimizers(recipe) -> dict[str, keras.Optimizer]:
        """Returns the optimiser of each player."""
        return {"autoencoder": recipe.optimizer.build()}

    def exports(self) -> dict[str, keras.Model]:
        """Returns copies of generator, encoder and, where there is one, posterior."""
        return {**super().exports(), **self.export_posterior()}

    def export_posterior(self) -> dict[str, keras.Model]:
        """Returns a copy of the posterior's mean and log variance as one output."""
        copy = plain_copy(self.posterior)
        joined = keras.layers.Concatenate(name="posterior_outputs")(copy.outputs)
        return {"posterior": keras.Model(copy.inputs[0], joined, name="posterior")}

    def train_step(self, images):
        """One iteration: one update of encoder and decoder.

        Args:
            images: uint8 [batch, height, width, channels].
        """
        results, _ = self.update_autoencoder(self.unit_range(images))
        return self.end_iteration(results)

    def update_autoencoder(self, images):
        """Encoder and decoder go down the objective; returns the losses and the latents drawn."""
        with tf.GradientTape() as tape:
            posterior = self.posterior(images, training=True)
            latents = self.draw(posterior, "posterior")
            logits = self.decoder_logits(latents, training=True)
            reconstruction = vae_objectives.bernoulli_reconstruction(images, logits)
            regulariser, parts = self.regularise(posterior, latents)
            loss = reconstruction + regulariser
        self.minimize("autoencoder", tape, loss)
        return {"reconstruction_loss": reconstruction, **parts}, latents

    def draw(self, posterior, stream: str):
        """Returns latents [batch, latents] drawn from a posterior (mean, log variance)."""
        mean, log_variance = posterior
        return mean + tf.exp(0.5 * log_variance) * self.normal(tf.shape(mean), stream)

    def normal(self, shape, stream: str):
        """Returns standard normal draws of this iteration from a stream."""
        return draws.normal(shape, self.stream_seed(stream))

    def kl_of_codes(self, images, training=False):
        """Returns KL(q(z_d | x) || N(0, 1)) of each code, [batch, latents].

        Args:
            images: float in [0, 1], [batch, height, width, channels].
            training: of the posterior network.
        """
        return vae_objectives.kl_of_latents(*self.posterior(images, training=training))

    def regularise(self, posterior, latents):
        """Returns the regulariser, a scalar, and the parts of it to report by name: here the KL.

        Args:
            posterior: the outputs of the posterior network.
            latents: [batch, latents], drawn from the posterior.
        """
        kl = vae_objectives.kl_to_prior(*posterior)
        return kl, {"kl": kl}
