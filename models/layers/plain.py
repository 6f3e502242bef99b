"""Keras layers in the form that runs fastest here: the same functions, the same weights.

Networks are trained in this form, exported in Keras' own (`plain_copy`), and used in this one again
(`fast_copy`).

Spectrally normalised layers are in `models.layers.spectral_norm`.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from models.layers.frozen import frozen_state
from models.layers.narrow_convolutions import add_bias, convolve, convolve_transposed
from models.layers.spectral_norm import PACKAGE, SpectralConv2D, SpectralDense, SpectralLayer


@keras.saving.register_keras_serializable(package=PACKAGE)
class LeakyReLU(keras.layers.LeakyReLU):
    """Keras' leaky ReLU, with a gradient that needs the output only.

    Output and input have the same sign. So nothing else needs the input, and TensorFlow computes
    a convolution, its bias and this activation in one pass over memory.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return max(inputs, negative_slope * inputs)."""

        @tf.custom_gradient
        def activate(inputs: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            outputs = tf.nn.leaky_relu(inputs, self.negative_slope)

            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                return tf.raw_ops.LeakyReluGrad(
                    gradients=upstream, features=outputs, alpha=self.negative_slope
                )

            return outputs, gradient

        return activate(inputs)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Conv2D(keras.layers.Conv2D):
    """Keras' convolution with "same" padding, whose gradient is fast to few channels as well."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return [batch, height / stride, width / stride, filters], rounded up."""
        outputs = convolve(inputs, tf.convert_to_tensor(self.kernel), self.strides[0])
        return tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))


@keras.saving.register_keras_serializable(package=PACKAGE)
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras' transposed convolution with "same" padding, fast to few channels as well."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return [batch, height * stride, width * stride, filters]."""
        kernel = tf.convert_to_tensor(self.kernel)
        outputs = convolve_transposed(inputs, kernel, self.strides[0])
        return add_bias(outputs, tf.convert_to_tensor(self.bias))


@keras.saving.register_keras_serializable(package=PACKAGE)
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch norm with TensorFlow's fused kernel for feature maps.

    The same function of the inputs, about three times as fast (Keras composes it from its parts).
    With `synchronized`, replicas that share a batch also share its statistics.
    """

    @property
    def momentum(self) -> float:
        """Decay of the moving statistics; 1, which keeps them exactly, in a frozen pass."""
        return 1.0 if frozen_state(self) else self._momentum

    @momentum.setter
    def momentum(self, value: float) -> None:
        self._momentum = value

    def freeze(self) -> bool:
        """Return that the moving statistics stay as they are; see `models.layers.frozen`."""
        return True

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return normalised inputs; a training pass also updates the moving statistics."""
        if training and self.synchronized:
            return self._call_together(inputs)
        if len(inputs.shape) != 4 or self.compute_dtype == "float64":
            return super().call(inputs, training=training, mask=mask)
        scale, offset = self.gamma.value, self.beta.value
        if not training:
            averages = {"mean": self.moving_mean.value, "variance": self.moving_variance.value}
            outputs, _, _ = tf.compat.v1.nn.fused_batch_norm(
                inputs, scale, offset, **averages, epsilon=self.epsilon, is_training=False
            )
            return outputs
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, scale, offset, epsilon=self.epsilon, is_training=True
        )
        # The fused kernel divides by n - 1, Keras (and the dense case) by n.
        count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], variance.dtype)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance * (count - 1.0) / count)
        return outputs

    def _call_together(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return inputs normalised by mean and variance over all replicas' rows.

        The variance is taken around the common mean: the mean of the squares less the square of
        the mean, which needs one exchange less, loses digits.
        """
        context, mean_of = tf.distribute.get_replica_context(), tf.distribute.ReduceOp.MEAN
        axes = list(range(len(inputs.shape) - 1))
        mean = context.all_reduce(mean_of, tf.reduce_mean(inputs, axes))
        variance = tf.reduce_mean(tf.math.squared_difference(inputs, mean), axes)
        variance = context.all_reduce(mean_of, variance)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance)
        return tf.nn.batch_normalization(
            inputs, mean, variance, self.beta.value, self.gamma.value, self.epsilon
        )

    def _move(self, average: keras.Variable, value: tf.Tensor) -> None:
        average.assign(average * self.momentum + value * (1.0 - self.momentum))


PLAIN = {
    LeakyReLU: keras.layers.LeakyReLU,
    Conv2D: keras.layers.Conv2D,
    Conv2DTranspose: keras.layers.Conv2DTranspose,
    FusedBatchNormalization: keras.layers.BatchNormalization,
}


def plain_copy(network: keras.Model) -> keras.Model:
    """Return a functional network that computes the same in inference, of Keras' own layers only.

    In float32, whatever the network was trained in. Spectrally normalised kernels are divided by
    their sigma once and for all. Saved, the copy loads without this module.
    """

    @functools.cache  # a layer that is called twice stays one layer
    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.Model):  # a network inside of the network
            return plain_copy(layer)
        if isinstance(layer, SpectralDense):
            return keras.layers.Dense(layer.units, name=layer.name, dtype="float32")
        if isinstance(layer, SpectralConv2D):
            return keras.layers.Conv2D(
                layer.units,
                layer.kernel_size,
                layer.strides,
                "same",
                name=layer.name,
                dtype="float32",
            )
        config = layer.get_config()
        if "dtype" in config:  # all but plain operations such as slices
            config["dtype"] = "float32"
        if "synchronized" in config:
            config["synchronized"] = False
        return PLAIN.get(type(layer), type(layer)).from_config(config)

    copy = keras.models.clone_model(network, clone_function=plain)
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            continue
        if isinstance(layer, SpectralLayer):
            kernel = tf.cast(layer.normalized_kernel(), "float32")
            weights = [kernel.numpy(), layer.bias.numpy()]
        else:
            weights = layer.get_weights()
        if weights:
            copy.get_layer(layer.name).set_weights(weights)
    return copy


def fast_copy(network: keras.Model) -> keras.Model:
    """Return a loaded functional network in the form that runs fastest, with weights of its own.

    Layers that have no such form stay as they are.
    """
    fast = {plain: layer for layer, plain in PLAIN.items()}

    @functools.cache
    def converted(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.Model):
            return fast_copy(layer)
        kind: Any = fast.get(type(layer)) if _has_fast_form(layer) else None
        return (kind or type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=converted)
    copy.set_weights(network.get_weights())
    return copy


def _has_fast_form(layer: keras.layers.Layer) -> bool:
    """Say whether a Keras layer does what its counterpart here does, which has fewer options."""
    if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose):
        is_usual = layer.padding == "same" and layer.data_format == "channels_last"
        is_linear = layer.activation is keras.activations.linear and layer.use_bias
        one_stride = layer.strides[0] == layer.strides[1] and set(layer.dilation_rate) == {1}
        return is_usual and is_linear and one_stride and getattr(layer, "groups", 1) == 1
    if isinstance(layer, keras.layers.BatchNormalization):
        return layer.axis in (-1, 3) and layer.center and layer.scale
    return True
