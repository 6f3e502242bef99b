"""Codes: sampling, scoring, traversals, contrastive pairs and groups."""

import math

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from models import draws
from models.codes import joint_code as codes
from models.losses import info_gan as losses

SEED = tf.constant([3, 5], tf.int32)
UNIFORM = codes.JointCode((codes.UniformCodes(5), codes.UniformNoise(4)))
MIXED = codes.JointCode(
    (
        codes.UniformNoise(3),
        codes.CategoricalCode(4),
        codes.UniformCodes(2, learned_std=True),
        codes.GaussianNoise(2),
    )
)


def test_layout_puts_informative_codes_first():
    assert [part.kind for part in MIXED.parts][:2] == ["categorical_code", "uniform_codes"]
    assert (MIXED.latent_dim, MIXED.code_dim, MIXED.num_codes, MIXED.q_dim) == (11, 6, 3, 8)
    assert MIXED.code_names == ("categorical_1", "uniform_1", "uniform_2")
    assert [MIXED.columns(i) for i in range(3)] == [slice(0, 4), slice(4, 5), slice(5, 6)]


def test_samples_follow_their_distributions_and_their_seed():
    for latents in (
        MIXED.sample(4000, SEED).numpy(),
        MIXED.draw(np.random.default_rng(0), 4000),
    ):
        assert latents.shape == (4000, 11)
        assert latents.dtype == np.float32
        np.testing.assert_array_equal(latents[:, :4].sum(1), 1.0)
        np.testing.assert_allclose(latents[:, :4].mean(0), 0.25, atol=0.03)
        np.testing.assert_allclose(latents[:, 4:9].std(0), 1 / math.sqrt(3), atol=0.03)
        assert abs(latents[:, 4:9]).max() <= 1.0
        np.testing.assert_allclose(latents[:, 9:].std(0), 1.0, atol=0.05)
        correlation = np.corrcoef(latents[:, 4:].T) - np.eye(7)
        assert abs(correlation).max() < 0.07
    np.testing.assert_array_equal(MIXED.sample(9, SEED), MIXED.sample(9, SEED))
    assert not np.array_equal(MIXED.sample(9, SEED), MIXED.sample(9, SEED + 1))


def test_zero_codes_are_refused():
    with pytest.raises(ValueError, match="at least one informative"):
        codes.JointCode((codes.UniformNoise(3),))
    with pytest.raises(ValueError, match="dim: Expected an integer >= 1"):
        codes.UniformCodes(0)
    with pytest.raises(ValueError, match="Received: parts="):
        codes.JointCode(("uniform",))


@pytest.mark.parametrize("gap", [0.0, 0.7, 1.9, 2.0])
def test_pairs_share_exactly_one_code_and_the_noise(gap):
    first, second, index = (np.asarray(one) for one in UNIFORM.pair(3000, gap, SEED))
    assert first.shape == second.shape == (3000, 9)
    distance = abs(first[:, :5] - second[:, :5])
    shared = np.eye(5, dtype=bool)[index]
    np.testing.assert_array_equal(distance[shared], 0.0)
    assert (distance[~shared] > 0.0).all()
    assert distance[~shared].min() >= gap - 1e-6
    assert abs(first).max() <= 1.0
    assert abs(second).max() <= 1.0
    np.testing.assert_array_equal(first[:, 5:], second[:, 5:])
    np.testing.assert_allclose(np.bincount(index) / 3000, 0.2, atol=0.04)
    # Neither image is the one with the larger codes.
    np.testing.assert_allclose((first > second)[:, :5][~shared].mean(), 0.5, atol=0.03)


def test_pair_without_gap_is_two_independent_draws():
    first, second, index = (np.asarray(one) for one in UNIFORM.pair(6000, 0.0, SEED))
    free = ~np.eye(5, dtype=bool)[index]
    values = np.stack([first[:, :5][free], second[:, :5][free]])
    np.testing.assert_allclose(values.std(1), 1 / math.sqrt(3), atol=0.01)
    assert abs(np.corrcoef(values)[0, 1]) < 0.02
    np.testing.assert_allclose(abs(values[0] - values[1]).mean(), 2 / 3, atol=0.02)


