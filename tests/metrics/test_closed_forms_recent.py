"""Newer metrics on representations whose scores can be written down."""

import itertools

import numpy as np
import pytest

from metrics import dci_es, dcimig, infomec, jemmig, mig, mig_posterior, mig_sup, tad
from metrics.disentanglement.dci_es_scores import DEPTHS, _explicitness
from metrics.disentanglement.infomec_scores import active_by_spread, mean_share_of_largest

SIZES = (3, 4, 5)
# Every combination of factor values four times: the factors are exactly independent.
FACTORS = np.tile(np.array(list(itertools.product(*map(range, SIZES)))), (4, 1))
IDENTITY = FACTORS.astype(np.float64)
DEAD = np.full((len(FACTORS), 1), 0.1)
ENTROPIES = np.log(SIZES)


def test_one_code_for_each_factor_is_perfect():
    codes = IDENTITY[:, [2, 0, 1]] * [1.0, -2.0, 3.0]
    assert mig(codes, FACTORS, normalizer="code")["mig"] == pytest.approx(1)
    assert mig_sup(codes, FACTORS)["mig_sup"] == pytest.approx(1)
    assert dcimig(codes, FACTORS)["dcimig"] == pytest.approx(1)


def test_the_normaliser_is_seen_where_codes_say_more_than_the_factor():
    codes = np.arange(8.0)[:, np.newaxis]  # 8 bins tell a factor of two values and more
    factors = np.arange(8)[:, np.newaxis] % 2
    assert mig(codes, factors, 8)["mig"] == pytest.approx(1)
    assert mig(codes, factors, 8, normalizer="code")["mig"] == pytest.approx(1 / 3)
    assert mig_sup(codes, factors, 8)["mig_sup"] == pytest.approx(1 / 3)
    assert mig_sup(codes, factors, 8, normalizer="factor")["mig_sup"] == pytest.approx(1)


def test_a_code_of_two_factors_is_seen_by_mig_sup_and_not_by_mig():
    both = (FACTORS[:, 0] * SIZES[1] + FACTORS[:, 1])[:, np.newaxis]
    factors = FACTORS[:, :2]
    assert mig(both, factors, 12)["mig"] == pytest.approx(1)
    expected = (ENTROPIES[1] - ENTROPIES[0]) / (ENTROPIES[0] + ENTROPIES[1])
    assert mig_sup(both, factors, 12)["mig_sup"] == pytest.approx(expected)
    assert dcimig(both, factors, 12)["dcimig"] == pytest.approx(expected)


def test_jemmig_of_perfect_codes_falls_short_by_their_bins():
    scores = jemmig(IDENTITY, FACTORS, num_bins=8)
    # H(f, z) = I = H(f): the raw value is 0 however many bins there are.
    assert scores["jemmig"] == pytest.approx(1)
    assert scores["jemmig_raw_bits"] == pytest.approx(0, abs=1e-12)
    fine = np.arange(8.0)[:, np.newaxis]
    scores = jemmig(fine, np.arange(8)[:, np.newaxis] % 2, num_bins=8)
    # H(f, z) = 3 bits, I = 1 bit; normalised by 1 + 3 bits.
    assert scores["jemmig_raw_bits"] == pytest.approx(2)
    assert scores["jemmig"] == pytest.approx(1 - 2 / 4)


def test_jemmig_of_a_duplicated_code_loses_the_gap():
    scores = jemmig(np.hstack([IDENTITY, IDENTITY]), FACTORS, num_bins=8)
    assert scores["jemmig_raw_bits"] == pytest.approx(ENTROPIES.mean() / np.log(2))
    # What the authors' program prints is the share that is lost, lower being better.
    lost = np.mean(ENTROPIES / (ENTROPIES + np.log(8)))
    assert 1 - scores["jemmig"] == pytest.approx(lost)


def test_infomec_of_perfect_codes():
    generator = np.random.default_rng(0)
    codes = 10 * IDENTITY + generator.uniform(size=IDENTITY.shape)
    scores = infomec(codes, FACTORS, num_neighbors=3)
    assert scores["infom"] > 0.95
    assert scores["infoc"] > 0.95
    assert scores["infomec_num_active"] == 3
    # 3 values on a line: the middle one has no hyperplane of its own, yet a multinomial model
    # ranks them in order.
    assert scores["infoe"] == pytest.approx(1, abs=1e-3)


def test_infomec_where_little_is_active():
    assert infomec(DEAD, FACTORS) == {
        "infoe": 0.0,
        "infom": 0.0,
        "infoc": 0.0,
        "infomec_num_active": 0.0,
    }
    one = infomec(10 * IDENTITY[:, :1], FACTORS[:, :1], num_neighbors=3)
    assert (one["infom"], one["infoc"], one["infomec_num_active"]) == (1, 1, 1)


