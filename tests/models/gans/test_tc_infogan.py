"""TC-InfoGAN: the estimate by hand, gamma 0, who moves what, exact resumption."""

import numpy as np
import pytest
import tensorflow as tf

from models.codes import joint_code as codes
from models.gans.infogan import InfoGAN
from models.gans.tc_infogan import TCInfoGAN
from models.losses.variational import density_ratio, density_ratio_loss, permute_latents
from models.networks.convolutional import ConvDiscriminator
from models.networks.deconvolutional import DeconvGenerator
from models.networks.dense import DenseNetwork
from models.optimizers import recipes as optimizers
from tests.models import training_steps
from tests.models.training_steps import moved, train, values

CODES = codes.JointCode((codes.UniformCodes(2), codes.CategoricalCode(3), codes.UniformNoise(2)))
PAIR = codes.JointCode((codes.UniformCodes(2),))
IMAGES = np.random.default_rng(0).integers(0, 2, (6, 8, 8, 1), dtype=np.uint8)
ADAM = optimizers.Adam(1e-2, 0.5)


def recipe(method=TCInfoGAN, norm="spectral", **changes):
    arguments = {
        "codes": CODES,
        "generator": DeconvGenerator(
            dense=(8,),
            base_channels=6,
            deconv=(5,),
            dense_activation="relu",
            deconv_activation="relu",
            batch_norm=True,
            order="activation_norm",
        ),
        "discriminator": ConvDiscriminator(
            conv=(4, 6),
            dense=(8,),
            q_dense=(8,),
            norm=norm,
            order="activation_norm",
            negative_slope=0.2,
        ),
        "generator_optimizer": ADAM,
        "discriminator_optimizer": ADAM,
        "info_weight": 0.1,
        "generator_steps": 2,
    }
    if method is TCInfoGAN:
        arguments |= {
            "tc_discriminator": DenseNetwork(dense=(8,), negative_slope=0.2),
            "tc_optimizer": ADAM,
            "tc_weight": 2.0,
        }
    return method(**{**arguments, **changes})


def names(model, *prefixes):
    return training_steps.names(model, *prefixes, without=("learning_rate", "vector"))


def build(**changes):
    return recipe(**changes).build((8, 8, 1), 1, 3)


def exact_judge():
    """A model whose T knows the density ratio of two signs that are equal in nine of ten cases.

    Each pair of equal signs has the probability .45, and .25 were they independent; each other
    pair .05 and .25. So log p_0 / p_1 is log 1.8 where |sum| is 2, and log .2 where it is 0.
    """
    model = build(codes=PAIR, tc_discriminator=DenseNetwork(dense=(2,), negative_slope=0.0))
    slope = (np.log(1.8) - np.log(0.2)) / 2  # of |sum| = ReLU(sum) + ReLU(-sum)
    first = np.array([[1.0, -1.0], [1.0, -1.0]]), np.zeros(2)
    second = np.array([[slope, 0.0], [slope, 0.0]]), np.array([np.log(0.2), 0.0])
    model.networks["tc_discriminator"].set_weights([*first, *second])
    return model


JOINT = np.array([[1, 1], [-1, -1]] * 9 + [[1, -1], [-1, 1]], np.float32)
PRODUCT = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]], np.float32)
TOTAL_CORRELATION = 0.9 * np.log(1.8) + 0.1 * np.log(0.2)  # .368 nats


def test_the_total_correlation_of_two_signs_by_hand():
    model = exact_judge()
    judge = model.networks["tc_discriminator"]
    np.testing.assert_allclose(density_ratio(judge(JOINT)), TOTAL_CORRELATION, rtol=1e-6)
    # At the true ratio T's loss is least: -0.5 (E log p_0 + E log p_1), p_0 = r / (1 + r).
    with tf.GradientTape() as tape:
        loss = density_ratio_loss(judge(JOINT), judge(PRODUCT))
    expected = 0.9 * np.log(1.8 / 2.8) + 0.1 * np.log(0.2 / 1.2)
    expected += 0.5 * np.log(1 / 2.8) + 0.5 * np.log(1 / 1.2)
    np.testing.assert_allclose(loss, -0.5 * expected, rtol=1e-6)
    for gradient in tape.gradient(loss, judge.trainable_variables):
        np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_g_and_q_lower_the_information_loss_and_the_total_correlation():
    model = exact_judge()
    latents = tf.zeros((20, 2))
    info, weighted = model.information(latents, tf.constant(JOINT))
    np.testing.assert_allclose(info, 1.0 + np.log(2 * np.pi), rtol=1e-6)  # of two errors of 1
    np.testing.assert_allclose(weighted, 0.1 * info + 2.0 * TOTAL_CORRELATION, rtol=1e-6)
    later = build(tc_weight=[(0, 0.0), (2, 3.0)])
    gammas = [float(later.recipe.tc_weight.tensor_at(iteration)) for iteration in (0, 1, 2)]
    assert gammas == [0.0, 0.0, 3.0]


