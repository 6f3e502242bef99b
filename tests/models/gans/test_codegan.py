"""CoDeGAN: who moves what, the start of E_c, both layouts of the encoders, exports, networks."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.codes import joint_code as codes
from models.gans.codegan import CoDeGAN
from models.gans.codegan_model import pretrained_variables
from models.layers.augmentation import Augmentation
from models.losses.adversarial import gradient_penalty
from models.networks.class_networks import feature_network
from models.networks.convolutional import PaddedConvEncoder
from models.networks.deconvolutional import DeconvGenerator
from models.networks.residual import ResidualDiscriminator, ResidualGenerator, ResNetEncoder
from models.optimizers import recipes as optimizers
from pipeline.experiment import load_experiment
from tests.models import training_steps
from tests.models.training_steps import names, values

CODES = codes.FeatureCode((codes.CategoricalCode(3), codes.GaussianNoise(2)), feature_dim=4)
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)
SHAPE = (8, 8, 1)


def recipe(**changes):
    adam = optimizers.DecayingAdam(1e-3, 0.5, 0.9, l2=2.5e-5)
    encoder = PaddedConvEncoder(conv=(4, 6), dense=(8,), activates_dense=True, negative_slope=0.2)
    arguments = {
        "codes": CODES,
        "generator": DeconvGenerator(
            dense=(8,),
            base_channels=4,
            deconv=(4,),
            dense_activation="relu",
            deconv_activation="relu",
            batch_norm=True,
            order="norm_activation",
        ),
        "discriminator": encoder,
        "class_encoder": encoder,
        "noise_encoder": None,
        **{f"{name}_optimizer": adam for name in ("generator", "discriminator", "class", "noise")},
        "augmentation": Augmentation(crop_area=(0.8, 1.0)),
        "game": "wasserstein",
        "penalty_weight": 10.0,
        "class_weight": 100.0,
        "noise_weight": 5e-4,
        "stop_at_view": True,
        "discriminator_steps": 2,
        "discriminator_batch": 6,
        "generator_batch": 6,
        "class_batch": 8,
        "noise_batch": 8,
        "class_from": 0,
    }
    return CoDeGAN(**{**arguments, **changes})


RESIDUAL = {
    "generator": ResidualGenerator(channels=4, blocks=2),
    "discriminator": ResidualDiscriminator(channels=4, norm="spectral"),
    "class_encoder": ResNetEncoder(channels=(4, 6), blocks=1, dense=(8,)),
    "noise_encoder": ResNetEncoder(channels=(4, 6), blocks=1, dense=(8,)),
    "game": "hinge",
    "penalty_weight": 0.0,
    "noise_batch": 5,
    "stop_at_view": False,
}


def moved(before, model):
    """Return the weights that differ from `before`, without optimisers."""
    changed = training_steps.moved(before, model)
    return {name for name in changed if "optimizer" not in name and name != "iteration"}


def weights(model, *prefixes, without=()):
    return names(model, *prefixes, without=("optimizer", *without))


@pytest.fixture(scope="module")
def shared():
    return recipe(class_from=2).build(SHAPE, 255, 3)


@pytest.fixture(scope="module")
def separate():
    return recipe(**RESIDUAL).build(SHAPE, 255, 3)


def test_each_update_of_a_shared_encoder_moves_its_own_variables(shared):
    real = shared.unit_range(IMAGES)[:6]
    statistics = ("moving",)
    before = values(shared)
    results = shared.update_discriminator(real, 0)
    # A constant added to all logits changes nothing in this game.
    own = weights(shared, "discriminator", without=("real_logit/bias",))
    assert moved(before, shared) == own
    assert set(results) == {"discriminator_loss", "gradient_penalty"}
    before = values(shared)
    shared.update_generator()
    assert moved(before, shared) == weights(shared, "generator")
    head = weights(shared, "class_encoder/class_encoder_noise")
    assert len(head) == 2
    before = values(shared)
    shared.is_class_learning = False
    shared.update_shared_encoder()
    assert moved(before, shared) == head
    before = values(shared)
    shared.is_class_learning = True
    shared.update_shared_encoder()
    assert moved(before, shared) == weights(shared, "class_encoder")
    assert not any(word in name for name in moved(before, shared) for word in statistics)


def test_each_update_of_separate_encoders_moves_its_own_variables(separate):
    before = values(separate)
    separate.update_discriminator(separate.unit_range(IMAGES)[:6], 0)
    changed, own = moved(before, separate), weights(separate, "discriminator")
    assert changed <= own and own - changed <= {n for n in own if "real_logit/vector" in n}
    for update, prefix in (
        (separate.update_generator, "generator"),
        (separate.update_class_encoder, "class_encoder"),
        (separate.update_noise_encoder, "noise_encoder"),
    ):
        before = values(separate)
        update()
        # Batch norm: the own network's averages move, too; those of the others do not.
        assert moved(before, separate) == weights(separate, prefix), prefix


def test_the_penalty_of_the_discriminator_has_the_gradient_of_finite_differences(shared):
    """Through D's own layers, in a traced function, as D is trained."""
    rng = np.random.default_rng(5)
    real, fake = (tf.constant(rng.random((4, *SHAPE)), tf.float32) for _ in range(2))
    mix = tf.constant(rng.random((4, 1, 1, 1)), tf.float32)
    weights_of_d = shared.discriminator.trainable_variables
    initial = [variable.numpy() for variable in weights_of_d]
    for variable in weights_of_d:  # large enough for gradients of about 1
        variable.assign(3.0 * variable)

    def penalty():
        judge = lambda images: shared.discriminator(images, training=True)  # noqa: E731
        return 1e3 * gradient_penalty(judge, real, fake, mix)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            loss = penalty()
        return tape.gradient(loss, [variable.value for variable in weights_of_d])

    found = gradients()
    # Small steps: where a leaky ReLU changes sides, the penalty jumps.
    for variable, gradient in zip(weights_of_d, found, strict=True):
        if "kernel" not in variable.path:
            continue
        direction = rng.normal(size=variable.shape).astype(np.float32)
        before, step = variable.numpy(), 5e-5
        variable.assign(before + step * direction)
        above = float(penalty())
        variable.assign(before - step * direction)
        below = float(penalty())
        variable.assign(before)
        slope = float(np.sum(gradient * direction))
        np.testing.assert_allclose((above - below) / (2 * step), slope, rtol=0.02)
    for variable, value in zip(weights_of_d, initial, strict=True):
        variable.assign(value)