def test_gap_may_be_a_tensor_inside_a_graph():
    pair = tf.function(lambda gap: UNIFORM.pair(50, gap, SEED))
    for one, other in zip(pair(tf.constant(1.0)), UNIFORM.pair(50, 1.0, SEED), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_categorical_pairs_have_one_class_or_two():
    first, second, index = (np.asarray(one) for one in MIXED.pair(3000, 0.5, SEED))
    same_class = (first[:, :4] == second[:, :4]).all(1)
    np.testing.assert_array_equal(same_class, index == 0)
    np.testing.assert_array_equal(first[:, 4] == second[:, 4], index == 1)
    np.testing.assert_array_equal(first[:, 6:], second[:, 6:])
    different = first[index != 0, :4].T @ second[index != 0, :4] / (index != 0).sum()
    np.testing.assert_allclose(different, (1 - np.eye(4)) / 12, atol=0.02)


def test_gaps_that_are_not_defined_are_refused():
    with pytest.raises(ValueError, match="gap: Expected .* Received: gap=2.1"):
        UNIFORM.pair(4, 2.1, SEED)
    with pytest.raises(ValueError, match="gap: Expected .* Received: gap=2.1"):
        codes.JointCode((codes.GaussianCodes(3),)).pair(4, 2.1, SEED)
    empirical = codes.JointCode((codes.EmpiricalCodes(3),))
    with pytest.raises(ValueError, match="gap"):
        empirical.check_gap("gap", 0.1)


@pytest.mark.parametrize("gap", [0.0, 0.7, 1.9, 2.0])
def test_gaussian_pairs_keep_the_gap_between_their_quantiles(gap):
    part = codes.GaussianCodes(4)
    drawn = part.pair(3000, gap, SEED)
    quantiles = np.array([scipy.special.erf(np.asarray(one) / math.sqrt(2)) for one in drawn])
    assert np.isfinite(drawn).all()
    distance = abs(quantiles[0] - quantiles[1])
    assert (distance > 0.0).all() and distance.min() >= gap - 1e-5
    # As uniform codes: even on what the gap leaves, and neither of a pair is the larger one.
    np.testing.assert_allclose((quantiles[0] > quantiles[1]).mean(), 0.5, atol=0.02)
    larger = quantiles.max(0)
    expected = gap / 2 + (1 - gap / 2) / 3  # the larger of two uniform draws has the mean 1/3
    np.testing.assert_allclose(larger.mean(), expected, atol=0.02)
    if gap == 1.9:
        assert np.abs(drawn).min() > 1.64
    if gap == 0.0:  # nothing is moved
        plain = [part.sample(3000, draws.fold_in(SEED, number)) for number in range(2)]
        np.testing.assert_array_equal(drawn, plain)
    first, second, index = codes.JointCode((part,)).pair(50, gap, SEED)
    np.testing.assert_array_equal(np.asarray(first == second), np.eye(4, dtype=bool)[index])


def test_information_loss_by_hand():
    values = np.zeros((3, 9), np.float32)
    constant = 0.5 * math.log(2 * math.pi)
    perfect = UNIFORM.negative_log_likelihood(values, np.zeros((3, 5), np.float32))
    np.testing.assert_allclose(perfect, 5 * constant, rtol=1e-6)  # summed over codes
    outputs = np.zeros((3, 5), np.float32)
    outputs[0, 0] = 3.0  # half of 3 squared, averaged over the batch
    wrong = UNIFORM.negative_log_likelihood(values, outputs)
    np.testing.assert_allclose(wrong, 5 * constant + 4.5 / 3, rtol=1e-6)


def test_learned_deviation_and_categorical_loss_by_hand():
    latents = np.zeros((1, 11), np.float32)
    latents[0, 1] = 1.0
    outputs = np.zeros((1, 8), np.float32)
    outputs[0, 4:6] = [2.0, 0.0]  # means
    outputs[0, 6:8] = [math.log(2.0), 0.0]  # log standard deviations, before they are bounded
    first, second = (-1.5 + 2.5 * math.tanh((raw + 1.5) / 2.5) for raw in (math.log(2.0), 0.0))
    expected = math.log(2 * math.pi) + 0.5 * (2.0 / math.exp(first)) ** 2 + first + second
    discrete = MIXED.negative_log_likelihood(latents, outputs, parts=(0,))
    np.testing.assert_allclose(discrete, math.log(4.0), rtol=1e-6)
    continuous = MIXED.negative_log_likelihood(latents, outputs, parts=(1,))
    np.testing.assert_allclose(continuous, expected, rtol=1e-6)
    expected += math.log(4.0)
    loss = MIXED.negative_log_likelihood(latents, outputs)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    mean = np.asarray(MIXED.posterior_mean(tf.constant(outputs)))
    np.testing.assert_allclose(mean, [[0.25, 0.25, 0.25, 0.25, 2.0, 0.0]])


def test_a_learned_deviation_stays_within_its_bounds_and_keeps_a_slope():
    raw = tf.Variable([-1e3, -4.0, -1.5, 1.0, 1e3])
    with tf.GradientTape() as tape:
        bounded = losses.bounded_log_std(raw, -4.0, 1.0)
        total = tf.reduce_sum(bounded)
    assert bounded.numpy().min() >= -4.0 and bounded.numpy().max() <= 1.0
    np.testing.assert_allclose(bounded[2], -1.5)
    slope = tape.gradient(total, raw).numpy()
    np.testing.assert_allclose(slope[2], 1.0)
    assert (slope[1:4] > 0.4).all()
    # However sure Q is of the wrong end of a code's range, the loss has a limit.
    outputs = np.array([[1.0, -1e3]], np.float32)
    joint = codes.JointCode((codes.UniformCodes(1, learned_std=True),))
    loss = float(joint.negative_log_likelihood(np.array([[-1.0]], np.float32), outputs))
    expected = 0.5 * (2.0 * math.exp(4.0)) ** 2 - 4.0 + 0.5 * math.log(2 * math.pi)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_adversarial_losses_by_hand_and_without_overflow():
    zeros = tf.zeros((4, 1))
    np.testing.assert_allclose(losses.discriminator_loss(zeros, zeros), 2 * math.log(2))
    np.testing.assert_allclose(losses.generator_loss(zeros), math.log(2))
    large = tf.fill((4, 1), 1e4)
    np.testing.assert_allclose(losses.discriminator_loss(-large, large), 2e4)
    np.testing.assert_allclose(losses.generator_loss(large), 0.0)


def test_contrastive_loss_and_accuracy_by_hand():
    logits = tf.constant([[0.0, 0.0], [math.log(3.0), 0.0]])
    index = tf.constant([1, 0])
    expected = (math.log(2.0) + math.log(4.0 / 3.0)) / 2
    np.testing.assert_allclose(losses.contrastive_loss(logits, index), expected, rtol=1e-6)
    np.testing.assert_allclose(losses.contrastive_accuracy(logits, index), 0.5)


def test_traversals_change_one_code():
    base = MIXED.draw(np.random.default_rng(1), 1)[0]
    assert MIXED.traversal_values(0, steps=7).tolist() == [0.0, 1.0, 2.0, 3.0]
    path = MIXED.traverse(base, 0, MIXED.traversal_values(0))
    np.testing.assert_array_equal(path[:, :4], np.eye(4))
    np.testing.assert_array_equal(path[:, 4:], np.tile(base[4:], (4, 1)))
    path = MIXED.traverse(base, 2, MIXED.traversal_values(2, 3, (-2.0, 2.0)))
    np.testing.assert_array_equal(path[:, 5], [-2.0, 0.0, 2.0])
    np.testing.assert_array_equal(np.delete(path, 5, 1), np.tile(np.delete(base, 5), (3, 1)))
    with pytest.raises(ValueError, match="code_index: Expected an integer below 3"):
        MIXED.traverse(base, 3, [0.0])
    with pytest.raises(ValueError, match="a class between 0 and 3"):
        MIXED.traverse(base, 0, [4])


def test_groups_fix_one_code_at_the_first_samples_value():
    free = MIXED.draw(np.random.default_rng(2), 50)
    for code in range(3):
        group = MIXED.draw_group(np.random.default_rng(2), 50, code)
        columns = np.arange(11)[MIXED.columns(code)]
        np.testing.assert_array_equal(group[:, columns], np.tile(free[0, columns], (50, 1)))
        others = np.setdiff1d(np.arange(11), columns)
        np.testing.assert_array_equal(group[:, others], free[:, others])
