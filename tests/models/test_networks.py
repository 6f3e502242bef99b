"""Networks layer by layer against counts by hand; spectral and batch norm against numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.codes import joint_code as codes
from models.gans.infogan_model import mean_of_codes
from models.layers import plain as layers
from models.networks.convolutional import ContrastiveNetwork, ConvDiscriminator
from models.networks.deconvolutional import DeconvGenerator
from models.networks.dense import DenseEncoder, DenseGenerator

SPECTRAL = {"norm": "spectral", "negative_slope": 0.2}
TRUNK_64 = {"conv": (32, 32, 64, 64), "dense": (128,)}
TRUNK_CELEBA = {"kernel_size": 5, "centred_input": True, "dense": (), "negative_slope": 0.2}


def generator_64():
    return DeconvGenerator(
        dense=(128,),
        base_channels=64,
        deconv=(64, 32, 32),
        dense_activation="relu",
        deconv_activation="leaky_relu",
        batch_norm=True,
        order="activation_norm",
        negative_slope=0.2,
    )


def kinds(network):
    """Layer kinds in order, without the reshaping ones."""
    skipped = (keras.layers.InputLayer, keras.layers.Reshape, keras.layers.Flatten)
    return [type(one).__name__ for one in network.layers if not isinstance(one, skipped)]


def outputs_of(network, kind):
    return [one.output.shape[1:] for one in network.layers if isinstance(one, kind)]


def count(*sizes):
    """Parameters of kernels (fan_in, units) with biases."""
    return sum(fan_in * units + units for fan_in, units in sizes)


@pytest.mark.parametrize("channels", [1, 3])
def test_generator_of_the_64_by_64_data(channels):
    generator = generator_64().build((64, 64, channels), 10, seed=0)
    dense = ["Dense", "ReLU", "FusedBatchNormalization"] * 2
    deconv = ["Conv2DTranspose", "LeakyReLU", "FusedBatchNormalization"] * 3
    assert kinds(generator) == [*dense, *deconv, "Conv2DTranspose", "Activation"]
    assert outputs_of(generator, keras.layers.Conv2DTranspose) == [
        (8, 8, 64),
        (16, 16, 32),
        (32, 32, 32),
        (64, 64, channels),
    ]
    # A transposed convolution's bias is per output channel, its kernel 4 x 4 x in x out.
    kernels = count((10, 128), (128, 1024), (16 * 64, 64), (16 * 64, 32), (16 * 32, 32))
    kernels += count((16 * 32, channels))
    assert generator.count_params() == kernels + 4 * (128 + 1024 + 64 + 32 + 32)
    images = generator(np.zeros((2, 10), np.float32), training=False)
    np.testing.assert_allclose(images, 0.5)  # sigmoid of biases that start at 0


def test_dense_networks_of_beta_tcvae_on_dsprites():
    images = keras.Input((64, 64, 1))
    heads = {"mean": 10, "log_variance": 10}
    encoder = DenseEncoder(dense=(1200, 1200)).build(images, heads, seed=0, network="posterior")
    assert kinds(encoder) == ["Dense", "LeakyReLU"] * 2 + ["Dense"] * 2
    assert encoder.count_params() == count((4096, 1200), (1200, 1200), (1200, 20))
    decoder = DenseGenerator(dense=(1200, 1200, 1200), activation="tanh")
    network = decoder.build((64, 64, 1), 10, seed=0)
    assert kinds(network) == ["Dense", "Activation"] * 4
    assert network.count_params() == count((10, 1200), (1200, 1200), (1200, 1200), (1200, 4096))
    # By hand: tanh between the layers, a sigmoid of each pixel's logit at the end.
    small = DenseGenerator(dense=(3,), activation="tanh").build((1, 2, 1), 2, seed=0)
    (first, bias), (last, logit_bias) = (
        layer.get_weights() for layer in small.layers if isinstance(layer, keras.layers.Dense)
    )
    latents = np.array([[0.3, -1.2]], np.float32)
    logits = np.tanh(latents @ first + bias) @ last + logit_bias
    np.testing.assert_allclose(
        small(latents).numpy().reshape(1, 2), 1 / (1 + np.exp(-logits)), rtol=1e-5
    )


def test_discriminator_of_the_64_by_64_data():
    recipe = ConvDiscriminator(**TRUNK_64, **SPECTRAL, q_dense=(128,))
    discriminator = recipe.build((64, 64, 1), 5, seed=0)
    assert outputs_of(discriminator, layers.SpectralConv2D) == [
        (32, 32, 32),
        (16, 16, 32),
        (8, 8, 64),
        (4, 4, 64),
    ]
    assert "FusedBatchNormalization" not in kinds(discriminator)
    assert "Dense" not in kinds(discriminator)  # both heads are spectral too
    trainable = count((16, 32), (512, 32), (512, 64), (1024, 64), (1024, 128))
    trainable += count((128, 1), (128, 128), (128, 5))
    vectors = 32 + 32 + 64 + 64 + 128 + 1 + 128 + 5
    assert discriminator.count_params() == trainable + vectors
    assert [one.shape for one in discriminator.outputs] == [(None, 1), (None, 5)]


def test_contrastive_network_of_dsprites():
    recipe = ContrastiveNetwork(**TRUNK_64, **SPECTRAL)
    contrastive = recipe.build((64, 64, 1), 5, seed=0)
    block = ["SpectralConv2D", "LeakyReLU"] * 4
    assert kinds(contrastive) == [*block, "SpectralDense", "LeakyReLU", "Dense"]
    trainable = count((32, 32), (512, 32), (512, 64), (1024, 64), (1024, 128), (128, 5))
    assert contrastive.count_params() == trainable + 32 + 32 + 64 + 64 + 128


def test_contrastive_network_of_teapots():
    recipe = ContrastiveNetwork(
        **TRUNK_64, norm="batch", order="activation_norm", negative_slope=0.2
    )
    contrastive = recipe.build((64, 64, 3), 5, seed=0)
    block = ["Conv2D", "LeakyReLU", "FusedBatchNormalization"] * 3
    tail = ["Dense", "LeakyReLU", "FusedBatchNormalization", "Dense"]
    assert kinds(contrastive) == ["Conv2D", "LeakyReLU", *block, *tail]
    trainable = count((96, 32), (512, 32), (512, 64), (1024, 64), (1024, 128), (128, 5))
    assert contrastive.count_params() == trainable + 4 * (32 + 64 + 64 + 128)


def test_networks_of_celeba():
    recipe = DeconvGenerator(
        dense=(1024,),
        base_channels=256,
        deconv=(128, 64),
        kernel_size=5,
        dense_activation="relu",
        deconv_activation="relu",
        batch_norm=True,
        order="norm_activation",
        output="tanh",
    )
    generator = recipe.build((32, 32, 3), 105, seed=0)
    dense = ["Dense", "FusedBatchNormalization", "ReLU"] * 2
    deconv = ["Conv2DTranspose", "FusedBatchNormalization", "ReLU"] * 2
    assert kinds(generator) == [*dense, *deconv, "Conv2DTranspose", "Activation", "Rescaling"]
    kernels = count((105, 1024), (1024, 4096), (25 * 256, 128), (25 * 128, 64), (25 * 64, 3))
    assert generator.count_params() == kernels + 4 * (1024 + 4096 + 128 + 64)
    images = generator(np.zeros((2, 105), np.float32), training=False)
    np.testing.assert_allclose(images, 0.5)  # tanh 0 is grey

    recipe = ConvDiscriminator(
        **TRUNK_CELEBA, conv=(64, 128, 256, 512), q_dense=(), norm="spectral"
    )
    discriminator = recipe.build((32, 32, 3), 5, seed=0)
    trunk = ((75, 64), (25 * 64, 128), (25 * 128, 256), (25 * 256, 512))
    expected = count(*trunk, (2048, 1), (2048, 5)) + 64 + 128 + 256 + 512 + 1 + 5
    assert discriminator.count_params() == expected

    recipe = ContrastiveNetwork(
        **TRUNK_CELEBA, conv=(64, 128, 256, 512), norm="batch", order="norm_activation"
    )
    contrastive = recipe.build((32, 32, 3), 5, seed=0)
    block = ["Conv2D", "FusedBatchNormalization", "LeakyReLU"] * 3
    assert kinds(contrastive) == ["Rescaling", "Conv2D", "LeakyReLU", *block, "Dense"]
    expected = count((150, 64), *trunk[1:], (2048, 5)) + 4 * (128 + 256 + 512)
    assert contrastive.count_params() == expected


def test_networks_of_the_infogan_mnist_experiment():
    joint = codes.JointCode(
        (codes.CategoricalCode(10), codes.UniformCodes(2), codes.UniformNoise(62))
    )
    recipe = ConvDiscriminator(
        conv=(64, 128),
        dense=(1024,),
        q_dense=(128,),
        norm="batch",
        order="norm_activation",
        negative_slope=0.1,
    )
    discriminator = recipe.build((28, 28, 1), joint.q_dim, seed=0)
    kernels = count((16, 64), (1024, 128), (7 * 7 * 128, 1024), (1024, 1), (1024, 128), (128, 12))
    assert discriminator.count_params() == kernels + 4 * (128 + 1024 + 128)
    encoder = mean_of_codes(discriminator, joint)
    assert encoder.output_shape == (None, 12)
    assert encoder.count_params() == discriminator.count_params() - 1025  # no D head
    encoded = np.asarray(encoder(np.ones((3, 28, 28, 1), np.float32), training=False))
    np.testing.assert_allclose(encoded[:, :10].sum(1), 1.0, rtol=1e-6)


def test_initial_weights_follow_the_papers_and_the_seed():
    recipe = ConvDiscriminator(**TRUNK_64, **SPECTRAL, q_dense=(128,))
    one, same, other = (recipe.build((64, 64, 1), 5, seed) for seed in (1, 1, 2))
    for a, b, c in zip(one.variables, same.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a, b)
        if a.name == "bias":
            np.testing.assert_array_equal(a, 0.0)
        else:
            assert not np.array_equal(a, c)
    dense = one.get_layer("discriminator_dense_1").kernel.numpy()
    np.testing.assert_allclose(dense.std(), 0.02, rtol=0.02)
    assert abs(dense).max() > 0.06  # normal
    conv = one.get_layer("discriminator_conv_4").kernel.numpy()
    np.testing.assert_allclose(conv.std(), 0.02, rtol=0.15)
    assert abs(conv).max() <= 0.04 + 1e-6  # truncated at two standard deviations
    same_shape = [one.get_layer(f"discriminator_conv_{number}").kernel.shape for number in (3, 4)]
    assert same_shape == [(4, 4, 32, 64), (4, 4, 64, 64)]


def spectral_conv():
    layer = layers.SpectralConv2D(
        6,
        4,
        2,
        kernel_initializer=keras.initializers.RandomNormal(seed=1),
        vector_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=2),
    )
    layer.build((None, 8, 8, 3))
    return layer


def test_spectral_norm_approaches_the_largest_singular_value():
    layer = spectral_conv()
    for _ in range(200):
        layer.advance()
    kernel = layer.normalized_kernel().numpy().reshape(48, 6)
    np.testing.assert_allclose(np.linalg.svd(kernel, compute_uv=False)[0], 1.0, rtol=1e-5)


def test_one_power_iteration_by_hand_and_only_advance_stores_it():
    layer = spectral_conv()
    matrix = layer.kernel.numpy().reshape(48, 6)
    stored = layer.vector.numpy()
    v = matrix @ stored
    v /= np.linalg.norm(v)
    u = matrix.T @ v
    sigma = np.linalg.norm(u)
    for training in (True, False, True):
        layer(np.ones((2, 8, 8, 3), np.float32), training=training)
    np.testing.assert_array_equal(layer.vector, stored)
    expected = layer.kernel.numpy() / sigma
    np.testing.assert_allclose(layer.normalized_kernel(), expected, rtol=1e-5)
    layer.advance()
    np.testing.assert_allclose(layer.vector, u / sigma, rtol=1e-4)


def test_gradients_pass_through_sigma_but_not_through_its_vectors():
    layer = spectral_conv()
    weights = np.random.default_rng(0).normal(size=(48, 6))
    matrix = layer.kernel.numpy().reshape(48, 6).astype(np.float64)
    v = matrix @ layer.vector.numpy()
    v /= np.linalg.norm(v)
    u = matrix.T @ v
    u /= np.linalg.norm(u)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.reshape(layer.normalized_kernel(), (48, 6)) * weights)
    gradient = tape.gradient(loss, layer.kernel.value).numpy().reshape(48, 6)

    def objective(changed):  # v and u held
        return (changed * weights).sum() / (v @ changed @ u)

    for row, column in [(0, 0), (17, 3), (47, 5)]:
        step = np.zeros_like(matrix)
        step[row, column] = 1e-6
        difference = (objective(matrix + step) - objective(matrix - step)) / 2e-6
        np.testing.assert_allclose(gradient[row, column], difference, rtol=1e-3, atol=1e-3)


def test_converged_gradients_are_those_of_the_true_norm():
    layer = spectral_conv()
    for _ in range(500):
        layer.advance()
    weights = np.random.default_rng(0).normal(size=(48, 6))
    matrix = layer.kernel.numpy().reshape(48, 6).astype(np.float64)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.reshape(layer.normalized_kernel(), (48, 6)) * weights)
    gradient = tape.gradient(loss, layer.kernel.value).numpy().reshape(48, 6)
    step = np.zeros_like(matrix)
    step[9, 2] = 1e-6
    plus, minus = (
        (one * weights).sum() / np.linalg.norm(one, 2) for one in (matrix + step, matrix - step)
    )
    np.testing.assert_allclose(gradient[9, 2], (plus - minus) / 2e-6, rtol=1e-3)