def test_the_generator_learns_through_the_view_only_where_it_is_told_to(separate):
    latents = separate.draw_latents(6, "generator")

    def gradient_through_view(stops):
        with tf.GradientTape() as tape:
            images = separate.generator(latents, training=True)
            tape.watch(images)
            features, _ = separate.view_features(separate.encode, images, "x", stops)
            # The views alone: the second half of the features, in a batch norm of both.
            loss = tf.reduce_sum(features[6:])
        return tape.gradient(loss, images)

    through, stopped = gradient_through_view(False), gradient_through_view(True)
    assert np.abs(through - stopped).max() > 1e-6
    plain = recipe(stop_at_view=True).build(SHAPE, 255, 0)
    with tf.GradientTape() as tape:
        images = tf.random.stateless_uniform((6, *SHAPE), (1, 2))
        tape.watch(images)
        features, _ = plain.view_features(plain.encode, images, "x", True)
        loss = tf.reduce_sum(features[6:])
    gradient = tape.gradient(loss, images)  # through the first half, of which the loss knows none
    assert gradient is None or not np.any(gradient)


def test_training_goes_on_exactly_and_the_class_encoder_starts_late():
    def build():
        return recipe(class_from=2).build(SHAPE, 255, 5)

    def train(model, iterations):
        for _ in range(iterations):
            model.begin_segment(int(model.iteration.numpy()))
            results = model.train_step(IMAGES)
        return {name: float(value) for name, value in results.items()}

    whole, first, second = build(), build(), build()
    assert recipe(class_from=2).milestones == (2,) and recipe().milestones == ()
    before = values(whole)
    train(whole, 2)
    trunk = weights(whole, "class_encoder", without=("_noise",))
    assert not moved(before, whole) & trunk
    results = train(whole, 1)
    assert trunk <= moved(before, whole)
    assert set(results) == {metric.name for metric in whole.metrics}
    train(first, 2)
    second.load_state(values(first))
    train(second, 1)
    for name, value in values(whole).items():
        np.testing.assert_array_equal(second.state[name], value, err_msg=name)


