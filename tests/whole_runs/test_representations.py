"""Models with a posterior are scored and selected by draws from it where Gin says so."""

import pandas as pd
import pytest

from benchmarks.harness import EXPERIMENT, staying_workers
from pipeline.cli import main
from pipeline.runs.directory import RunDirectory
from pipeline.stages.report.summaries import read_run

TWO_METHODS = [
    "--gin", "gin/parts/methods/factor_vae.gin", "--gin", "gin/parts/methods/chyvae.gin",
    "--set", "latents/dense_network.dense = (8,)", "--set", "posterior/conv_encoder.conv = (8,)",
    "--set", "posterior/conv_encoder.dense = (8,)",
    "--set", "decoder/deconv_generator.deconv = (8,)",
    "--set", "cr_protocol.metrics = ('factor_vae', 'mig')", "--set", "BATCH_SIZE = 32",
    "--set", "metrics.sample_quality = None", "--set", "NUM_SEEDS = 1", "--set", "ITERATIONS = 4",
    "--set", "sweep.settings = {'factor_vae': {'experiment.method': @factor_vae()}, "
    "'chyvae': {'experiment.method': @chyvae()}}",
]  # fmt: skip
SAMPLE = ["--set", "metrics.main_representation = 'sample'"]


@pytest.fixture(autouse=True, scope="module")
def workers():
    with staying_workers():
        yield


def test_draws_have_rows_of_their_own_and_stand_for_their_models(tmp_path, cache):
    arguments = [*(one for one in EXPERIMENT[: EXPERIMENT.index("ITERATIONS = 12") - 1])]
    arguments += [*TWO_METHODS, "--out", str(tmp_path), "--cache", str(cache)]
    assert main(arguments) == 0
    scores = pd.read_csv(tmp_path / "scores.csv")
    wide = scores.pivot(
        index=["model_id", "metric"], columns="representation", values="value"
    ).reset_index()
    mig = wide[wide.metric == "mig"]
    assert len(mig) == 2 and (mig["mean"] != mig["sample"]).all()
    means = pd.read_csv(tmp_path / "cross_scores.csv").score.tolist()
    supervised = chosen_value(tmp_path)
    assert supervised in scores[scores.representation == "mean"].value.tolist()
    votes = {path: path.read_bytes() for path in tmp_path.glob("votes/*")}

    again = [*arguments, *SAMPLE, "--stages", "metrics,select"]
    assert main(again) == 0
    assert pd.read_csv(tmp_path / "scores.csv").equals(scores)  # both were there
    assert pd.read_csv(tmp_path / "cross_scores.csv").score.tolist() != means
    assert {path for path in tmp_path.glob("votes/*")} == set(votes)  # kept beside each other
    rows = read_run(RunDirectory(tmp_path)).main_scores
    assert (
        set(rows.representation) == {"sample"} and not rows.duplicated(["model_id", "metric"]).any()
    )
    before = (tmp_path / "cross_scores.csv").read_bytes()
    assert main([*again, "--force", "metrics", "--force", "select"]) == 0
    assert pd.read_csv(tmp_path / "scores.csv").equals(scores)  # one seed, one result
    assert (tmp_path / "cross_scores.csv").read_bytes() == before


def chosen_value(root):
    summary = pd.read_csv(root / "selection_summary.csv").set_index("selection_method")
    return summary.supervised_value["supervised"]
