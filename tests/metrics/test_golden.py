"""Values that the original implementations gave on the arrays in golden/metrics."""

import json
from pathlib import Path

import numpy as np
import pytest

from metrics import (
    beta_vae,
    dci,
    dhsic,
    explicitness,
    factor_vae,
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
    irs,
    mig,
    modularity,
    sap,
    udr,
)

DIRECTORY = Path(__file__).parents[1] / "golden" / "metrics"
EXPECTED = json.loads((DIRECTORY / "expected.json").read_text())
EXACT = 1e-6
SOLVER = 2e-3  # versions of linear solvers stop at slightly different points
UNSEEDED = 1e-2  # the original draws without a seed


def load(name):
    """Returns the arrays of one golden file, real ones as float64."""
    with np.load(DIRECTORY / f"{name}.npz") as arrays:
        return {
            key: array.astype(np.float64) if array.dtype.kind == "f" else array
            for key, array in arrays.items()
        }


def train_only(arrays):
    return arrays["codes"], arrays["factors"]


def held_out(arrays):
    return arrays["codes"], arrays["factors"], arrays["codes_test"], arrays["factors_test"]


def scored_on_train(arrays):
    return train_only(arrays) * 2


def groups_of(arrays):
    return arrays["groups"], arrays["fixed_factor"]


CR_CONTINUOUS = [False, True, True, True]
# Golden key: (how it is computed, tolerance).
COMPUTE = {
    "dlib.mig": (lambda a: mig(*train_only(a))["mig"], EXACT),
    "dlib.sap_discrete": (lambda a: sap(*held_out(a))["sap"], SOLVER),
    "dlib.sap_continuous": (lambda a: sap(*held_out(a), continuous=True)["sap"], EXACT),
    "dlib.modularity": (lambda a: modularity(*train_only(a))["modularity"], EXACT),
    "dlib.explicitness_train": (
        lambda a: explicitness(*held_out(a))["explicitness_train"],
        SOLVER,
    ),
    "dlib.explicitness_test": (lambda a: explicitness(*held_out(a))["explicitness_test"], SOLVER),
    "dlib.irs": (lambda a: irs(*train_only(a))["irs"], EXACT),
    "dlib.gaussian_total_correlation": (
        lambda a: gaussian_total_correlation(a["codes"])["gaussian_total_correlation"],
        EXACT,
    ),
    "dlib.gaussian_wasserstein_correlation": (
        lambda a: gaussian_wasserstein_correlation(a["codes"])["gaussian_wasserstein_correlation"],
        EXACT,
    ),
    "cr.factor_vae": (lambda a: factor_vae(*groups_of(a), a["codes_std"])["factor_vae"], EXACT),
    "cr.factor_vae_revised": (
        lambda a: factor_vae(*groups_of(a), a["codes_std"])["factor_vae_revised"],
        EXACT,
    ),
    "cr.beta_vae": (lambda a: beta_vae(*groups_of(a))["beta_vae"], SOLVER),
    "cr.sap": (
        lambda a: sap(*scored_on_train(a), continuous=CR_CONTINUOUS)["sap"],
        SOLVER,
    ),
    "cr.mig": (lambda a: mig(*train_only(a))["mig"], EXACT),
    "cr.modularity": (lambda a: modularity(*train_only(a))["modularity"], EXACT),
    "cr.explicitness": (
        lambda a: explicitness(*scored_on_train(a))["explicitness_train"],
        SOLVER,
    ),
    "cr.dci_lasso_disentanglement": (
        lambda a: dci(*scored_on_train(a), learner="lasso")["dci_lasso_disentanglement"],
        EXACT,
    ),
    "cr.dci_lasso_completeness": (
        lambda a: dci(*scored_on_train(a), learner="lasso")["dci_lasso_completeness"],
        EXACT,
    ),
    "cr.dhsic_400": (lambda a: dhsic(a["codes"][:400])["dhsic"], EXACT),
}
NAMES = ("clean", "rotated", "partial", "noise")


@pytest.fixture(scope="module", params=NAMES)
def golden(request):
    return request.param, load(request.param)


@pytest.mark.parametrize("key", COMPUTE)
def test_value_of_the_original(golden, key):
    name, arrays = golden
    compute, tolerance = COMPUTE[key]
    value, expected = compute(arrays), EXPECTED[name][key]
    if expected is None:  # the original divides by a dead code's zero importance
        assert 0 <= value <= 1
    else:
        assert value == pytest.approx(expected, abs=tolerance, rel=0)


def test_every_golden_key_is_checked():
    keys = {key for name in NAMES for key in EXPECTED[name]}
    boosted = {key for key in keys if key.startswith("dlib.dci_gbt_")}
    assert keys - boosted == set(COMPUTE)
    assert len(boosted) == 4


def test_boosted_trees_agree_with_the_original():
    scores = dci(*held_out(load("rotated")), learner="gbt", seed=0)
    for key, value in scores.items():
        assert value == pytest.approx(EXPECTED["rotated"][f"dlib.{key}"], abs=UNSEEDED, rel=0)


@pytest.mark.parametrize("method", ["lasso", "spearman"])
def test_udr_agrees_with_the_original(method):
    with np.load(DIRECTORY / "udr.npz") as arrays:
        scores, pairwise = udr(
            arrays["models"].astype(np.float64), arrays["kl"] > 0.01, method=method
        )
    expected = EXPECTED["udr"]
    np.testing.assert_allclose(scores, expected[f"udr_{method}"], atol=EXACT, rtol=0)
    np.testing.assert_allclose(pairwise, expected[f"udr_{method}_pairwise"], atol=EXACT, rtol=0)