def test_exports_load_with_keras_alone_and_agree(separate, shared, tmp_path):
    for model in (separate, shared):
        networks = model.exports()
        images = np.random.default_rng(1).random((4, *SHAPE)).astype(np.float32)
        expected = np.asarray(model.encoder(images, training=False))
        networks["encoder"].save(tmp_path / "encoder.keras")
        loaded = keras.saving.load_model(tmp_path / "encoder.keras", safe_mode=True)
        np.testing.assert_allclose(loaded(images, training=False), expected, rtol=1e-5, atol=1e-6)
        assert expected.shape == (4, CODES.code_dim)
        np.testing.assert_allclose(np.linalg.norm(expected[:, :4], axis=1), 1.0, rtol=1e-5)
        features = feature_network(loaded)(images, training=False)
        np.testing.assert_allclose(features, expected[:, CODES.class_features], rtol=1e-5)
        latents = CODES.draw(np.random.default_rng(0), 3)
        drawn = networks["generator"](latents)
        assert drawn.shape == (3, *SHAPE) and np.min(drawn) >= 0 and np.max(drawn) <= 1
        types = {type(layer).__module__ for layer in networks["generator"].layers}
        assert all(module.startswith("keras") for module in types)


@pytest.mark.parametrize("networks", [{}, RESIDUAL], ids=["convolutional", "residual"])
def test_mixed_precision_trains_alike_and_exports_full_precision(networks):
    losses = {}
    for policy in ("mixed_bfloat16", "float32"):
        keras.config.set_dtype_policy(policy)
        try:
            model = recipe(**networks).build(SHAPE, 255, 3)
            for _ in range(2):
                results = model.train_step(IMAGES)
            exports = model.exports()
        finally:
            keras.config.set_dtype_policy("float32")
        losses[policy] = {name: float(value) for name, value in results.items()}
        for network in exports.values():
            assert {one.dtype for one in network.outputs} == {"float32"}
    for name, value in losses["float32"].items():
        assert losses["mixed_bfloat16"][name] == pytest.approx(value, rel=0.1, abs=0.05), name


def test_a_frozen_shared_encoder_waits_whole_for_its_iteration():
    model = recipe(class_from=1, freezes_shared_encoder=True).build(SHAPE, 255, 3)
    encoder = weights(model, "class_encoder")
    for iteration, expected in ((0, set()), (1, encoder)):
        model.begin_segment(iteration)
        before = values(model)
        model.train_step(IMAGES)
        assert moved(before, model) & encoder == expected


def test_the_gain_of_residual_convolutions_is_that_of_the_blocks_alone():
    for plain, head in (
        (ResidualGenerator(channels=4, blocks=1), lambda one: one.build((8, 8, 1), 3, 0)),
        (
            ResidualDiscriminator(channels=4, norm="spectral", further_blocks=1),
            lambda one: one.build(keras.Input(SHAPE), {"real_logit": 1}, 0, "discriminator"),
        ),
    ):
        scaled = dataclasses.replace(plain, residual_gain=2.0)
        ratios = []
        for one, other in zip(head(plain).layers, head(scaled).layers, strict=True):
            if hasattr(one, "kernel"):
                ratio = np.median(np.asarray(other.kernel) / np.asarray(one.kernel))
                is_small = np.ndim(one.kernel) == 4 and one.kernel.shape[0] == 3
                # The last convolution of G makes the image and belongs to no block.
                in_block = is_small and one.kernel.shape[-1] == 4
                ratios.append((in_block, round(float(ratio), 4)))
        assert ratios and all(ratio == (2.0 if block else 1.0) for block, ratio in ratios)


