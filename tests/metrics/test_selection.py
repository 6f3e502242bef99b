"""Model selection, streamed votes, sample quality and clustering, against hand constants."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import spearmanr

from metrics import (
    active_codes,
    clustering,
    confidence,
    factor_vae,
    frechet_distance,
    group_votes,
    inception_score,
    mode_kl,
    model_centrality,
    score_votes,
    udr,
)


def test_centrality_by_hand():
    table = [[1.0, 0.8, 0.2], [0.6, 1.0, 0.4], [0.0, 0.2, 0.1]]
    # Symmetric: 0.7 between the first two, 0.1 and 0.3 with the third.
    np.testing.assert_allclose(model_centrality(table), [0.4, 0.5, 0.2])
    np.testing.assert_allclose(model_centrality(np.array([[9.0, 1], [0, 9]])), [0.5, 0.5])


def test_centrality_ignores_the_diagonal_and_follows_the_order_of_models():
    table = np.random.default_rng(0).random((5, 5))
    expected = model_centrality(table)
    np.testing.assert_allclose(model_centrality(table - np.diag(np.diag(table))), expected)
    order = [3, 1, 4, 0, 2]
    np.testing.assert_allclose(model_centrality(table[np.ix_(order, order)]), expected[order])


def independent_codes(num_points=2000):
    return np.random.default_rng(0).normal(size=(num_points, 3))


@pytest.mark.parametrize("method", ["lasso", "spearman"])
def test_udr_of_permuted_and_flipped_codes_is_high(method):
    codes = independent_codes()
    models = np.stack([codes, -codes[:, [1, 2, 0]], codes * [1, -1, 1]])
    scores, pairwise = udr(models, np.ones((3, 3)), method=method)
    # The lasso shrinks a coefficient of 1 by its penalty of 0.1, for which max^2 / sum is 0.9.
    assert scores == pytest.approx(np.full(3, 0.9 if method == "lasso" else 0.97), abs=0.04)
    assert np.diag(pairwise).tolist() == [0, 0, 0]


@pytest.mark.parametrize("method", ["lasso", "spearman"])
def test_udr_of_collapsed_and_dead_models_is_zero(method):
    codes = independent_codes(200)
    models = np.stack([codes, codes, codes, np.full_like(codes, 0.1)])
    informative = np.array([[1, 1, 1], [1, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=bool)
    scores, pairwise = udr(models, informative, method=method)
    assert scores[2:].tolist() == [0, 0]
    assert pairwise[2].tolist() == [0, 0, 0, 0]
    assert np.isfinite(pairwise).all()
    scores, _ = udr(models[2:], informative[2:], method=method)
    assert scores.tolist() == [0, 0]


@pytest.mark.parametrize("method", ["lasso", "spearman"])
def test_udr_leaves_uninformative_codes_out(method):
    codes = independent_codes(300)
    noise = np.random.default_rng(1).normal(size=(2, 300, 1))
    kept = np.stack([codes, codes + 0.5])
    informative = np.array([[True] * 3 + [False]] * 2)
    scores, pairwise = udr(np.concatenate([kept, noise], axis=2), informative, method=method)
    expected, expected_pairwise = udr(kept, np.ones((2, 3)), method=method)
    np.testing.assert_allclose(scores, expected)
    np.testing.assert_allclose(pairwise, expected_pairwise)


def test_spearman_udr_agrees_with_library_ranks():
    generator = np.random.default_rng(0)
    models = generator.integers(5, size=(2, 50, 1))  # ties
    _, pairwise = udr(models, np.ones((2, 1)), method="spearman")
    expected = abs(spearmanr(models[0, :, 0], models[1, :, 0])[0])
    assert pairwise[0, 1] == pytest.approx(expected)


def test_votes_of_a_stream_equal_the_metric():
    generator = np.random.default_rng(0)
    groups = generator.normal(size=(50, 10, 4)).astype(np.float32)
    fixed_factor = np.arange(50) % 4
    codes_std = generator.normal(size=(100, 4))
    std, active = active_codes(codes_std)
    batches = np.array_split(groups, 7)
    votes = np.concatenate([group_votes(batch, std, active) for batch in batches])
    assert votes.dtype == np.int64
    scores = score_votes(votes, fixed_factor, 4)
    expected = factor_vae(groups, fixed_factor, codes_std)
    assert scores == {key: expected[key] for key in ("factor_vae", "factor_vae_revised")}


def test_votes_do_not_depend_on_the_block(monkeypatch):
    groups = np.random.default_rng(0).normal(size=(50, 10, 4))
    std, active = np.array([1.0, 2, 3, 4]), np.array([True, True, False, True])
    whole = group_votes(groups, std, active)
    monkeypatch.setattr("metrics.disentanglement.voting.BLOCK_VALUES", 100)
    np.testing.assert_array_equal(group_votes(groups, std, active), whole)
    assert 2 not in whole
    assert group_votes(groups[:0], std, active).tolist() == []
    assert set(group_votes(groups, std, np.zeros(4, dtype=bool))) == {-1}


def test_sample_quality_by_hand():
    sure = np.eye(3)[[0, 1, 2] * 4]
    assert inception_score(sure) == {"inception_score": pytest.approx(3)}
    assert mode_kl(sure) == {"mode_kl": pytest.approx(0)}
    assert confidence(sure) == {"confidence": 1}
    one_mode = np.tile([[0.5, 0.25, 0.25]], (8, 1))
    assert inception_score(one_mode) == {"inception_score": pytest.approx(1)}
    assert mode_kl(one_mode) == {"mode_kl": pytest.approx(np.log(3))}
    assert confidence(one_mode) == {"confidence": 0.5}
    half = np.eye(2)[[0, 0, 0, 1]]
    divergence = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    assert mode_kl(half)["mode_kl"] == pytest.approx(divergence)


def test_probabilities_of_a_float32_softmax_are_taken():
    logits = np.random.default_rng(0).normal(size=(100, 1000)).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True, dtype=np.float32)
    assert inception_score(probabilities)["inception_score"] > 1


def test_frechet_distance_by_hand():
    features = np.random.default_rng(0).normal(size=(200, 3))
    assert frechet_distance(features, features)["frechet_distance"] == pytest.approx(0, abs=1e-9)
    moved = frechet_distance(features, features + [3, 0, 4])["frechet_distance"]
    assert moved == pytest.approx(25)
    centred = features - features.mean(axis=0)
    scaled = frechet_distance(centred, 3 * centred)["frechet_distance"]
    # Per direction (1 - 3)^2 times the variance.
    assert scaled == pytest.approx(4 * np.trace(np.cov(features, rowvar=False)))


def test_frechet_distance_agrees_with_the_matrix_square_root():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 100, 4)) @ generator.normal(size=(2, 4, 4))
    covariances = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    expected = (
        np.sum((first.mean(axis=0) - second.mean(axis=0)) ** 2)
        + np.trace(covariances[0] + covariances[1])
        - 2 * np.trace(sqrtm(covariances[0] @ covariances[1])).real
    )
    assert frechet_distance(first, second)["frechet_distance"] == pytest.approx(expected)


def test_frechet_distance_with_fewer_points_than_features():
    features = np.random.default_rng(0).normal(size=(2, 10, 40))
    value = frechet_distance(features[0], features[1])["frechet_distance"]
    assert np.isfinite(value)
    assert frechet_distance(features[0], features[0])["frechet_distance"] < 1e-5


def blobs(num_blobs, num_points=20):
    """Returns `(features, blob)`: points close to far apart centres."""
    blob = np.arange(num_blobs).repeat(num_points)
    noise = 0.01 * np.random.default_rng(0).normal(size=(len(blob), 2))
    return np.column_stack([10.0 * blob, 5.0 * (blob % 2)]) + noise, blob


def test_clusters_that_are_the_classes():
    features, blob = blobs(4)
    scores = clustering(features, 3 - blob, num_clusters=4, seeds=[0, 1])
    keys = ("acc_hungarian", "acc_purity", "nmi", "ari")
    assert list(scores) == [name for key in keys for name in (key, f"{key}_std")]
    for key in keys:
        assert scores[key] == pytest.approx(1)
        assert scores[f"{key}_std"] == pytest.approx(0)


def test_more_clusters_than_classes():
    features, blob = blobs(4)
    scores = clustering(features, blob % 2, num_clusters=4, seeds=[0])
    assert scores["acc_purity"] == 1  # each cluster lies in one class
    assert scores["acc_hungarian"] == 0.5  # but a class is matched to one cluster only
    assert scores["nmi"] == pytest.approx(2 / 3)  # log 2 over the mean of log 2 and log 4
    assert scores["acc_purity_std"] == 0


def test_fewer_clusters_than_classes():
    features, blob = blobs(4)
    scores = clustering(features[blob != 1], blob[blob != 1] % 3, num_clusters=1, seeds=[0])
    assert scores["acc_hungarian"] == scores["acc_purity"] == pytest.approx(2 / 3)
    assert scores["ari"] == pytest.approx(0)


def test_spread_over_seeds_is_the_sample_deviation():
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(60, 2)), generator.integers(3, size=60)
    single = [clustering(features, labels, num_clusters=7, seeds=[s])["nmi"] for s in range(3)]
    scores = clustering(features, labels, num_clusters=7, seeds=range(3))
    assert scores["nmi"] == pytest.approx(np.mean(single))
    assert scores["nmi_std"] == pytest.approx(np.std(single, ddof=1))


def test_equal_points_are_one_cluster():
    scores = clustering(np.zeros((6, 2)), [0, 0, 0, 1, 1, 1], num_clusters=3, seeds=[0])
    assert scores["acc_purity"] == 0.5
    assert all(np.isfinite(value) for value in scores.values())
