"""What must not change a score: order of codes, signs, order of points, number of processes."""

import functools
import itertools
import warnings

import numpy as np
import pytest

from metrics import (
    beta_vae,
    dci,
    dcimig,
    dhsic,
    explicitness,
    factor_vae,
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
    infomec,
    irs,
    jemmig,
    mig,
    mig_sup,
    modularity,
    pairwise_mutual_information,
    sap,
)

SIZES = (3, 2, 2)
NUM_POINTS = 160


@pytest.fixture(scope="module")
def data():
    """Codes that mix factors and noise, in a training, a test and a grouped part."""
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(3, 4))

    def encode(factors):
        return factors @ mixing + 0.3 * generator.normal(size=(*factors.shape[:-1], 4))

    factors = generator.integers(SIZES, size=(NUM_POINTS, 3))
    factors_test = generator.integers(SIZES, size=(NUM_POINTS // 2, 3))
    fixed_factor = np.arange(60) % 3
    group_factors = generator.integers(SIZES, size=(60, 10, 3))
    for group, factor in enumerate(fixed_factor):
        group_factors[group, :, factor] = group_factors[group, 0, factor]
    return {
        "codes": encode(factors),
        "factors": factors,
        "codes_test": encode(factors_test),
        "factors_test": factors_test,
        "groups": encode(group_factors),
        "fixed_factor": fixed_factor,
    }


@pytest.fixture(scope="module")
def scores_of(data):
    """Returns a function from a metric's name to its scores on `data`, computed once."""
    return functools.cache(lambda name: METRICS[name](data))


def parts(data):
    return data["codes"], data["factors"], data["codes_test"], data["factors_test"]


METRICS = {
    "factor_vae": lambda d: factor_vae(d["groups"], d["fixed_factor"], d["codes"]),
    "beta_vae": lambda d: beta_vae(d["groups"], d["fixed_factor"]),
    "mig": lambda d: mig(d["codes"], d["factors"]),
    "mig_sup": lambda d: mig_sup(d["codes"], d["factors"]),
    "jemmig": lambda d: jemmig(d["codes"], d["factors"]),
    "dcimig": lambda d: dcimig(d["codes"], d["factors"]),
    "info": lambda d: infomec(d["codes"], d["factors"]),
    "modularity": lambda d: modularity(d["codes"], d["factors"]),
    "sap_discrete": lambda d: sap(*parts(d)),
    "sap_continuous": lambda d: sap(*parts(d), continuous=True),
    "explicitness": lambda d: explicitness(*parts(d)),
    "irs": lambda d: irs(d["codes"], d["factors"]),
    "dci_lasso": lambda d: dci(*parts(d), learner="lasso"),
    "dci_logistic": lambda d: dci(*parts(d), learner="logistic"),
    "dci_hist_gbt": lambda d: dci(*parts(d), learner="hist_gbt", n_jobs=1),
    "dci_random_forest": lambda d: dci(*parts(d), learner="random_forest", n_jobs=1),
    "dci_gbt": lambda d: dci(*parts(d), n_jobs=1),
    "gaussian_total_correlation": lambda d: gaussian_total_correlation(d["codes"]),
    "gaussian_wasserstein_correlation": lambda d: gaussian_wasserstein_correlation(d["codes"]),
    "pairwise_mutual_information": lambda d: pairwise_mutual_information(d["codes"]),
    "dhsic": lambda d: dhsic(d["codes"]),
}
# Trees try the codes in a seeded order and place thresholds between values, so a permutation or a
# sign may change ties; linear solvers stop at slightly different points.
TOLERANCE = {
    "dci_gbt": 0.05,
    "dci_random_forest": 0.05,
    "dci_hist_gbt": 0.05,
    "beta_vae": 0.02,
    "explicitness": 2e-3,
    "dci_logistic": 5e-3,
    "dci_lasso": 1e-3,
    "sap_discrete": 5e-3,
    # A sign turns half-open bins around.
    "mig": 2e-3,
    "mig_sup": 5e-3,
    "jemmig": 2e-2,
    "dcimig": 5e-3,
    # The estimator's noise falls on other points.
    "info": 1e-4,
    "modularity": 1e-2,
    "pairwise_mutual_information": 1e-2,
}


def assert_same(name, changed, expected):
    scores = METRICS[name](changed)
    assert scores.keys() == expected.keys()
    for key in expected:
        assert scores[key] == pytest.approx(expected[key], abs=TOLERANCE.get(name, 1e-9)), key


@pytest.mark.parametrize("name", METRICS)
def test_order_and_sign_of_codes_do_not_matter(data, scores_of, name):
    order, sign = [2, 0, 3, 1], np.array([1, -1, -1, 1])
    changed = dict(data)
    for key in ("codes", "codes_test", "groups"):
        changed[key] = data[key][..., order] * sign
    assert_same(name, changed, scores_of(name))


@pytest.mark.parametrize("name", METRICS)
def test_order_of_points_and_groups_does_not_matter(data, scores_of, name):
    generator = np.random.default_rng(1)
    changed = dict(data)
    for arrays in (
        ("codes", "factors"),
        ("codes_test", "factors_test"),
        ("groups", "fixed_factor"),
    ):
        order = generator.permutation(len(data[arrays[0]]))
        changed |= {key: data[key][order] for key in arrays}
    assert_same(name, changed, scores_of(name))


@pytest.mark.parametrize("name", [name for name in METRICS if name.split("_")[0] != "factor"])
def test_a_factor_with_one_value_is_left_out(data, scores_of, name):
    changed = dict(data)
    for key in ("factors", "factors_test"):
        changed[key] = np.hstack([data[key], np.full((len(data[key]), 1), 7)])
    assert METRICS[name](changed) == scores_of(name)


@pytest.mark.parametrize("name", METRICS)
def test_scores_are_plain_floats_repeat_and_warn_of_nothing(data, scores_of, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = METRICS[name](data)
    assert scores == scores_of(name)
    for key, value in scores.items():
        assert type(key) is str
        assert type(value) is float
        assert np.isfinite(value)
        assert key.startswith(name.split("_discrete")[0].split("_continuous")[0])


@pytest.mark.parametrize("name", METRICS)
def test_other_number_types_give_the_same_scores(data, scores_of, name):
    changed = dict(data)
    for key in ("factors", "factors_test", "fixed_factor"):
        changed[key] = data[key].astype(np.float32)
    for key in ("codes", "codes_test", "groups"):
        changed[key] = data[key].tolist()
    assert METRICS[name](changed) == scores_of(name)


@pytest.mark.parametrize("name", METRICS)
def test_inputs_are_not_written_to(data, name):
    frozen = {key: value.copy() for key, value in data.items()}
    for value in frozen.values():
        value.setflags(write=False)
    METRICS[name](frozen)


def test_scale_and_shift_do_not_matter_where_codes_are_normalised(data, scores_of):
    changed = dict(data)
    scale, shift = np.array([0.5, 4, 2, 8]), np.array([1, -2, 0, 4])
    for key in ("codes", "codes_test", "groups"):
        changed[key] = data[key] * scale + shift
    for name in ("factor_vae", "sap_continuous", "gaussian_total_correlation", "explicitness"):
        assert_same(name, changed, scores_of(name))


@pytest.mark.parametrize("learner", ["gbt", "random_forest"])
def test_dci_does_not_depend_on_the_number_of_processes(data, learner):
    done = []
    serial = dci(*parts(data), learner=learner, n_jobs=1, seed=3)
    parallel = dci(
        *parts(data),
        learner=learner,
        n_jobs=2,
        seed=3,
        progress=lambda *counts: done.append(counts),
    )
    assert parallel == serial
    assert done == [(1, 3), (2, 3), (3, 3)]
    if learner == "random_forest":
        assert dci(*parts(data), learner=learner, n_jobs=1, seed=4) != serial


def test_forest_depths_follow_the_factors(data):
    shallow = dci(*parts(data), learner="random_forest", max_depths=[1, 1, 1], n_jobs=1)
    deep = dci(*parts(data), learner="random_forest", max_depths=[8, 8, 8], n_jobs=1)
    default = dci(*parts(data), learner="random_forest", max_depths=[5, 5, 5], n_jobs=1)
    key = "dci_random_forest_nrmse_train"
    assert shallow[key] > deep[key]
    assert default == dci(*parts(data), learner="random_forest", n_jobs=1)


@pytest.mark.parametrize("learner", ["lasso", "random_forest"])
def test_regressors_take_real_factors(data, learner):
    real = data["factors"] + 0.25, data["factors_test"] + 0.25
    codes, codes_test = data["codes"], data["codes_test"]
    shifted = dci(codes, real[0], codes_test, real[1], learner=learner, n_jobs=1)
    expected = dci(*parts(data), learner=learner, n_jobs=1)
    for key in expected:
        assert shifted[key] == pytest.approx(expected[key], abs=1e-9)


def test_sap_flags_pick_the_kind_of_each_factor(data):
    by_flags = [
        sap(*parts(data), continuous=list(flags))["sap"]
        for flags in itertools.product([False, True], repeat=3)
    ]
    assert by_flags[0] == sap(*parts(data), continuous=False)["sap"]
    assert by_flags[-1] == sap(*parts(data), continuous=True)["sap"]
    # The mean over factors is additive in the flags.
    one_each = by_flags[1] + by_flags[2] + by_flags[4] - 2 * by_flags[0]
    assert one_each == pytest.approx(by_flags[-1])


def test_a_single_code_is_scored_against_nothing(data):
    codes, factors, codes_test, factors_test = parts(data)
    one, one_test = codes[:, :1], codes_test[:, :1]
    assert mig(one, factors)["mig"] > 0
    assert sap(one, factors, one_test, factors_test, continuous=True)["sap"] > 0
    assert dci(one, factors, one_test, factors_test, learner="lasso")[
        "dci_lasso_completeness"
    ] == pytest.approx(1)
    assert pairwise_mutual_information(one) == {"pairwise_mutual_information": 0}
