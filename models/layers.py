"""Spectrally normalised layers (Miyato et al. 2018, https://arxiv.org/abs/1802.05957).

The kernel W, as a matrix [fan_in, units], is divided by an estimate of its largest singular
value. Each pass makes one power iteration from the stored vector u with the current W,

    v = normalised W u,    u' = normalised W^T v,    sigma = v^T W u',

and gradients flow through the W of sigma, not through v and u'. A pass never changes u, whether in
training or in inference; `advance()` replaces u by u', once an iteration. So however many passes
the players make, all see one function of the weights, and a pass of one player leaves no trace in
another. (`keras.layers.SpectralNormalization` overwrites the kernel on every training pass.)
"""

import keras
import tensorflow as tf

PACKAGE = "disentanglement"
NORM_EPSILON = 1e-12


class _SpectralLayer(keras.layers.Layer):
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
        units,
        kernel_initializer="glorot_uniform",
        vector_initializer="random_normal",
        name=None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.vector_initializer = keras.initializers.get(vector_initializer)

    def add_variables(self, kernel_shape):
        """Makes kernel, bias and u; called by a subclass' `build`."""
        self.kernel = self.add_weight(
            name="kernel", shape=kernel_shape, initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.vector = self.add_weight(
            name="vector",
            shape=(self.units,),
            initializer=self.vector_initializer,
            trainable=False,
            # Every replica holds the same kernel and so arrives at the same vector.
            aggregation="only_first_replica",
        )

    def advance(self):
        """Replaces the stored u by that of one power iteration with the current kernel."""
        self.vector.assign(self._power_iteration()[1])

    def normalized_kernel(self):
        """Returns kernel / sigma, in the kernel's shape."""
        v, u = self._power_iteration()
        sigma = tf.tensordot(v, tf.linalg.matvec(self._matrix(), u), 1)
        return self.kernel / sigma

    def get_config(self):
        """Returns what `from_config` needs."""
        return {
            **super().get_config(),
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "vector_initializer": keras.initializers.serialize(self.vector_initializer),
        }

    def _matrix(self):
        return tf.reshape(self.kernel, (-1, self.units))  # [fan_in, units]

    def _power_iteration(self):
        matrix = tf.stop_gradient(self._matrix())
        v = _unit(tf.linalg.matvec(matrix, tf.convert_to_tensor(self.vector)))  # [fan_in]
        return v, _unit(tf.linalg.matvec(matrix, v, transpose_a=True))  # and [units]


@keras.saving.register_keras_serializable(package=PACKAGE)
class SpectralDense(_SpectralLayer):
    """A dense layer with a spectrally normalised kernel; [batch, inputs] to [batch, units]."""

    def build(self, input_shape):
        """Makes the variables."""
        self.add_variables((input_shape[-1], self.units))

    def call(self, inputs):
        """Returns inputs @ kernel / sigma + bias."""
        return tf.matmul(inputs, self.normalized_kernel()) + self.bias

    def compute_output_shape(self, input_shape):
        """Returns (batch, units)."""
        return (*input_shape[:-1], self.units)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SpectralConv2D(_SpectralLayer):
    """A convolution with a spectrally normalised kernel and "same" padding.

    Args:
        units: output channels.
        kernel_size: height and width of the kernel.
        strides: in height and width.
        **kwargs: initialisers and name, see `SpectralDense`.
    """

    def __init__(self, units, kernel_size, strides=1, **kwargs):
        super().__init__(units, **kwargs)
        self.kernel_size = kernel_size
        self.strides = strides

    def build(self, input_shape):
        """Makes the variables."""
        size = self.kernel_size
        self.add_variables((size, size, input_shape[-1], self.units))

    def call(self, inputs):
        """Returns [batch, height / strides, width / strides, units], rounded up."""
        kernel = self.normalized_kernel()
        return tf.nn.conv2d(inputs, kernel, self.strides, "SAME") + self.bias

    def compute_output_shape(self, input_shape):
        """Returns the shape of the output, unknown sizes staying None."""
        sizes = [size and -(-size // self.strides) for size in input_shape[1:3]]
        return (input_shape[0], *sizes, self.units)

    def get_config(self):
        """Returns what `from_config` needs."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch norm with TensorFlow's fused kernel for training passes over feature maps.

    The same function of the inputs, about three times as fast (Keras composes it from its parts).
    With `synchronized`, replicas that share a batch also share its statistics.
    """

    def call(self, inputs, training=None, mask=None):
        """Returns normalised inputs; a training pass also updates the moving statistics."""
        if training and self.synchronized:
            return self._call_together(inputs)
        if not training or len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
        )
        # The fused kernel divides by n - 1, Keras (and the dense case) by n.
        count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], variance.dtype)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance * (count - 1.0) / count)
        return outputs

    def _call_together(self, inputs):
        """Returns inputs normalised by mean and variance over all replicas' rows.

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

    def _move(self, average, value):
        average.assign(average * self.momentum + value * (1.0 - self.momentum))


def plain_copy(network: keras.Model) -> keras.Model:
    """Returns a functional network that computes the same in inference, of Keras' own layers only.

    Spectrally normalised kernels are divided by their sigma once and for all. Saved, the copy
    loads without this module.
    """

    def plain(layer):
        if isinstance(layer, SpectralDense):
            return keras.layers.Dense(layer.units, name=layer.name)
        if isinstance(layer, SpectralConv2D):
            return keras.layers.Conv2D(
                layer.units, layer.kernel_size, layer.strides, "same", name=layer.name
            )
        if isinstance(layer, FusedBatchNormalization):
            config = {**layer.get_config(), "synchronized": False}
            return keras.layers.BatchNormalization.from_config(config)
        return layer.__class__.from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=plain)
    for layer in network.layers:
        if isinstance(layer, _SpectralLayer):
            weights = [layer.normalized_kernel().numpy(), layer.bias.numpy()]
        else:
            weights = layer.get_weights()
        if weights:
            copy.get_layer(layer.name).set_weights(weights)
    return copy


def advance_spectral_vectors(network: keras.Model) -> None:
    """Advances the power iteration of every spectrally normalised layer of a network by one."""
    for layer in network.layers:
        if isinstance(layer, _SpectralLayer):
            layer.advance()


def _unit(vector):
    return tf.math.l2_normalize(vector, epsilon=NORM_EPSILON)
