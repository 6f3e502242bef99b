"""Conditional VAE with adversarial training: losses, who moves what, resumption, exports."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.codes import joint_code as codes
from models.gans.cvae_gan import ConditionalVAEGAN
from models.losses import variational as vae_objectives
from models.networks.dense import DenseNetwork
from models.networks.identity_families import BigNetworks, SmallNetworks
from models.optimizers.recipes import Adam
from tests.models.training_steps import moved, values

ADAM = Adam(1e-2, 0.5)
SMALL = ConditionalVAEGAN(
    codes=codes.JointCode((codes.EmpiricalCodes(3), codes.GaussianCodes(2))),
    networks=SmallNetworks(filters=(4, 6), kernel_size=5),
    generator_optimizer=ADAM,
    discriminator_optimizer=ADAM,
    reconstruction_weight=0.5,
    swap_weight=1.0,
    adversarial_weight=0.1,
    kl_weight=0.6,
)
RECIPES = {
    "pair": SMALL,
    "identity": dataclasses.replace(
        SMALL, conditioning="identity", num_identities=4, networks=BigNetworks(width=2)
    ),
    "everything": dataclasses.replace(
        SMALL,
        networks=SmallNetworks(filters=(4, 6), output="tanh"),
        prior_weight=0.1,
        mismatch_weight=1.0,
        cycle_weight=1.0,
        discriminator_steps=2,
        verifier_weight=0.1,
        verifier=DenseNetwork(dense=(6,), negative_slope=0.2),
        verifier_optimizer=ADAM,
    ),
    "alone": dataclasses.replace(SMALL, adversarial_weight=0.0),
}
SHAPE = (16, 16, 3)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 3, *SHAPE), dtype=np.uint8)
NUMBERS = np.array([[0, 0, 1], [1, 1, 3], [2, 2, 0], [3, 3, 2]], np.int32)


def build(name, seed=3, **changes):
    return dataclasses.replace(RECIPES[name], **changes).build(SHAPE, 255, seed, 100)


def batch(model):
    return (IMAGES, NUMBERS) if model.recipe.needs_identities else IMAGES


def weights_of(names):
    """The networks and optimisers that hold these variables."""
    return {name.split("/")[0] for name in names}


@pytest.mark.parametrize("name", ["identity", "everything", "alone"])
def test_an_iteration_moves_everything_that_plays(name):
    model = build(name)
    before = values(model)
    results = model.train_step(batch(model))
    expected = {one for one in before if "learning_rate" not in one}
    if name == "alone":
        expected = {one for one in expected if not one.startswith("discriminator")}
    if name == "identity":  # the vectors of identities that no image had stay
        assert weights_of(expected - moved(before, model)) <= {"discriminator"}
    else:
        # A bias before batch or instance norm has no gradient.
        still = expected - moved(before, model)
        assert all("bias" in one or "optimizer" in one for one in still), still
    assert set(results) == {metric.name for metric in model.metrics}
    assert np.isfinite([float(value) for value in results.values()]).all()


def test_each_update_moves_its_own_player_only():
    model = build("everything")
    images = tf.unstack(model.unit_range(IMAGES), axis=1)
    made = model.reconstruct(images)
    before = values(model)
    model.update_generator(made, images)
    assert weights_of(moved(before, model)) == {"encoder", "generator", "generator_optimizer"}
    before = values(model)
    model.update_discriminator(images, made.fakes, images, 0)
    assert weights_of(moved(before, model)) == {"discriminator", "discriminator_optimizer"}
    before = values(model)
    model.update_verifier(model.verified(made))
    assert weights_of(moved(before, model)) == {"verifier", "verifier_optimizer"}


def test_the_weights_of_kl_and_verifier_follow_their_schedules():
    schedules = {"kl_weight": [(0, 0.0), (4, 60.0)], "verifier_weight": [(0, 0.0), (4, 10.0)]}
    model = build("everything", cycle_weight=0.0, **schedules)
    images = tf.unstack(model.unit_range(IMAGES), axis=1)
    for iteration, kl_weight, verifier_weight in ((3, 0.0, 0.0), (4, 60.0, 10.0)):
        model.iteration.assign(iteration)
        made = model.reconstruct(images)
        terms, loss, latents = made.losses, made.loss, model.verified(made)
        rest = 0.5 * terms["reconstruction_loss"] + terms["swap_loss"]
        rest += kl_weight / (16 * 16 * 3) * terms["kl"]
        rest += verifier_weight * model.cross_entropy(model.compare(latents), 0.5)
        assert float(loss) == pytest.approx(float(rest), rel=1e-5)


def test_an_iteration_in_mixed_precision_is_near_that_in_single():
    losses = {}
    for policy in ("mixed_bfloat16", "float32"):
        keras.config.set_dtype_policy(policy)
        try:
            model = build("everything", kl_weight=[(0, 0.6), (4, 2.0)])
            results = model.train_step(batch(model))
        finally:
            keras.config.set_dtype_policy("float32")
        losses[policy] = np.array([float(results[name]) for name in sorted(results)])
    np.testing.assert_allclose(losses["mixed_bfloat16"], losses["float32"], rtol=0.1)


def test_the_losses_are_those_of_the_paper():
    model = build("pair")
    images = tf.unstack(model.unit_range(IMAGES), axis=1)
    made = model.reconstruct(images)
    losses, fakes, loss = made.losses, made.fakes, made.loss
    specified, mean, log_variance = model.posterior(tf.concat(images, 0), training=True)
    s = tf.split(specified, 3)
    noise = model.normal(tf.shape(mean), "posterior")
    z = tf.split(mean + tf.exp(0.5 * log_variance) * noise, 3)

    def make(s_of, z_of):
        return model.generator(tf.concat((s[s_of - 1], z[z_of - 1]), 1), training=True)

    def error(made, number):
        return float(tf.reduce_mean(tf.square(made - images[number - 1])))

    own = (error(make(1, 1), 1) + error(make(2, 2), 2)) / 2
    swap = (error(make(2, 1), 1) + error(make(1, 2), 2)) / 2
    kl = float(vae_objectives.kl_to_prior(mean, log_variance))
    assert float(losses["reconstruction_loss"]) == pytest.approx(own, rel=1e-4)
    assert float(losses["swap_loss"]) == pytest.approx(swap, rel=1e-4)
    assert float(losses["kl"]) == pytest.approx(kl, rel=1e-5)
    assert float(loss) == pytest.approx(0.5 * own + swap + 0.6 * kl / (16 * 16 * 3), rel=1e-4)
    np.testing.assert_allclose(fakes["swapped"], make(2, 3), atol=1e-5)
    np.testing.assert_allclose(fakes["swapped_other"], make(3, 2), atol=1e-5)

    def judge(image, condition):
        return model.discriminator([image, condition], training=True).numpy()

    real = np.concatenate([judge(images[1], images[0]), judge(images[0], images[1])])
    fake = np.concatenate(
        [judge(fakes["swapped"], images[0]), judge(fakes["swapped_other"], images[2])]
    )
    real, fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    expected = -np.mean(0.95 * np.log(real) + 0.05 * np.log(1 - real)) - np.mean(np.log(1 - fake))
    found = model.update_discriminator(images, fakes, images, 0)["discriminator_loss"]
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_kl_against_hand_values():
    # 0.5 (1 + 1 - 0 - 1) + 0.5 (0 + 2 - ln 2 - 1), and 0 for the prior itself.
    mean = tf.constant([[1.0, 0.0], [0.0, 0.0]])
    log_variance = tf.constant([[0.0, np.log(2.0)], [0.0, 0.0]], tf.float32)
    expected = (0.5 + 0.5 * (1.0 - np.log(2.0))) / 2
    assert float(vae_objectives.kl_to_prior(mean, log_variance)) == pytest.approx(expected)


def test_the_discriminator_sees_what_was_made_before_the_update():
    model, same = build("pair"), build("pair")
    images = tf.unstack(same.unit_range(IMAGES), axis=1)
    fakes = same.reconstruct(images).fakes
    expected = same.update_discriminator(images, fakes, images, 0)["discriminator_loss"]
    found = model.train_step(IMAGES)["discriminator_loss"]
    assert float(found) == pytest.approx(float(expected), rel=1e-4)


def test_resumed_training_is_the_same_to_the_bit():
    straight, resumed = build("everything"), build("everything")
    straight.train_step(batch(straight))
    resumed.load_state(values(straight))
    for model in (straight, resumed):
        model.train_step(batch(model))
    assert not moved(values(straight), resumed)


def test_exported_networks_load_with_keras_alone(tmp_path):
    model = build("pair")
    model.train_step(IMAGES)
    images = model.unit_range(IMAGES)[:, 0]
    specified, mean, log_variance = model.posterior(images, training=False)
    latents = tf.concat((specified, mean), 1)
    least = tf.fill(specified.shape, -20.0)
    expected = {
        "generator": model.generator(latents, training=False),
        "encoder": latents,
        "posterior": tf.concat((latents, least, log_variance), 1),
    }
    exports = model.exports()
    assert exports.keys() == expected.keys()
    for network, values_expected in expected.items():
        path = tmp_path / f"{network}.keras"
        exports[network].save(path)
        loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
        found = loaded(latents if network == "generator" else images, training=False)
        np.testing.assert_allclose(found, values_expected, atol=1e-5)
    made = expected["generator"].numpy()
    assert made.min() >= 0.0 and made.max() <= 1.0 and made.shape == (4, *SHAPE)


@pytest.mark.parametrize("shape", [(28, 28, 1), (29, 36, 3)])
def test_small_networks_mirror_images_of_any_size(shape):
    recipe = SmallNetworks()
    encoder = recipe.build_encoder(shape, {"a": 3, "b": 4}, 0)
    decoder = recipe.build_decoder(shape, 3, 4, 0)
    assert encoder.get_layer("encoder_flatten").input.shape[1:] == recipe.base_shape(shape)
    assert decoder.output_shape == (None, *shape)
    if shape == (28, 28, 1):
        assert recipe.sizes(shape) == [(28, 28), (13, 13), (6, 6), (2, 2)]
        assert recipe.base_shape(shape) == (2, 2, 64)
        assert decoder.get_layer("generator_base").output.shape == (None, 2, 2, 128)


def test_codes_without_a_prior_are_drawn_once_they_are_fitted():
    joint = SMALL.codes
    assert not joint.has_prior and joint.code_names[0] == "empirical_1"
    with pytest.raises(ValueError, match="fitted to training images"):
        joint.draw(np.random.default_rng(0), 2)
    encoded = RNG.standard_normal((50, 5)).astype(np.float32)
    fitted = joint.fitted(encoded)
    assert fitted == joint and hash(fitted) == hash(joint)  # the recipe is the same
    drawn = fitted.draw(np.random.default_rng(0), 200)
    assert drawn.shape == (200, 5)
    assert {tuple(row) for row in drawn[:, :3]} <= {tuple(row) for row in encoded[:, :3]}
    assert fitted.traversal_values(1, 5)[0] == pytest.approx(np.quantile(encoded[:, :3], 0.025))
    with pytest.raises(ValueError, match="draws codes in training"):
        joint.parts[0].sample(3, (0, 0))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"codes": codes.JointCode((codes.GaussianCodes(3),))}, "EmpiricalCodes .s., then"),
        ({"conditioning": "labels"}, "'pair', 'identity'"),
        ({"conditioning": "identity"}, "num_identities"),
        ({"kl_weight": -1.0}, "kl_weight=-1.0"),
        ({"verifier_weight": [(5, 1.0)]}, "from_iteration increasing from 0"),
        ({"discriminator_steps": 0}, "discriminator_steps=0"),
        ({"real_label": 1.5}, "real_label=1.5"),
        ({"networks": ADAM}, "BigNetworks or SmallNetworks"),
    ],
)
def test_bad_recipes_are_refused(changes, expected):
    with pytest.raises(ValueError, match=expected):
        dataclasses.replace(SMALL, **changes)


@pytest.mark.parametrize(
    ("networks", "shape"), [(SmallNetworks(), (12, 12, 1)), (BigNetworks(), (28, 28, 1))]
)
def test_images_that_do_not_fit_the_networks_are_refused(networks, shape):
    with pytest.raises(ValueError, match="image_shape"):
        dataclasses.replace(SMALL, networks=networks).build(shape, 255, 0)