def test_codes_are_permuted_as_wholes_and_apart():
    assert CODES.code_of_column == (0, 1, 2, 2, 2)
    rows = np.concatenate([np.tile(np.arange(50.0)[:, None], 2), np.eye(50, 3)], axis=1)
    rows[:, 2:] = np.arange(50.0)[:, None] + [0, 100, 200]
    permuted = permute_latents(tf.constant(rows), tf.constant([1, 2]), CODES.code_of_column).numpy()
    np.testing.assert_array_equal(np.sort(permuted, axis=0), rows)
    np.testing.assert_array_equal(permuted[:, 2:] - permuted[:, 2:3], [[0, 100, 200]] * 50)
    assert (permuted[:, 0] == permuted[:, 1]).sum() < 10
    assert (permuted[:, 0] == permuted[:, 2]).sum() < 10


@pytest.mark.parametrize("norm", ["spectral", "batch"])
def test_at_weight_zero_every_other_network_is_infogan_to_the_bit(norm):
    measured, plain = build(tc_weight=0.0, norm=norm), build(method=InfoGAN, norm=norm)
    for _ in range(2):
        results, expected = train(measured, IMAGES, 1), train(plain, IMAGES, 1)
    assert expected.items() <= results.items()
    assert set(results) == set(measured.loss_names) > set(expected)
    for name, value in values(plain).items():
        np.testing.assert_array_equal(measured.state[name], value, err_msg=name)
    before = values(measured)
    train(measured, IMAGES, 1)
    own = names(measured, "tc_discriminator")
    assert own and own <= moved(before, measured)  # the total correlation is measured all the same


def test_the_weight_changes_g_and_q():
    one, other = build(tc_weight=0.0), build(tc_weight=2.0)
    train(one, IMAGES, 1), train(other, IMAGES, 1)
    changed = moved(values(one), other)
    assert names(one, "generator/generator_dense") <= changed
    assert any("q_outputs/kernel" in name for name in changed)


def test_each_player_moves_its_own_variables_only():
    model = build()
    latents = CODES.sample(6, tf.constant([1, 2]))
    _, fakes = model.generate(latents)
    before = values(model)
    model.update_tc_discriminator(latents[:, :5])
    assert moved(before, model) == names(model, "tc_discriminator")
    before = values(model)
    model.update_discriminator(model.unit_range(IMAGES), fakes, latents)
    assert moved(before, model) == names(model, "tc_discriminator", "discriminator")


def test_resumed_training_equals_uninterrupted_training_to_the_bit():
    whole, resumed = build(), build()
    train(whole, IMAGES, 1)
    resumed.load_state(values(whole))
    train(whole, IMAGES, 1), train(resumed, IMAGES, 1)
    assert not moved(values(whole), resumed)


def test_iterations_with_fresh_codes_report_finite_losses():
    model = build(norm="batch", fresh_codes=True)
    results = train(model, IMAGES, 2)
    assert [metric.name for metric in model.metrics] == list(model.loss_names)
    assert set(results) == set(model.loss_names)
    assert np.isfinite(list(results.values())).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"tc_weight": -1.0},
        {"tc_discriminator": ADAM},
        {"tc_optimizer": 1e-3},
        {"codes": codes.JointCode((codes.UniformCodes(1), codes.UniformNoise(2)))},
    ],
)
def test_what_is_refused(changes):
    with pytest.raises(ValueError, match="Expected"):
        recipe(**changes)
