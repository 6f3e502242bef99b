"""SimCLR as a Keras model: self-supervised pre-training of CoDeGAN's class encoder."""

from typing import Any

import keras
import tensorflow as tf

from models.losses.contrastive import nt_xent_loss
from models.networks.class_networks import build_encoders
from models.trained_model import TrainedModel


class SimCLRModel(TrainedModel):
    """SimCLR (Chen et al. 2020, https://arxiv.org/abs/2002.05709) on real images.

    Args:
        recipe: a `models.gans.codegan.CoDeGAN` with `pretraining`.
        image_shape: (height, width, channels).
        max_value: the uint8 value of full intensity.
    """

    def __init__(self, recipe: Any, image_shape: tuple[int, int, int], max_value: int):
        options = recipe.pretraining
        network = build_encoders(recipe, image_shape, options.seed)["class_encoder"]
        features = keras.tree.flatten(network.outputs)[0]  # a head of z has no part in this
        network = keras.Model(network.inputs[0], features, name="class_encoder")
        super().__init__(
            networks={"class_encoder": network},
            players={"class_encoder": network.trainable_variables},
            optimizers={"class_encoder": options.optimizer.build()},
            generator=None,
            encoder=network,
            codes=None,
            losses=("contrastive_loss",),
            max_value=max_value,
            seed=options.seed,
            name="simclr",
        )
        self.options = options

    def train_step(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Do one iteration: draw two views of each image together.

        Args:
            images: uint8 [batch, height, width, channels].
        """
        real, augmentation = self.unit_range(images), self.options.augmentation
        views = [augmentation.apply(real, self.stream_seed(f"view_{view}")) for view in (1, 2)]
        with tf.GradientTape() as tape:
            features = self.encoder(tf.concat(views, axis=0), training=True)
            first, second = tf.split(features, 2)
            loss = nt_xent_loss(first, second, self.options.temperature)
        self.minimize("class_encoder", tape, loss)
        return self.end_iteration({"contrastive_loss": loss})
