"""Layers and steps in a fast form compute what the plain ones do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.train_step import TOLERANCE, largest_difference
from models import layers, optimizers
from models.narrow_convolutions import convolve, convolve_transposed

RNG = np.random.default_rng(0)


def values_and_gradients(function, *inputs):
    inputs = [tf.constant(one) for one in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(*inputs)
        loss = tf.reduce_sum(tf.sin(outputs))
    return [outputs, *tape.gradient(loss, inputs)]


@pytest.mark.parametrize("size", [3, 4, 5])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("height", [8, 7])
def test_narrow_convolutions_are_those_of_tensorflow(size, channels, height):
    kernel = RNG.normal(size=(size, size, channels, 5))
    images = RNG.normal(size=(2, height, 8, channels))
    features = RNG.normal(size=(2, height, 4, 5))
    shape = (2, 2 * height, 8, channels)
    pairs = [
        values_and_gradients(lambda x, w: convolve(x, w, 2), images, kernel),
        values_and_gradients(lambda x, w: convolve_transposed(x, w, 2), features, kernel),
    ]
    plain = [
        values_and_gradients(lambda x, w: tf.nn.conv2d(x, w, 2, "SAME"), images, kernel),
        values_and_gradients(
            lambda x, w: tf.nn.conv2d_transpose(x, w, shape, 2, "SAME"), features, kernel
        ),
    ]
    for fast, expected in zip(sum(pairs, []), sum(plain, []), strict=True):
        np.testing.assert_allclose(fast, expected, atol=1e-12)


LAYERS = {
    "conv": (layers.Conv2D, keras.layers.Conv2D, (3, 4, 2, "same")),
    "deconv": (layers.Conv2DTranspose, keras.layers.Conv2DTranspose, (1, 4, 2, "same")),
    "leaky_relu": (layers.LeakyReLU, keras.layers.LeakyReLU, (0.2,)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_equal_those_of_keras(name):
    inputs = tf.constant(RNG.normal(size=(2, 8, 8, 2)), tf.float32)
    own, plain, arguments = LAYERS[name]
    results = []
    for kind in (own, plain):
        layer = kind(*arguments)
        layer.build(inputs.shape)
        rng = np.random.default_rng(1)
        layer.set_weights([rng.normal(size=one.shape) for one in layer.get_weights()])
        results.append(values_and_gradients(layer, inputs))
    for fast, expected in zip(*results, strict=True):
        np.testing.assert_allclose(fast, expected, rtol=1e-4, atol=1e-5)


def test_fused_batch_norm_equals_that_of_keras():
    inputs = tf.constant(RNG.normal(2.0, 3.0, (8, 4, 4, 5)), tf.float32)
    results = []
    for kind in (layers.FusedBatchNormalization, keras.layers.BatchNormalization):
        layer = kind(momentum=0.9, epsilon=1e-5)
        layer.build(inputs.shape)
        layer.set_weights([np.full(5, 1.5), np.full(5, 0.5), np.zeros(5), np.ones(5)])
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
            loss = tf.reduce_sum(outputs**3)
        gradients = tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])
        results.append([outputs, *gradients, *layer.get_weights(), layer(inputs, training=False)])
    for fused, plain in zip(*results, strict=True):
        np.testing.assert_allclose(fused, plain, rtol=2e-4, atol=2e-4)


def test_fused_adam_equals_that_of_keras():
    gradients = [RNG.normal(size=(3, 2)).astype(np.float32) for _ in range(5)]
    results = []
    for optimizer in (
        optimizers.Adam(0.01, 0.5, 0.9).build(),
        keras.optimizers.Adam(0.01, beta_1=0.5, beta_2=0.9, epsilon=1e-8),
    ):
        variable = keras.Variable(np.ones((3, 2), np.float32))
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [variable])
        slots = [one.numpy() for one in optimizer.variables]
        results.append([variable.numpy(), *slots])
    for fused, plain in zip(*results, strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-5)


def test_the_step_is_the_published_iteration():
    """Equal losses in float64: nothing that matters is left out."""
    small = (
        "deconv_generator.deconv = (6,)",
        "deconv_generator.base_channels = 5",
        "conv_discriminator.conv = (4, 6)",
        "contrastive_network.conv = (4, 6)",
    )
    assert largest_difference(4, (16, 16, 1), small) < TOLERANCE
