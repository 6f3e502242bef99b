"""Objectives of variational autoencoders: golden values, hand values, identities."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from models.losses import variational as vae_objectives

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "losses.json").read_text())
EXPECTED = GOLDEN["expected"]
SIZE = GOLDEN["inputs"]["dataset_size"]
LATENTS = tf.constant(GOLDEN["inputs"]["z"], tf.float32)
MEAN = 0.9 * LATENTS
LOG_VARIANCE = tf.constant(GOLDEN["inputs"]["log_variance"], tf.float32)
PAIRS = vae_objectives.pairwise_log_density(LATENTS, MEAN, LOG_VARIANCE)
ESTIMATORS = {
    "mws": vae_objectives.weighted_log_weights,
    "mss_correct": vae_objectives.stratified_log_weights,
    "hfvae_avg": vae_objectives.biased_log_weights,
}


def decompose(estimator, num_images=SIZE):
    weights = ESTIMATORS[estimator](len(LATENTS), num_images)
    parts = vae_objectives.kl_decomposition(PAIRS, LATENTS, weights)
    names = ("mutual_information", "total_correlation", "dimension_kl")
    return np.array([float(parts[name]) for name in names])


def golden(row):
    return np.array([EXPECTED[row][name] for name in ("mi", "tc", "dwkl")])


def test_kl_to_the_prior():
    kl = vae_objectives.kl_to_prior(MEAN, LOG_VARIANCE)
    np.testing.assert_allclose(kl, EXPECTED["kl_mean"], rtol=1e-6)
    # N(1, 1), N(0, e) and N(2, 1 / e) by hand, the first two in one row
    by_hand = [0.5, 0.5 * (np.e - 2.0), 0.5 * (4.0 + 1.0 / np.e)]
    kl = vae_objectives.kl_to_prior(tf.constant([[1.0, 0.0]]), tf.constant([[0.0, 1.0]]))
    np.testing.assert_allclose(kl, by_hand[0] + by_hand[1], rtol=1e-6)
    kl = vae_objectives.kl_to_prior(tf.constant([[2.0], [0.0]]), tf.constant([[-1.0], [0.0]]))
    np.testing.assert_allclose(kl, by_hand[2] / 2.0, rtol=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_decomposition_equals_the_golden_values(estimator):
    np.testing.assert_allclose(decompose(estimator), golden(estimator), rtol=1e-5, atol=1e-6)


def test_stratified_sampling_is_not_that_of_other_libraries():
    assert np.abs(decompose("mss_correct") - golden("mss_peers_buggy")).min() > 0.05


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("num_images", [3, 100, 737_280])
def test_the_parts_add_up_whatever_the_weights(estimator, num_images):
    total = EXPECTED["mws"]["sum"]
    np.testing.assert_allclose(decompose(estimator, num_images).sum(), total, rtol=1e-4)


def test_total_correlation_without_constants():
    unweighted = vae_objectives.kl_decomposition(PAIRS, LATENTS, tf.zeros((3, 3)))
    expected = EXPECTED["tc_dlib_noconst"]
    np.testing.assert_allclose(unweighted["total_correlation"], expected, rtol=1e-5)


@pytest.mark.parametrize(("batch", "num_images"), [(2, 2), (3, 100), (64, 64), (64, 737_280)])
def test_stratified_weights(batch, num_images):
    log_weights = vae_objectives.stratified_log_weights(batch, num_images)
    weights = np.exp(log_weights.numpy().astype(np.float64))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.diag(weights), 1.0 / num_images, rtol=1e-4)
    others = batch - 1
    expected = (num_images - others) / (num_images * others)
    following = weights[np.arange(batch), (np.arange(batch) + 1) % batch]
    np.testing.assert_allclose(following, expected, rtol=1e-4)


def test_weights_take_a_batch_size_known_only_when_it_runs():
    @tf.function(input_signature=[tf.TensorSpec((), tf.int32)])
    def weights(batch):
        return [make(batch, SIZE) for make in ESTIMATORS.values()]

    for dynamic, make in zip(weights(tf.constant(4)), ESTIMATORS.values(), strict=True):
        np.testing.assert_allclose(dynamic, make(4, SIZE), rtol=1e-6)


def test_groups_split_the_total_correlation():
    rng = np.random.default_rng(0)
    mean = tf.constant(rng.standard_normal((8, 4)), tf.float32)
    log_variance = tf.constant(0.3 * rng.standard_normal((8, 4)) - 1.0, tf.float32)
    latents = mean + 0.1
    pairs = vae_objectives.pairwise_log_density(latents, mean, log_variance)
    weights = vae_objectives.biased_log_weights(8, 100)
    plain = vae_objectives.kl_decomposition(pairs, latents, weights)
    for groups in ([[0, 1], [2, 3]], [[0], [1, 2, 3]], [[0, 1, 2, 3]], [[0], [1], [2], [3]]):
        parts = vae_objectives.hierarchical_decomposition(pairs, latents, weights, groups)
        total = parts["between_group"] + parts["within_group"]
        np.testing.assert_allclose(total, plain["total_correlation"], rtol=1e-4)
        np.testing.assert_allclose(parts["dimension_kl"], plain["dimension_kl"], rtol=1e-5)
        if len(groups) == 1:
            assert abs(float(parts["between_group"])) < 1e-5
        if len(groups) == 4:
            assert abs(float(parts["within_group"])) < 1e-5


def test_dip_penalties():
    def penalty(matrix, off_diagonal, diagonal):
        return off_diagonal * vae_objectives.off_diagonal_penalty(
            matrix
        ) + diagonal * vae_objectives.unit_diagonal_penalty(matrix)

    first = penalty(vae_objectives.covariance(MEAN), 10, 100)
    np.testing.assert_allclose(first, EXPECTED["dip_i(od=10,d=100)"], rtol=1e-5)
    second = penalty(vae_objectives.posterior_covariance(MEAN, LOG_VARIANCE), 10, 10)
    np.testing.assert_allclose(second, EXPECTED["dip_ii(od=10,d=10)"], rtol=1e-5)
    matrix = tf.constant([[3.0, 2.0], [2.0, 0.0]])
    assert float(vae_objectives.off_diagonal_penalty(matrix)) == 8.0
    assert float(vae_objectives.unit_diagonal_penalty(matrix)) == 5.0


def test_inverse_wishart_regularizer():
    covariances = tf.linalg.diag(tf.exp(LOG_VARIANCE))
    value = vae_objectives.inverse_wishart_regularizer(LATENTS, MEAN, covariances, 20)
    np.testing.assert_allclose(value, EXPECTED["chyvae_regularizer(nu=20,B=1) = -mean"], rtol=1e-5)


def test_reconstruction_by_hand():
    images = tf.constant([1.0, 0.0, 0.25, 0.5], shape=(2, 2, 1, 1))
    logits = tf.constant([0.0, 0.0, 2.0, -1.0], shape=(2, 2, 1, 1))
    # softplus(l) - x l, summed over pixels
    expected = [2.0 * np.log(2.0), np.log1p(np.exp(2.0)) - 0.5 + np.log1p(np.exp(-1.0)) + 0.5]
    value = vae_objectives.bernoulli_reconstruction(images, logits)
    np.testing.assert_allclose(value, np.mean(expected), rtol=1e-6)


def test_density_ratio():
    joint, product = tf.constant([[2.0, 0.0]]), tf.constant([[0.0, 1.0]])
    assert float(vae_objectives.density_ratio(tf.constant([[3.0, 1.0], [0.0, 4.0]]))) == -1.0
    expected = 0.5 * (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(-1.0)))
    value = vae_objectives.density_ratio_loss(joint, product)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    blind = vae_objectives.density_ratio_loss(tf.zeros((5, 2)), tf.zeros((5, 2)))
    np.testing.assert_allclose(blind, np.log(2.0), rtol=1e-6)


def test_each_latent_is_permuted_on_its_own():
    latents = np.arange(60, dtype=np.float32).reshape(20, 3)
    seed = tf.constant([1, 2])
    permuted = vae_objectives.permute_latents(latents, seed).numpy()
    np.testing.assert_array_equal(np.sort(permuted, axis=0), latents)
    orders = (permuted // 3).T
    assert len({tuple(order) for order in orders}) == 3
    np.testing.assert_array_equal(permuted, vae_objectives.permute_latents(latents, seed))
    other = vae_objectives.permute_latents(latents, tf.constant([1, 3]))
    assert not np.array_equal(permuted, other)
