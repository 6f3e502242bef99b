"""Bootstrap intervals: they hold the score, repeat with the seed, and narrow with more data."""

import numpy as np
import pytest

import metrics
from metrics import INTERVAL_METRICS, beta_vae, score_with_interval

SIZES = (3, 4, 2)
WITHOUT_INTERVAL = {"factor_vae_num_active", "chance", "infom", "infoc", "infomec_num_active"}


def make_arrays(metric, num_points=200, seed=0):
    """Returns `(arrays, options)` for one call of the metric of that name."""
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(3, 4))

    def encode(factors):
        return factors @ mixing + 0.3 * generator.normal(size=(*factors.shape[:-1], 4))

    factors = generator.integers(SIZES, size=(num_points, 3))
    factors_test = generator.integers(SIZES, size=(num_points, 3))
    if metric in ("factor_vae", "beta_vae"):
        fixed_factor = generator.integers(3, size=num_points)
        rows = generator.integers(SIZES, size=(num_points, 6, 3))
        for group, factor in enumerate(fixed_factor):
            rows[group, :, factor] = rows[group, 0, factor]
        groups = encode(rows)
        fresh = {"eval_groups": groups[::-1], "eval_fixed_factor": fixed_factor[::-1]}
        spread = (encode(factors),) if metric == "factor_vae" else ()
        return (groups, fixed_factor, *spread), fresh
    if metric in ("sap", "explicitness"):
        options = {"continuous": [True, False, False]} if metric == "sap" else {}
        return (encode(factors), factors, encode(factors_test), factors_test), options
    if metric in ("inception_score", "mode_kl", "confidence"):
        return (generator.dirichlet([0.3, 0.2, 0.1], size=num_points),), {}
    if metric in ("mig", "mig_sup", "jemmig", "dcimig", "infomec", "modularity", "irs"):
        return (encode(factors), factors), {}
    if metric == "identity_leakage":
        parts = (encode(factors), factors[:, 1], encode(factors_test), factors_test[:, 1])
        return parts, {"hidden": (32,), "max_epochs": 200}
    return (encode(factors),), {}


@pytest.mark.parametrize("metric", INTERVAL_METRICS)
def test_interval_holds_the_score_and_repeats(metric):
    arrays, options = make_arrays(metric)
    settings = {"seed": 1, "num_resamples": 40}
    scores, intervals = score_with_interval(metric, *arrays, **settings, **options)
    assert scores == getattr(metrics, metric)(*arrays, **options)
    assert set(scores) - set(intervals) <= WITHOUT_INTERVAL
    for key, (low, high) in intervals.items():
        assert low <= scores[key] <= high
        assert low < high
        assert type(low) is float
    again = score_with_interval(metric, *arrays, **settings, **options)
    assert again == (scores, intervals)
    other = score_with_interval(metric, *arrays, seed=2, num_resamples=40, **options)
    assert other[0] == scores
    assert other[1] != intervals


@pytest.mark.parametrize("metric", ["mig", "factor_vae", "sap", "gaussian_total_correlation"])
def test_more_data_narrow_the_interval_and_a_lower_level_too(metric):
    def width(num_points, level=0.95):
        arrays, options = make_arrays(metric, num_points)
        _, intervals = score_with_interval(
            metric, *arrays, level=level, num_resamples=60, **options
        )
        low, high = next(iter(intervals.values()))
        return high - low

    assert width(2000) < 0.7 * width(100)
    assert width(200, level=0.5) < width(200)


def test_interval_of_a_share_is_that_of_a_coin():
    # Accuracy is a mean of independent hits: the normal approximation is known.
    arrays, options = make_arrays("beta_vae", num_points=600)
    accuracy = beta_vae(*arrays, **options)["beta_vae"]
    _, intervals = score_with_interval("beta_vae", *arrays, num_resamples=2000, **options)
    low, high = intervals["beta_vae"]
    expected = 1.96 * np.sqrt(accuracy * (1 - accuracy) / 600)
    assert (high - low) / 2 == pytest.approx(expected, rel=0.1)


def test_interval_covers_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for seed in range(100):
        shares = generator.random((60, 1))
        probabilities = np.hstack([shares, 1 - shares])  # the larger share has mean 3/4
        _, intervals = score_with_interval(
            "confidence", probabilities, seed=seed, num_resamples=200
        )
        low, high = intervals["confidence"]
        covered += low <= 0.75 <= high
    assert 88 <= covered <= 99


def test_a_certain_score_has_no_width():
    factors = np.arange(60)[:, np.newaxis] % 3
    _, intervals = score_with_interval("mig", factors * 1.0, factors, num_resamples=20)
    assert intervals["mig"] == pytest.approx((1, 1))


def test_resamples_that_lose_a_class_are_passed_over():
    # With three points most resamples have one value of the factor only.
    scores, intervals = score_with_interval(
        "mig", [[0.0], [0.0], [1.0]], [[0], [0], [1]], num_resamples=50
    )
    low, high = intervals["mig"]
    assert np.isfinite([low, high]).all()
    assert low <= scores["mig"] <= high
