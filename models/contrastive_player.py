"""H in the training of a model: its pairs, its updates, its fresh starts."""

from typing import ClassVar

import keras
import tensorflow as tf

from models import checks
from models.codes.joint_code import JointCode
from models.contrastive_regulariser import ContrastiveRegulariser
from models.layers.frozen import Frozen
from models.losses import info_gan as losses
from models.networks.layer_maker import derive_seed
from models.trained_model import TrainedModel


class ContrastivePlayer:
    """H, the player that names the code which two generated images share.

    H's updates change no other network, so while alpha is 0 it does not play. When alpha leaves 0,
    and whenever the gap changes after that, H and its optimiser start afresh.

    Args:
        model: whose player `PLAYER` H is.
        recipe: the regulariser.
    """

    PLAYER: ClassVar[str] = "contrastive"  # also the network's name
    loss_names: ClassVar[tuple[str, ...]] = ("cr_loss", "cr_accuracy")

    def __init__(self, model: TrainedModel, recipe: ContrastiveRegulariser):
        self.model = model
        self.recipe = recipe
        self.codes = checks.instance("codes", model.codes, JointCode)
        self.network = model.networks[self.PLAYER]
        self.is_playing = recipe.is_regularised_at(0)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means of the model's losses, without H's while it does not play."""
        hidden = () if self.is_playing else self.loss_names
        return [one for name, one in self.model.trackers.items() if name not in hidden]

    def begin_segment(self, iteration: int) -> None:
        """Choose the phase that `iteration` belongs to and, at a milestone, start H afresh."""
        if self.is_playing != self.recipe.is_regularised_at(iteration):
            self.is_playing = not self.is_playing
            self.model.train_function = None  # Keras traces the other iteration
        if self.is_playing and iteration in self.recipe.milestones:
            self.restart(iteration)

    def restart(self, iteration: int) -> None:
        """Give H initial weights, a function of (seed, iteration), and clear its optimiser."""
        seed = derive_seed(self.model.seed, "restart", iteration)
        _, height, width, channels = self.network.input_shape
        image_shape = (height, width, channels // 2)
        fresh = self.recipe.contrastive.build(image_shape, self.codes.num_codes, seed)
        self.network.set_weights(fresh.get_weights())
        optimizer = self.model.player_optimizers[self.PLAYER]
        for variable in optimizer.variables:
            if variable is not optimizer.learning_rate:
                variable.assign(keras.ops.zeros_like(variable))

    def draw_pairs(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return as many pairs of latent vectors as images, and the code that each shares."""
        gap = self.recipe.gap.tensor_at(self.model.iteration)
        seed = self.model.stream_seed("pairs")
        first, second, index = self.codes.pair(tf.shape(images)[0], gap, seed)
        dtype = self.model.variable_dtype
        return tf.cast(first, dtype), tf.cast(second, dtype), index

    def update(self, pair: list[tf.Tensor], index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Teach H to name the code that a pair of images shares."""
        with tf.GradientTape() as tape:
            logits = self.network(tf.concat(pair, axis=-1), training=True)
            loss = losses.contrastive_loss(logits, index)
        self.model.minimize(self.PLAYER, tape, loss)
        return {"cr_loss": loss, "cr_accuracy": losses.contrastive_accuracy(logits, index)}

    def regularise(self, pair: list[tf.Tensor], index: tf.Tensor, compare: Frozen) -> tf.Tensor:
        """Return alpha times the loss of the frozen H, by which whoever made the pair helps it."""
        logits = compare(tf.concat(pair, axis=-1))
        contrastive = losses.contrastive_loss(logits, index)
        alpha = self.recipe.cr_weight.tensor_at(self.model.iteration, self.model.variable_dtype)
        return alpha * contrastive
