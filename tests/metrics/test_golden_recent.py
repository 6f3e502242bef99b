"""Newer metrics against the originals, run unmodified on the arrays in golden/metrics.

Randomised originals: the mean of the seeds 0, 1 and 2. Keys `derived.*` follow the definition where
the original's program stops early or counts in single precision.
"""

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from metrics import (
    dci_es,
    dcimig,
    infomec,
    irs,
    jemmig,
    mig,
    mig_sup,
    modularity,
    sap,
    tad,
)

DIRECTORY = Path(__file__).parents[1] / "golden" / "metrics"
EXPECTED = json.loads((DIRECTORY / "expected_recent.json").read_text(encoding="utf-8"))
NAMES = ("clean", "rotated", "partial", "noise")
EXACT = 1e-9
PRUNINGS = {"infomec": "range", "infomec_tripod": "iqr"}


@functools.cache
def load(name):
    """Return `(codes, factors, codes_test, factors_test)` of one golden file."""
    with np.load(DIRECTORY / f"{name}.npz") as arrays:
        keys = ("codes", "factors", "codes_test", "factors_test")
        return tuple(arrays[key].astype(np.float64) for key in keys)


def binary(factors, form):
    """Return attributes: the upper half of each factor's values, or one for each value."""
    if form == "half":
        return factors > factors.max(axis=0) / 2
    return np.hstack([column[:, np.newaxis] == np.unique(column) for column in factors.T])


def binned(codes, factors, num_bins):
    """Return the golden keys of binned information that end in `_b<num_bins>`."""
    varied = codes[:, codes.var(axis=0) > 0.01]
    joint = jemmig(codes, factors, num_bins)
    return {
        "laforge.mig": mig(codes, factors, num_bins, normalizer="code")["mig"],
        "derived.mig_factor": mig(codes, factors, num_bins)["mig"],
        "laforge.mig_sup": mig_sup(codes, factors, num_bins)["mig_sup"],
        "derived.mig_sup_factor": mig_sup(codes, factors, num_bins, normalizer="factor")["mig_sup"],
        # The authors' program counts codes with a variance above 0.01 only.
        "derived.mig_sup_factor_active": mig_sup(varied, factors, num_bins, normalizer="factor")[
            "mig_sup"
        ],
        "laforge.jemmig": joint["jemmig"],
        "laforge.jemmig_raw_bits": joint["jemmig_raw_bits"],
        "laforge.dcimig": dcimig(codes, factors, num_bins)["dcimig"],
        "laforge.modularity": modularity(codes, factors, num_bins)["modularity"],
    }


@pytest.mark.parametrize("num_bins", [10, 20])
@pytest.mark.parametrize("name", NAMES)
def test_binned_information(name, num_bins):
    codes, factors, _, _ = load(name)
    for key, value in binned(codes, factors, num_bins).items():
        assert value == pytest.approx(EXPECTED[name][f"{key}_b{num_bins}"], abs=EXACT), key


@pytest.mark.parametrize("name", NAMES)
def test_our_older_metrics_agree_with_a_third_implementation(name):
    codes, factors, _, _ = load(name)
    expected = EXPECTED[name]
    for quantile, key in ((0.99, "laforge.irs_q99"), (1.0, "laforge.irs_q100")):
        value = irs(codes, factors, quantile=quantile)["irs"]
        assert value == pytest.approx(expected[key], abs=EXACT)
    value = sap(codes, factors, codes, factors, continuous=True)["sap"]
    assert value == pytest.approx(expected["laforge.sap_regression"], abs=EXACT)


@pytest.mark.parametrize("original", PRUNINGS)
@pytest.mark.parametrize("name", NAMES)
def test_infomec(name, original):
    codes, factors, _, _ = load(name)
    runs = [infomec(codes, factors, pruning=PRUNINGS[original], seed=seed) for seed in range(3)]
    means = {key: np.mean([run[key] for run in runs]) for key in runs[0]}
    expected = EXPECTED[name]
    # Ties among the 48 values of a code of "partial" are broken by noise.
    tolerance = 3e-3 if name == "partial" else 1e-4
    assert means["infom"] == pytest.approx(expected[f"{original}.infom"], abs=tolerance)
    assert means["infoc"] == pytest.approx(expected[f"{original}.infoc"], abs=tolerance)
    assert means["infomec_num_active"] == expected[f"{original}.num_active"]
    # The original stops its solver after 100 steps.
    assert means["infoe"] == pytest.approx(expected[f"{original}.infoe"], abs=5e-4)
    assert means["infoe"] == pytest.approx(expected["derived.infoe_converged"], abs=1e-5)


@pytest.mark.parametrize("form", ["half", "onehot"])
@pytest.mark.parametrize("name", NAMES)
def test_tad(name, form):
    codes, factors, _, _ = load(name)
    scores = tad(codes, binary(factors, form))
    expected = EXPECTED[name]
    assert scores["tad_captured"] == expected[f"tad.{form}_captured"]
    assert scores["tad"] == pytest.approx(expected[f"derived.tad_{form}_float64"], abs=EXACT)
    # The original counts in single precision, where the last threshold may pass the largest code.
    assert scores["tad"] == pytest.approx(expected[f"tad.{form}"], abs=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "original", "discrete"),
    [
        ("rotated", "dcies_rf_discrete", True),
        ("partial", "dcies_rf_mixed", [True, False, False, False]),
        ("noise", "dcies_rf_mixed", [True, False, False, False]),
    ],
)
def test_dci_es(name, original, discrete):
    scores = dci_es(*load(name), discrete=discrete, seed=0)
    expected = {
        key.removeprefix(f"{original}."): value
        for key, value in EXPECTED[name].items()
        if key.startswith(f"{original}.")
    }
    assert scores["dci_es_explicitness"] == pytest.approx(expected["e_seed0"], abs=1e-5)
    assert scores["dci_es_size"] == 4 / load(name)[0].shape[1]
    depths = {key.split("_")[2] for key in scores if "depth" in key}
    assert depths == {key.split("_")[0] for key in expected if key.startswith("depth")}
    told = {"d": "disentanglement", "c": "completeness", "i": "informativeness"}
    for depth in depths:
        for letter, part in told.items():
            value = scores[f"dci_es_{depth}_{part}"]
            assert value == pytest.approx(expected[f"{depth}_{letter}"], abs=0.07)
    # The original reports D and C at the depth whose test score is best.
    best = max(sorted(depths), key=lambda depth: scores[f"dci_es_{depth}_informativeness"])
    for letter, part in told.items():
        value = scores[f"dci_es_{best}_{part}"]
        assert value == pytest.approx(expected[f"{letter}_seed0"], abs=1e-5)
