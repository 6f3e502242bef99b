"""A model as it is built for training, and every array of its state."""

import keras
import tensorflow as tf

from pipeline.stages.train.monitor import running_means


def state_of(spec, dataset) -> tuple:
    """Return the Keras model and the TensorFlow variable of each name in a checkpoint.

    Args:
        spec: What to build.
        dataset: The opened data set.
    """
    keras.config.set_dtype_policy(spec.training.precision)
    method = spec.method
    model = method.build(dataset.image_shape, dataset.max_value, spec.seed, dataset.num_images)
    variables = {**model.state, **running_means(model)}
    return model, {
        name: one if isinstance(one, tf.Variable) else one.value for name, one in variables.items()
    }
