"""Layers and steps in a fast form compute what the plain ones do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.train_step import TOLERANCE, largest_difference
from models.codes import joint_code as codes
from models.gans.infogan_cr import InfoGANCR
from models.layers import plain as layers
from models.layers.narrow_convolutions import add_bias, convolve, convolve_transposed
from models.networks.convolutional import ContrastiveNetwork, ConvDiscriminator
from models.networks.deconvolutional import DeconvGenerator
from models.optimizers import recipes as optimizers

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


@pytest.mark.parametrize("channels", [1, 3, 4, 5])
def test_biases_of_few_channels_are_those_of_tensorflow(channels):
    inputs = RNG.normal(size=(2, 8, 6, channels)), RNG.normal(size=channels)
    fast = values_and_gradients(add_bias, *inputs)
    for one, expected in zip(fast, values_and_gradients(tf.nn.bias_add, *inputs), strict=True):
        np.testing.assert_allclose(one, expected, atol=1e-12)


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


def test_loaded_networks_compute_the_same_in_their_fast_form():
    def network(stride):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4, 4, 3))
        outputs = keras.layers.Conv2D(6, 3, padding="same")(inputs)
        outputs = keras.layers.BatchNormalization()(keras.layers.LeakyReLU(0.2)(outputs))
        outputs = keras.layers.Conv2D(4, 3, padding="valid", use_bias=False)(outputs)
        outputs = keras.layers.Conv2DTranspose(1, 4, stride, padding="same")(outputs)
        return keras.Model(inputs, outputs)

    plain = network((2, 2))
    plain.set_weights([np.abs(RNG.normal(size=one.shape)) for one in plain.get_weights()])
    fast = layers.fast_copy(plain)
    images = RNG.normal(size=(2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(fast(images), plain(images), rtol=1e-5, atol=1e-5)
    kinds = [type(layer) for layer in fast.layers[1:]]
    assert kinds[:3] == [layers.Conv2D, layers.LeakyReLU, layers.FusedBatchNormalization]
    # What the fast form cannot do stays as it is.
    assert kinds[3:] == [keras.layers.Conv2D, layers.Conv2DTranspose]
    assert type(layers.fast_copy(network((2, 1))).layers[-1]) is keras.layers.Conv2DTranspose


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


SMALL = InfoGANCR(
    codes=codes.JointCode((codes.UniformCodes(3), codes.UniformNoise(2))),
    generator=DeconvGenerator(
        dense=(8,),
        base_channels=6,
        deconv=(5,),
        dense_activation="relu",
        deconv_activation="leaky_relu",
        negative_slope=0.2,
        batch_norm=True,
        order="activation_norm",
    ),
    discriminator=ConvDiscriminator(
        conv=(4, 6), dense=(8,), negative_slope=0.2, q_dense=(), norm="spectral"
    ),
    contrastive=ContrastiveNetwork(conv=(4, 6), dense=(8,), negative_slope=0.2, norm="spectral"),
    generator_optimizer=optimizers.Adam(1e-3, 0.5),
    discriminator_optimizer=optimizers.Adam(1e-3, 0.5),
    cr_optimizer=optimizers.Adam(1e-3, 0.5),
    info_weight=0.1,
    cr_weight=1.0,
    gap=0.5,
    generator_steps=2,
)
IMAGES = RNG.integers(0, 2, (16, 8, 8, 1), np.uint8)


def train(precision):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        model = SMALL.build((8, 8, 1), 1, seed=0)
    finally:
        keras.config.set_dtype_policy(policy)
    model.begin_segment(0)
    for _ in range(2):
        losses = model.train_step(IMAGES)
    return model, {name: float(value) for name, value in losses.items()}


def test_mixed_precision_trains_alike_and_exports_full_precision():
    _, expected = train("float32")
    model, losses = train("mixed_bfloat16")
    assert losses.keys() == expected.keys()
    del losses["cr_accuracy"], expected["cr_accuracy"]
    for name, value in expected.items():
        assert losses[name] == pytest.approx(value, rel=0.02), name
    assert model.discriminator.layers[1].compute_dtype == "bfloat16"
    assert {one.dtype for one in model.state.values()} <= {"float32", "int32", "int64"}
    for network in model.exports().values():
        assert {layer.compute_dtype for layer in network.layers if layer.weights} == {"float32"}
        assert network(np.zeros((2, *network.input_shape[1:]), np.float32)).dtype == tf.float32


def test_xla_computes_the_same_losses_and_gradients():
    """From given draws."""
    model = SMALL.build((8, 8, 1), 1, seed=0)
    latents = model.codes.sample(16, tf.constant([1, 2]))

    def gradients():
        with tf.GradientTape(persistent=True) as tape:
            fakes = model.generator(latents, training=True)
            logits, q_outputs = model.discriminator(fakes, training=True)
            loss = tf.reduce_mean(tf.nn.softplus(-logits))
            loss += model.codes.negative_log_likelihood(latents, q_outputs)
        return loss, [
            tape.gradient(loss, model.players[player]) for player in ("generator", "discriminator")
        ]

    plain = tf.nest.flatten(tf.function(gradients)())
    compiled = tf.nest.flatten(tf.function(gradients, jit_compile=True)())
    for one, other in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