def test_shares_of_the_largest():
    assert mean_share_of_largest(np.array([[1.0, 0, 0], [1, 1, 1]])) == pytest.approx(0.5)
    assert mean_share_of_largest(np.array([[2.0, 2, 0], [0, 0, 0]])) == pytest.approx(0.125)
    assert mean_share_of_largest(np.zeros((0, 3))) == 0
    assert mean_share_of_largest(np.array([[0.2], [0.0]])) == 0.5


def test_prunings_differ_for_a_code_that_is_mostly_still():
    codes = np.zeros((100, 2))
    codes[:, 0] = np.linspace(-1, 1, 100)
    codes[:5, 1] = 1.0  # wide, but between its quartiles it does not move
    assert active_by_spread(codes, "range").tolist() == [True, True]
    assert active_by_spread(codes, "iqr").tolist() == [True, False]


def test_explicitness_of_curves():
    depths = np.array(DEPTHS, dtype=np.float64)
    assert _explicitness(np.full(len(DEPTHS), 0.3), 1.0) == 1
    falling = 1 - (depths - depths[0]) / (depths[-1] - depths[0])
    assert _explicitness(falling, 1.0) == pytest.approx(0)
    # Worse again with depth: the running minimum stands.
    overfitted = np.where(depths < 3, 0.5, np.linspace(0.2, 0.4, len(DEPTHS)))
    best = np.minimum.accumulate(overfitted)
    assert _explicitness(overfitted, 1.0) == _explicitness(best, 1.0)


def test_dci_es_of_one_code_for_each_factor():
    scores = dci_es(IDENTITY, FACTORS, IDENTITY, FACTORS, n_jobs=1)
    assert scores["dci_es_size"] == 1
    # Trees that see a random code at each split use other codes now and then.
    assert scores["dci_es_depth32_disentanglement"] > 0.8
    assert scores["dci_es_depth32_completeness"] > 0.8
    assert scores["dci_es_depth32_informativeness"] == 1
    assert scores["dci_es_explicitness"] > 0.9


def test_tad_counts_each_captured_attribute():
    generator = np.random.default_rng(0)
    attributes = generator.integers(2, size=(2000, 3))
    noise = generator.normal(size=(2000, 1))
    scores = tad(np.hstack([attributes + 0.0, noise]), attributes)
    assert scores["tad_captured"] == 3
    assert scores["tad"] == pytest.approx(3 * 0.5, abs=0.1)
    # A copy of an attribute says nothing new of the representation, so both are left out.
    doubled = np.hstack([attributes, attributes[:, :1]])
    assert tad(np.hstack([attributes + 0.0, noise]), doubled)["tad_captured"] == 2
    # A code that moves too little tells nothing.
    assert tad(0.1 * attributes, attributes) == {"tad": 0.0, "tad_captured": 0.0}


@pytest.fixture(scope="module")
def posteriors():
    """Means of two codes that tell one factor each and a third that tells nothing."""
    return np.hstack([10 * IDENTITY[:, :2], np.zeros((len(IDENTITY), 1))])


def test_mig_of_narrow_posteriors_is_that_of_the_means(posteriors):
    narrow = np.full(posteriors.shape, -4.0)
    assert mig_posterior(posteriors, narrow, FACTORS[:, :2])["mig_posterior"] == pytest.approx(1)


def test_mig_of_wide_posteriors_is_nothing(posteriors):
    wide = np.full(posteriors.shape, 14.0)
    scores = mig_posterior(posteriors, wide, FACTORS[:, :2])
    assert scores["mig_posterior"] == pytest.approx(0, abs=1e-3)


def test_mig_of_overlapping_posteriors_is_an_integral():
    # Two equally likely means at -1 and 1 with unit variance: I is an integral over one axis.
    axis = np.linspace(-9, 9, 20001)
    first = np.exp(-0.5 * (axis - 1) ** 2) / np.sqrt(2 * np.pi)
    both = 0.5 * (first + first[::-1])
    information = np.trapezoid(first * np.log(first / both), axis)
    factors = np.arange(6000)[:, np.newaxis] % 2
    scores = mig_posterior(2.0 * factors - 1, np.zeros((6000, 1)), factors, num_samples=6000)
    assert scores["mig_posterior"] == pytest.approx(information / np.log(2), abs=0.02)


def test_samples_of_the_posterior_repeat_with_the_seed(posteriors):
    variances = np.full(posteriors.shape, 3.0)

    def score(seed, num_samples=100):
        factors = FACTORS[:, :2]
        return mig_posterior(posteriors, variances, factors, num_samples=num_samples, seed=seed)

    assert score(1) == score(1)
    assert score(1) != score(2)
    assert score(1)["mig_posterior"] == pytest.approx(score(1, 10_000)["mig_posterior"], abs=0.1)
