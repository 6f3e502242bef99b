"""`run_pipeline.py score`: arrays by name, what they do not admit, and failures apart."""

import numpy as np
import pandas as pd

from pipeline.cli import main
from pipeline.experiment import load_experiment

RNG = np.random.default_rng(0)
FACTORS = RNG.integers([3, 2], size=(80, 2))
CODES = FACTORS @ RNG.normal(size=(2, 3)) + 0.2 * RNG.normal(size=(80, 3))


def score(path, *arguments, **arrays):
    """Return the exit code and the table, None where none was written."""
    np.savez(path / "arrays.npz", **arrays)
    table = path / "scores.csv"
    code = main(["score", str(path / "arrays.npz"), "--csv", str(table), *arguments])
    return code, pd.read_csv(table).set_index("metric") if table.exists() else None


def test_recent_metrics_of_posteriors_and_attributes(tmp_path):
    code, table = score(
        tmp_path,
        "--metrics",
        "mig_posterior,mig_code_b10,infomec_iqr,tad",
        "--resamples",
        "10",
        codes=CODES,
        factors=FACTORS,
        means=CODES,
        log_variances=np.full(CODES.shape, -3.0),
        attributes=FACTORS % 2,
    )
    assert code == 0
    assert {"mig_posterior", "mig_code_b10", "infom_iqr", "tad_captured"} <= set(table.index)
    assert table.ci_low["infoe_iqr"] < table.value["infoe_iqr"] < table.ci_high["infoe_iqr"]
    assert np.isnan(table.ci_low["mig_posterior"])


def test_probabilities_alone_are_scored(tmp_path):
    code, table = score(tmp_path, probabilities=RNG.dirichlet([1.0, 1.0], size=50))
    assert code == 0
    assert set(table.index) == {"inception_score", "mode_kl", "confidence"}


def test_features_are_compared_once(tmp_path):
    features = {"features": CODES, "reference_features": CODES + 0.1}
    code, table = score(tmp_path, **features)
    assert code == 0
    assert list(table.index) == ["frechet_distance"]


def test_a_metric_that_fails_leaves_the_others(tmp_path, capsys):
    code, table = score(
        tmp_path,
        "--metrics",
        "dhsic,tad,gaussian_total_correlation",
        codes=CODES,
        attributes=FACTORS,
    )
    assert code == 2
    assert set(table.index) == {"dhsic", "gaussian_total_correlation"}
    told = capsys.readouterr().err
    assert "1 of 3 metrics could not be computed" in told
    assert "tad: `attributes` must be binary" in told


def test_a_metric_named_twice_is_refused(tmp_path, capsys):
    assert score(tmp_path, "--metrics", "mig,mig", codes=CODES, factors=FACTORS)[0] == 2
    assert "each once; received 'mig,mig'" in capsys.readouterr().err


def test_the_part_of_recent_metrics_stands_beside_any_experiment():
    experiment = load_experiment(["gin/dsprites.gin", "gin/parts/metrics/recent.gin"])
    protocols = {protocol.name: protocol for protocol in experiment.metrics.protocols}
    assert protocols.keys() == {"cr", "recent"}
    assert protocols["recent"].num_train_points == 10_000
    assert {"infomec", "dci_es", "mig_posterior", "tad"} <= set(protocols["recent"].metrics)
