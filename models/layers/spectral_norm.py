"""Spectrally normalised layers (Miyato et al. 2018, https://arxiv.org/abs/1802.05957).

The kernel W, as a matrix [fan_in, units], is divided by an estimate of its largest singular
value. Each pass makes one power iteration from the stored vector u with the current W,

    v = normalised W u,    u' = normalised W^T v,    sigma = v^T W u',

and gradients flow through the W of sigma, not through v and u'. A pass never changes u, whether in
training or in inference; `advance()` replaces u by u', once an iteration. So however many passes
the players make, all see one function of the weights, and a pass of one player leaves no trace in
another. (`keras.layers.SpectralNormalization` overwrites the kernel on every training pass.)
"""

from typing import Any

import keras
import tensorflow as tf

from models.layers.frozen import frozen_state
from models.layers.narrow_convolutions import convolve

PACKAGE = "disentanglement"
NORM_EPSILON = 1e-12


class SpectralLayer(keras.layers.Layer):
    """A kernel, a bias and the vector u; subclasses give the kernel's shape and multiply.

    Args:
        units: outputs.
        kernel_initializer: a Keras initialiser of the kernel.
        vector_initializer: a Keras initialiser of u.
        name: the layer's name.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(
        self,
        units: int,
        kernel_initializer: Any = "glorot_uniform",
        vector_initializer: Any = "random_normal",
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.vector_initializer = keras.initializers.get(vector_initializer)

    def add_variables(self, kernel_shape: tuple[int | None, ...]) -> None:
        """Make kernel, bias and u; called by a subclass' `build`."""
        # Never cast by mixed precision: sigma is found in full precision.
        self.kernel = self.add_weight(
            name="kernel",
            shape=kernel_shape,
            initializer=self.kernel_initializer,
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.vector = self.add_weight(
            name="vector",
            shape=(self.units,),
            initializer=self.vector_initializer,
            trainable=False,
            autocast=False,
            # Every replica holds the same kernel and so arrives at the same vector.
            aggregation="only_first_replica",
        )

    def normalize(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Return kernel / sigma, in the kernel's shape, and u' [units]."""
        matrix = tf.reshape(self.kernel, (-1, self.units))  # [fan_in, units]
        constant = tf.stop_gradient(matrix)
        v = _unit(tf.linalg.matvec(constant, tf.convert_to_tensor(self.vector)))  # [fan_in]
        u = _unit(tf.linalg.matvec(constant, v, transpose_a=True))
        return self.kernel / tf.tensordot(v, tf.linalg.matvec(matrix, u), 1), u

    def freeze(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Return what `normalize` does, as constants; see `models.layers.frozen`."""
        kernel, vector = self.normalize()
        return tf.stop_gradient(kernel), vector

    def normalized_kernel(self) -> tf.Tensor:
        """Return kernel / sigma, in the layer's compute dtype."""
        kernel, _ = frozen_state(self) or self.normalize()
        return tf.cast(kernel, self.compute_dtype)

    def advance(self) -> None:
        """Replace the stored u by that of one power iteration with the current kernel."""
        self.vector.assign(self.normalize()[1])

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        return {
            **super().get_config(),
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "vector_initializer": keras.initializers.serialize(self.vector_initializer),
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class SpectralDense(SpectralLayer):
    """A dense layer with a spectrally normalised kernel; [batch, inputs] to [batch, units]."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the variables."""
        self.add_variables((input_shape[-1], self.units))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return inputs @ kernel / sigma + bias."""
        return tf.nn.bias_add(tf.matmul(inputs, self.normalized_kernel()), self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch, units)."""
        return (*input_shape[:-1], self.units)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SpectralConv2D(SpectralLayer):
    """A convolution with a spectrally normalised kernel and "same" padding.

    Args:
        units: output channels.
        kernel_size: height and width of the kernel.
        strides: in height and width.
        **kwargs: initialisers and name, see `SpectralDense`.
    """

    def __init__(self, units: int, kernel_size: int, strides: int = 1, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.kernel_size = kernel_size
        self.strides = strides

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the variables."""
        size = self.kernel_size
        self.add_variables((size, size, input_shape[-1], self.units))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return [batch, height / strides, width / strides, units], rounded up."""
        return tf.nn.bias_add(convolve(inputs, self.normalized_kernel(), self.strides), self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the output, unknown sizes staying None."""
        sizes = [size and -(-size // self.strides) for size in input_shape[1:3]]
        return (input_shape[0], *sizes, self.units)

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(vector, epsilon=NORM_EPSILON)
