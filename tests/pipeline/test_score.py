"""What people hand to `score`, and what it says of what it cannot use."""

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.experiment import load_experiment

RNG = np.random.default_rng(0)
FACTORS = RNG.integers(0, 4, (300, 3))
TEST_FACTORS = RNG.integers(0, 4, (200, 3))
CODES, TEST_CODES = FACTORS.astype(float), TEST_FACTORS.astype(float)
WHOLE = {
    "codes": CODES,
    "factors": FACTORS,
    "codes_test": TEST_CODES,
    "factors_test": TEST_FACTORS,
}


def score(tmp_path, arrays, *arguments):
    file = tmp_path / "arrays.npz"
    np.savez(file, **arrays)
    return main(["score", str(file), "--resamples", "0", *arguments])


def test_perfect_codes_are_perfect(tmp_path, capsys):
    csv = tmp_path / "scores.csv"
    names = "sap,explicitness,mig"
    assert score(tmp_path, WHOLE, "--metrics", names, "--csv", str(csv)) == 0
    scores = pd.read_csv(csv).set_index("metric")
    assert scores.value["explicitness_test"] > 0.99
    assert scores.scored_on["sap"] == "held-out points"


@pytest.mark.parametrize(
    ("left_out", "renamed", "expected"),
    [
        ("factors_test", {}, "(missing: factors_test)"),
        ("codes_test", {}, "(missing: codes_test)"),
        ("factors", {}, "(missing: factors)"),
        (None, {"factors_test": "factor_test"}, "Did you mean 'factors_test'?"),
        (None, {"codes_test": "test_codes"}, "no metric reads the array 'test_codes'"),
        (None, {"factors": "Factors"}, "Did you mean 'factors'?"),
        (None, {"factors_test": "identities_test"}, "belong together"),
    ],
)
def test_sets_are_whole_and_every_array_is_read(tmp_path, capsys, left_out, renamed, expected):
    arrays = {renamed.get(name, name): array for name, array in WHOLE.items() if name != left_out}
    assert score(tmp_path, arrays) == 2
    said = capsys.readouterr().err
    assert expected in said and "arrays.npz" in said and "Received" in said


@pytest.mark.parametrize("name", ["groups", "fixed_factor", "eval_groups", "means"])
def test_half_a_set_is_refused(tmp_path, capsys, name):
    assert score(tmp_path, {**WHOLE, name: np.zeros((4, 3))}) == 2
    assert "belong together" in capsys.readouterr().err


def test_real_factors_leave_out_what_takes_none(tmp_path, capsys):
    factors = RNG.random((300, 3))
    csv = tmp_path / "scores.csv"
    assert score(tmp_path, {"codes": factors, "factors": factors}, "--csv", str(csv)) == 0
    said = capsys.readouterr().out
    assert "skipped mig: it needs factors that are whole numbers" in said
    scores = pd.read_csv(csv).set_index("metric").value
    assert scores["sap"] > 0.9 and scores["dci_lasso_disentanglement"] > 0.9
    arrays = {"codes": factors, "factors": factors}
    assert score(tmp_path, arrays, "--metrics", "mig") == 2
    assert "numpy.digitize" in capsys.readouterr().err


def test_one_factor_leaves_out_what_compares_factors(tmp_path, capsys):
    arrays = {"codes": RNG.standard_normal((300, 3)), "factors": FACTORS[:, :1]}
    csv = tmp_path / "scores.csv"
    assert score(tmp_path, arrays, "--csv", str(csv)) == 0
    said = capsys.readouterr().out
    assert "skipped modularity: it needs two factors" in said
    assert not set(pd.read_csv(csv).metric) & {"modularity", "dci_lasso_disentanglement"}


def test_codes_that_look_transposed_are_said(tmp_path, capsys):
    arrays = {"codes": CODES[:2], "factors": FACTORS[:2]}
    score(tmp_path, arrays, "--metrics", "gaussian_total_correlation")
    said = capsys.readouterr().err
    assert "codes has fewer points (2) than codes (3)" in said and "codes.T" in said


def test_a_misspelt_main_metric_is_refused():
    with pytest.raises(ValueError, match=r"report\.main_metric.*did you mean 'mig'"):
        load_experiment(["gin/quickstart.gin"], ["report.main_metric = 'migg'"])
