"""Adam in one operation a variable."""

import keras
import tensorflow as tf

from models.layers.spectral_norm import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980) in TensorFlow's own kernel.

    The same update; Keras composes it from a dozen operations, and rounds the betas to float32 on
    the way, in float64 as well. No gradient may be sparse, and there is no AMSGrad.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Move one variable; see `keras.optimizers.Optimizer`."""
        dtype = variable.dtype
        index = self._get_variable_index(variable)
        beta_1, beta_2 = tf.constant(self.beta_1, dtype), tf.constant(self.beta_2, dtype)
        step = tf.cast(self.iterations.value + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, dtype),
            grad=gradient,
        )