def test_the_rate_on_cifar_10_falls_as_in_the_release():
    settings = load_experiment(["gin/codegan_cifar10.gin"], ["DATA_DIR = '/data'"]).settings
    method, iterations = settings[0].method, settings[0].training.iterations
    batches_of_d = 350 * (50_000 // 64)
    released = 2e-4 - batches_of_d / 5 * 2e-4 / 180_000
    for optimizer, updates in (
        (method.generator_optimizer, iterations),
        (method.discriminator_optimizer, method.discriminator_steps * iterations),
    ):
        rate = 2e-4 * (1.0 - updates / optimizer.decay_updates)
        assert rate == pytest.approx(released, rel=2e-3)


def test_pretrained_weights_are_taken_and_others_refused(shared):
    variables = pretrained_variables(shared.class_encoder)
    assert variables.keys() == {
        name.removeprefix("class_encoder/")
        for name in weights(shared, "class_encoder", without=("_noise",))
    }
    new = {name: np.full(variable.shape, 0.5) for name, variable in variables.items()}
    model = recipe().build(SHAPE, 255, 0)
    model.load_pretrained(new)
    for name, variable in pretrained_variables(model.class_encoder).items():
        np.testing.assert_array_equal(variable, new[name])
    with pytest.raises(ValueError, match="pre-trained variables"):
        model.load_pretrained({**new, "other": 1})


def test_l2_is_added_to_the_gradient_and_the_rate_falls():
    variable = keras.Variable([2.0, -4.0])
    optimizer = optimizers.DecayingAdam(0.1, 0.0, 0.0, l2=0.5, decay_updates=4).build()
    optimizer.build([variable])
    # Without averages Adam moves by the rate in the direction of gradient + l2 variable.
    for rate in (0.1, 0.075, 0.05, 0.025, 0.0):
        before = variable.numpy().copy()
        gradient = np.array([-0.9 * before[0] / 2, 0.0], np.float32)  # weaker than 0.5 v
        optimizer.apply([tf.constant(gradient)], [variable])
        expected = before - rate * np.sign(gradient + 0.5 * before)
        np.testing.assert_allclose(variable, expected, rtol=1e-5, atol=1e-6)


def test_published_networks_have_the_published_sizes():
    encoder = PaddedConvEncoder(
        conv=(64, 128, 256), dense=(1024,), activates_dense=True, negative_slope=0.2
    )
    images = keras.Input((28, 28, 1))
    network = encoder.build(images, {"a": 40, "b": 120}, 0, "encoder")
    assert network.get_layer("encoder_flatten").output.shape == (None, 2304)
    with pytest.raises(ValueError, match="image_shape: Expected images large enough"):
        encoder.build(keras.Input((4, 4, 1)), {"a": 40}, 0, "encoder")
    images = keras.Input((32, 32, 3))
    network = ResNetEncoder().build(images, {"a": 128}, 0, "encoder")
    trained = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
    assert trained == 11_168_832 + 513 * 512 + 513 * 128  # ResNet-18 for 32x32, and the head
    generator = ResidualGenerator(channels=256).build((32, 32, 3), 128, 0)
    assert generator.get_layer("generator_base").output.shape == (None, 4, 4, 256)
    recipe_of_d = ResidualDiscriminator(channels=128, norm="spectral")
    discriminator = recipe_of_d.build(images, {"real_logit": 1}, 0, "discriminator")
    assert discriminator.get_layer("discriminator_mean").output.shape == (None, 128)
    kernels = [v for v in discriminator.trainable_variables if v.path.endswith("kernel")]
    assert len(kernels) == 11  # 4 x 2, two shortcuts, one dense


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": codes.JointCode(CODES.parts)}, "codes"),
        ({"game": "least_squares"}, "game"),
        ({"noise_batch": 7}, "noise_batch"),
        ({"class_weight": 0.0}, "class_weight"),
        ({"class_from": -1}, "class_from"),
        ({"discriminator_steps": 0}, "discriminator_steps"),
        ({"stop_at_view": 1}, "stop_at_view"),
        ({"pretraining": 3}, "pretraining"),
    ],
)
def test_bad_recipes_are_refused(changes, message):
    with pytest.raises(ValueError, match=f"{message}: Expected"):
        recipe(**changes)
    with pytest.raises(ValueError, match="parts: Expected"):
        codes.FeatureCode((codes.UniformCodes(2), codes.GaussianNoise(2)), feature_dim=4)
