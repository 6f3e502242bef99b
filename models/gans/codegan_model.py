"""CoDeGAN as a Keras model."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models import checks, draws
from models.codes.joint_code import FeatureCode
from models.layers.frozen import Frozen
from models.losses.adversarial import GAMES, gradient_penalty
from models.losses.contrastive import supervised_contrastive_loss
from models.networks.class_networks import (
    RECONSTRUCTED_NOISE,
    build_code_encoder,
    build_encoders,
)
from models.trained_model import TrainedModel

Losses = dict[str, tf.Tensor]


class CoDeGANModel(TrainedModel):
    """CoDeGAN (Zhao et al. 2021, https://arxiv.org/abs/2103.03636).

    G makes images of a class c and noise z. E_c maps them to features in which images of one class
    lie together and classes apart, E_z reads z off them; real images enter D only:

        L_c = supervised contrastive loss of E_c(x), E_c(augmented x), labels c
        L_z = mean (E_z(x) - z)^2
        L_G = adversarial + beta_1 L_c + beta_2 L_z,   L_Ec = L_c,   L_Ez = L_z

    With few labels, a batch of labelled real images joins the generated ones of each L_c, with its
    labels in the place of c (`load_labelled`).

    E_c and E_z with a common trunk minimise L_c + beta_2 / beta_1 L_z. The losses reported are the
    parts before weighting; L_c and L_z are those of G's update.

    A pass of one player through another's network uses batch statistics and leaves the moving ones
    as they are. With batch norm in E_c, both views are one batch. Replicas that share a batch
    contrast each its own part: L_c then sees fewer other images than on one device.

    Args:
        recipe: a `models.gans.codegan.CoDeGAN`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
        seed: of initial weights and draws.
        num_images: not used.
    """

    generator: keras.Model  # of this model never None
    codes: FeatureCode  # the same

    def __init__(
        self,
        recipe: Any,
        image_shape: tuple[int, int, int],
        max_value: int,
        seed: int,
        num_images: int | None = None,
    ):
        encoders = build_encoders(recipe, image_shape, seed)
        images, head = keras.Input(image_shape, name="images"), {"real_logit": 1}
        parts = {
            "generator": recipe.generator.build(image_shape, recipe.codes.latent_dim, seed),
            "discriminator": recipe.discriminator.build(images, head, seed, "discriminator"),
            **encoders,
        }
        losses = ("generator_loss", "discriminator_loss", "class_loss", "noise_loss")
        super().__init__(
            networks=parts,
            players=_players(parts, recipe.shares_trunk),
            optimizers={
                "generator": recipe.generator_optimizer.build(),
                "discriminator": recipe.discriminator_optimizer.build(),
                "class_encoder": recipe.class_optimizer.build(),
                "noise_encoder": recipe.noise_optimizer.build(),
            },
            generator=parts["generator"],
            encoder=build_code_encoder(encoders),
            codes=recipe.codes,
            losses=(*losses, "gradient_penalty") if recipe.penalty_weight else losses,
            max_value=max_value,
            seed=seed,
            generator_decay=recipe.generator_decay,
            name=recipe.name,
        )
        self.recipe = recipe
        self.discriminator = parts["discriminator"]
        self.class_encoder = parts["class_encoder"]
        self.noise_encoder = parts.get("noise_encoder")
        self.judge_real, self.judge_fake = GAMES[recipe.game]
        self.is_class_learning = recipe.class_from == 0
        self.labelled_images = self.labels = None

    def begin_segment(self, iteration: int) -> None:
        """Let E_c learn from `class_from` on."""
        super().begin_segment(iteration)
        if self.is_class_learning != (iteration >= self.recipe.class_from):
            self.is_class_learning = not self.is_class_learning
            self.train_function = None  # Keras traces the other iteration

    def load_pretrained(self, weights: dict[str, np.ndarray]) -> None:
        """Set E_c to pre-trained weights, those of `pretrained_variables` by name."""
        variables = pretrained_variables(self.class_encoder)
        if set(weights) != set(variables):
            difference = sorted(set(weights) ^ set(variables))
            checks.fail("weights", difference, "the pre-trained variables; these are on one side")
        for name, variable in variables.items():
            variable.assign(weights[name])

    def load_labelled(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Take the real images whose labels L_c is told; to be called before training.

        Args:
            images: uint8 [num_labelled, height, width, channels].
            labels: int [num_labelled], from 0 to the number of classes - 1.

        Raises:
            ValueError: There are not `num_labelled`, or a label is no class of the code.
        """
        count = self.recipe.num_labelled
        if len(images) != count or len(labels) != count:
            checks.fail("images", (len(images), len(labels)), f"num_labelled={count}, and labels")
        if count and not 0 <= min(labels) <= max(labels) < self.codes.num_classes:
            expected = f"labels below the {self.codes.num_classes} classes of the code"
            checks.fail("labels", sorted(set(np.asarray(labels).tolist())), expected)
        self.labelled_images = tf.constant(images, tf.uint8)
        self.labels = tf.constant(labels, tf.int64)

    def train_step(self, images: tf.Tensor) -> Losses:
        """Do one round: D `discriminator_steps` times, on parts of the images, G, E_z, E_c.

        Args:
            images: uint8 [discriminator_steps * batch, height, width, channels].
        """
        parts = tf.split(self.unit_range(images), self.recipe.discriminator_steps)
        for step, real in enumerate(parts):
            results = self.update_discriminator(real, step)
        results |= self.update_generator()
        if self.recipe.shares_trunk:
            if self.is_class_learning or not self.recipe.freezes_shared_encoder:
                self.update_shared_encoder()
        else:
            self.update_noise_encoder()
            if self.is_class_learning:
                self.update_class_encoder()
        return self.end_iteration(results)

    def update_discriminator(self, real: tf.Tensor, step: int) -> Losses:
        """Teach D to tell real from fake, on latents of its own."""
        _, fakes = self.generate(tf.shape(real)[0], f"discriminator_{step}")
        seed = self.stream_seed(f"penalty_{step}")
        mix = draws.uniform((tf.shape(real)[0], 1, 1, 1), seed)
        with tf.GradientTape() as tape:
            logits = self.discriminator(tf.concat([real, fakes], 0), training=True)
            adversarial = self.judge_real(*tf.split(logits, 2))
            results, loss = {"discriminator_loss": adversarial}, adversarial
            if self.recipe.penalty_weight:
                judge = lambda points: self.discriminator(points, training=True)  # noqa: E731
                penalty = gradient_penalty(judge, real, fakes, mix)
                results["gradient_penalty"] = penalty
                loss += self.recipe.penalty_weight * penalty
        self.minimize("discriminator", tape, loss)
        Frozen(self.discriminator).advance_spectral_vectors()
        return results

    def update_generator(self) -> Losses:
        """Teach G to pass for real, to make classes that E_c tells apart, and to show z."""
        recipe = self.recipe
        latents = self.draw_latents(self.share(recipe.generator_batch), "generator")
        with tf.GradientTape() as tape:
            fakes = self.generator(latents, training=True)
            adversarial = self.judge_fake(self.discriminator(fakes, training=True))
            encode = Frozen(self.class_encoder)
            images, classes = self.join_labelled(fakes, latents, "generator")
            features, noise = self.view_features(encode, images, "generator", recipe.stop_at_view)
            class_loss = self.class_loss(features, classes)
            if not recipe.shares_trunk:
                noise = Frozen(self.noise_encoder)(fakes)
            noise_loss = self.noise_loss(noise, latents)
            loss = adversarial + recipe.class_weight * class_loss
            loss += recipe.noise_weight * noise_loss
        self.minimize("generator", tape, loss)
        return {
            "generator_loss": adversarial,
            "class_loss": class_loss,
            "noise_loss": noise_loss,
        }

    def update_shared_encoder(self) -> None:
        """Teach E to tell classes apart and to read z; before `class_from` only the latter."""
        latents, fakes = self.generate(self.share(self.recipe.class_batch), "class_encoder")
        ratio = self.recipe.noise_weight / self.recipe.class_weight
        with tf.GradientTape(persistent=True) as tape:
            if self.is_class_learning:
                images, classes = self.join_labelled(fakes, latents, "class_encoder")
                features, noise = self.view_features(self.encode, images, "class_encoder")
                loss = self.class_loss(features, classes)
                loss += ratio * self.noise_loss(noise, latents)
            else:
                _, noise = self.class_encoder(fakes, training=True)
                loss = ratio * self.noise_loss(noise, latents)
        # One gradient, cut at the players' border: with Adam that is one optimiser's update.
        if self.is_class_learning:
            self.minimize("class_encoder", tape, loss)
        self.minimize("noise_encoder", tape, loss)

    def update_class_encoder(self) -> None:
        """Teach E_c to tell classes apart."""
        latents, fakes = self.generate(self.share(self.recipe.class_batch), "class_encoder")
        images, classes = self.join_labelled(fakes, latents, "class_encoder")
        with tf.GradientTape() as tape:
            features, _ = self.view_features(self.encode, images, "class_encoder")
            loss = self.class_loss(features, classes)
        self.minimize("class_encoder", tape, loss)

    def update_noise_encoder(self) -> None:
        """Teach E_z to read z."""
        latents, fakes = self.generate(self.share(self.recipe.noise_batch), "noise_encoder")
        noise_encoder = self.networks["noise_encoder"]
        with tf.GradientTape() as tape:
            loss = self.noise_loss(noise_encoder(fakes, training=True), latents)
        self.minimize("noise_encoder", tape, loss)

    def generate(self, batch: int | tf.Tensor, stream: str) -> tuple[tf.Tensor, tf.Tensor]:
        """Return latents and G's images, for players that G does not learn from."""
        latents = self.draw_latents(batch, stream)
        return latents, Frozen(self.generator)(latents)

    def draw_latents(self, batch: int | tf.Tensor, stream: str) -> tf.Tensor:
        """Return this iteration's latents [batch, latent_dim] from a stream."""
        return self.codes.sample(batch, self.stream_seed(f"{stream}_codes"))

    def encode(self, images: tf.Tensor) -> Any:
        """Return what E_c makes of images while it learns."""
        return self.class_encoder(images, training=True)

    def view_features(
        self, encode: Callable, images: tf.Tensor, stream: str, stop_at_view: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Return the class features of images and of their augmented views, and the noise read.

        Args:
            encode: E_c, learning or frozen.
            images: [batch, height, width, channels].
            stream: of the augmentation's draws.
            stop_at_view: whether no gradient reaches the images through their views.

        Returns:
            features: [2 batch, feature_dim], the views last.
            noise: [batch, noise_dim], None where E_z is another network.
        """
        views = tf.stop_gradient(images) if stop_at_view else images
        views = self.recipe.augmentation.apply(views, self.stream_seed(f"{stream}_views"))
        outputs = encode(tf.concat([images, views], axis=0))
        if not self.recipe.shares_trunk:
            return outputs, None
        return outputs[0], outputs[1][: tf.shape(images)[0]]

    def join_labelled(
        self, fakes: tf.Tensor, latents: tf.Tensor, stream: str
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the images that an L_c sees, the generated ones first, and their classes."""
        classes = tf.argmax(latents[:, : self.codes.num_classes], axis=1)
        if not self.recipe.num_labelled:
            return fakes, classes
        if self.labels is None:
            checks.fail("labels", None, "those of num_labelled images, by load_labelled")
        batch, seed = self.share(self.recipe.labelled_batch), self.stream_seed(f"{stream}_labelled")
        chosen = draws.distinct_integers(self.recipe.num_labelled, batch, seed)
        real = self.unit_range(tf.gather(self.labelled_images, chosen))
        images = tf.concat([fakes, tf.cast(real, fakes.dtype)], axis=0)
        return images, tf.concat([classes, tf.gather(self.labels, chosen)], axis=0)

    def class_loss(self, features: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        """Return L_c of `view_features`."""
        first, second = tf.split(features, 2)
        return supervised_contrastive_loss(first, second, classes, self.recipe.temperature)

    def noise_loss(self, noise: tf.Tensor, latents: tf.Tensor) -> tf.Tensor:
        """Return L_z; noise read off labelled images, which come last, has no part in it."""
        if self.recipe.num_labelled:
            noise = noise[: tf.shape(latents)[0]]
        return tf.reduce_mean(tf.square(noise - latents[:, self.codes.num_classes :]))

    def share(self, batch: int) -> int:
        """Return this replica's part of a batch of generated images."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if batch % replicas:
            expected = f"a multiple of the {replicas} replicas, which share every player's batch"
            checks.fail("generator_, class_, noise_ or labelled_batch", batch, expected)
        return batch // replicas


def pretrained_variables(class_encoder: keras.Model) -> dict[str, keras.Variable]:
    """Return what pre-training determines: all of E_c but a head of z, by path."""
    return {
        variable.path: variable
        for layer in class_encoder.layers
        if not _is_noise_head(layer)
        for variable in layer.variables
    }


def _players(parts: dict[str, keras.Model], shares_trunk: bool) -> dict[str, list]:
    if not shares_trunk:
        return {name: network.trainable_variables for name, network in parts.items()}
    layers = parts["class_encoder"].layers
    split: dict[bool, list[keras.Variable]] = {True: [], False: []}
    for layer in layers:
        split[_is_noise_head(layer)] += layer.trainable_variables
    return {
        "generator": parts["generator"].trainable_variables,
        "discriminator": parts["discriminator"].trainable_variables,
        "class_encoder": split[False],
        "noise_encoder": split[True],
    }


def _is_noise_head(layer: keras.layers.Layer) -> bool:
    return layer.name == f"class_encoder_{RECONSTRUCTED_NOISE}"
