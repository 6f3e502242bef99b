"""The moving average of a network's weights over iterations, which can stand for the network."""

import keras
import tensorflow as tf


class MovingAverage:
    """Averages of all weights of a network, statistics too, that start as the weights are.

    Args:
        network: The network in training.
        decay: Below 1: the share of an average that an iteration leaves.

    Attributes:
        variables: The averages, in the order of `network.weights`.
    """

    def __init__(self, network: keras.Model, decay: float):
        self._network = network
        self._decay = decay
        self.variables = [
            keras.Variable(
                weight.numpy(),
                dtype="float32",
                trainable=False,
                aggregation="only_first_replica",
                name=f"{number}_{weight.name}",
            )
            for number, weight in enumerate(network.weights)
        ]

    def move(self, num_iterations: tf.Tensor) -> None:
        """Move the averages towards the weights, faster in the first iterations.

        The decay is (1 + t) / (10 + t) while that is less: initial weights are soon forgotten.

        Args:
            num_iterations: t, the iterations done.
        """
        done = tf.cast(num_iterations, tf.float32)
        decay = tf.minimum(self._decay, (1.0 + done) / (10.0 + done))
        for average, weight in zip(self.variables, self._network.weights, strict=True):
            value = tf.cast(weight.value, average.dtype)
            average.assign(average.value + (1.0 - decay) * (value - average.value))

    def copy_to(self, network: keras.Model) -> None:
        """Give the averages to a network of the same weights."""
        network.set_weights([average.numpy() for average in self.variables])

    def __call__(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return what the network makes of inputs with the averages in the place of its weights."""
        weights = zip(self._network.weights, self.variables, strict=True)
        with keras.StatelessScope([(weight, average.value) for weight, average in weights]):
            return self._network(inputs, training=training)
