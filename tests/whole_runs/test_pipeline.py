"""The pipeline as a user runs it, on small data and for few iterations."""

import html
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from benchmarks.harness import DAMAGES, EXPERIMENT, differences, staying_workers
from pipeline.cli import main
from pipeline.experiment import load_experiment
from pipeline.inference.encoding import encoder_function, load_network
from pipeline.runs.directory import ModelDirectory
from pipeline.runs.manifests import damaged_files, read_manifest
from pipeline.stages.train.loop import train_model
from tests.whole_runs.test_study_files import FILES as STUDIES

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
# Files that need data, and studies, are run in tests of their own.
GIN_FILES = sorted(
    path.name
    for path in (REPOSITORY / "gin").glob("*.gin")
    if "DATA_DIR" not in path.read_text(encoding="utf-8")
    and not path.name.startswith("cvae_gan")
    and path.stem not in STUDIES
)
# These run through every stage; the others differ in data and networks, of which two iterations
# are enough.
WHOLE = ("quickstart.gin", "dsprites_baselines.gin", "selection_study.gin")
SMOKE = "gin/parts/budgets/smoke.gin"
# One model of each method of the study is enough here.
TWO_METHODS = """sweep.settings = {
    'factor_vae-10': {'experiment.method': @factor_vae(), 'BATCH_SIZE': 64},
    'infogan_cr-1': {'experiment.method': @infogan_cr()},
}"""
QUICK_JUDGES = """selection.method_options = {
    'variation_predictability': {'num_pairs': 100, 'epochs': 1, 'repeats': 1},
    'pipe': {'num_images': 64, 'steps': 2},
}"""
THREE_BASELINES = """sweep.settings = {
    'beta_vae': {'experiment.method': @vae()},
    'factor_vae': {'experiment.method': @factor_vae(), 'BATCH_SIZE': 128},
    'ib_gan': {'experiment.method': @ib_gan()},
}"""


@pytest.fixture(autouse=True, scope="module")
def workers():
    """Processes that live from run to run; those of a model's own are started and killed below."""
    with staying_workers():
        yield


def run(*arguments, out, cache):
    return main([*EXPERIMENT, *arguments, "--out", str(out), "--cache", str(cache)])


@pytest.fixture
def eagerly():
    """Iterations without a graph, whose tracing takes longer than two iterations do."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cache):
    """A run of all stages that was never interrupted."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    assert run(out=out, cache=cache) == 0
    return out


@pytest.mark.parametrize("name", WHOLE)
def test_a_gin_file_runs_with_the_smoke_budget(name, tmp_path, cache, capfd):
    files = ["--gin", f"gin/{name}", "--gin", SMOKE]
    exports = {"final", "before_cr"}
    if name == "quickstart.gin":  # two settings
        files += ["--set", "NUM_SEEDS = 1"]
    methods = ["model_centrality", "supervised", "udr_lasso", "udr_spearman"]
    if "baselines" in name:  # ten methods, none with a snapshot: three kinds are enough here
        files += ["--set", "NUM_SEEDS = 1", "--set", THREE_BASELINES]
        exports = {"final"}
    if "study" in name:
        files += ["--set", "NUM_SEEDS = 1", "--set", TWO_METHODS, "--set", QUICK_JUDGES]
        methods += ["interchange", "pipe", "rank_mean", "variation_predictability"]
        methods += ["weighted_centrality"]
    if name == "room3d.gin":  # three methods
        files += ["--set", "NUM_SEEDS = 1"]
    assert main([*files, "--out", str(tmp_path), "--cache", str(cache)]) == 0
    models = pd.read_csv(tmp_path / "models.csv")
    assert (models.status == "done").all() and set(models.export) == exports
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert set(scores.model_id) == set(models.model_id)
    assert np.isfinite(scores.value).all()
    selection = pd.read_csv(tmp_path / "selection.csv")
    chosen = selection[selection.selected].selection_method
    assert sorted(chosen) == sorted(methods)
    vaes = models[models.method.str.contains("vae")].directory
    for directory in models.directory:
        assert (tmp_path / directory / "code_kl.json").exists() == (directory in set(vaes))
    assert (tmp_path / "report" / "index.html").stat().st_size > 10_000
    capfd.readouterr()
    assert main([*files, "--out", str(tmp_path), "--cache", str(cache)]) == 0
    said = capfd.readouterr().err
    assert "damaged" not in said and "missing" not in said
    assert said.count("skipped") >= 4 and "the report is up to date" in said


@pytest.mark.parametrize("name", [name for name in GIN_FILES if name not in WHOLE])
def test_two_iterations_of_every_other_gin_file(name, tmp_path, cache, eagerly):
    settings = ["ITERATIONS = 2", "LOG_EVERY = 1", "ALPHA_FROM = 1", "GAP_FROM = 2"]
    experiment = load_experiment([f"gin/{name}", SMOKE], settings)
    experiment.dataset.prepare(cache)
    dataset = experiment.dataset.open(cache)
    specs = experiment.model_specs(dataset.fingerprint)
    spec = next(one for one in specs if one.method.name == "infogan_cr")
    directory = ModelDirectory(tmp_path)
    outcome = train_model(spec, directory, cache, progress=lambda *_, **__: None)
    assert outcome["status"] == "done", outcome
    assert {export.name for export in spec.exports} == {"final", "before_cr"}
    losses = pd.read_csv(directory.history)
    losses = losses.filter(like="loss")  # of the contrastive network from the second iteration on
    assert len(losses) == 2 and np.isfinite(losses.iloc[1]).all()
    assert np.isfinite(losses.drop(columns="cr_loss").iloc[0]).all()
    encode = encoder_function(load_network(directory.export("final").encoder), dataset.max_value)
    keys = dataset.sample_keys(np.random.default_rng(0), 10)
    codes = encode(dataset.images_of(keys))
    assert codes.shape == (10, spec.method.codes.code_dim) and np.isfinite(codes).all()


def test_models_of_a_run_are_selected_among_as_in_the_run(finished, tmp_path, cache):
    sizes = ["--groups", "10", "--group-size", "10", "--std-samples", "100", "--points", "100"]
    places = ["--out", str(tmp_path / "choice"), "--cache", str(cache)]
    assert main(["select", str(finished), *places, *sizes, "--quiet"]) == 0
    own, again = (
        pd.read_csv(root / "cross_scores.csv").set_index(["encoder_id", "generator_id"])
        for root in (finished, tmp_path / "choice")
    )
    pd.testing.assert_frame_equal(own, again)
    chosen = pd.read_csv(tmp_path / "choice" / "selection.csv")
    assert set(chosen.selection_method) == {"model_centrality", "udr_lasso", "udr_spearman"}


def test_what_is_finished_is_skipped(finished, cache, capfd):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.csv")}
    assert run(out=finished, cache=cache) == 0
    said = capfd.readouterr().err
    assert "2 of 2 models are finished and valid: skipped" in said
    assert "scores of 4 encoders are up to date: skipped" in said
    assert "the selection among 2 models is up to date: skipped" in said
    after = {path: path.stat().st_mtime_ns for path in before if path.name != "models.csv"}
    assert after == {path: time for path, time in before.items() if path.name != "models.csv"}


def test_the_plan_says_what_a_changed_binding_would_do(finished, cache, capsys):
    assert run("--dry-run", out=finished, cache=cache) == 0
    assert "run (" not in capsys.readouterr().out
    assert run("--dry-run", "--set", "NUM_GROUPS = 24", out=finished, cache=cache) == 0
    train, metrics = capsys.readouterr().out.split("metrics:")
    assert "run (" not in train and "metrics missing" in metrics
    change = "sweep.settings = {'only': {'LAMBDA': 0.5}, 'other': {'LAMBDA': 0.4}}"
    assert run("--dry-run", "--set", change, out=finished, cache=cache) == 0
    plan = capsys.readouterr().out
    assert plan.count("only-seed0") and "run (new)" in plan.split("other-seed0")[1].splitlines()[0]
    assert "skip" in plan.split("only-seed0")[1].splitlines()[0]


def test_one_stage_alone_after_a_changed_metric(finished, cache, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    trained = {path: path.read_bytes() for path in copy.glob("models/*/manifest.json")}
    arguments = ("--stages", "metrics,select", "--set", "NUM_GROUPS = 24")
    assert run(*arguments, out=copy, cache=cache) == 0
    assert {path: path.read_bytes() for path in trained} == trained
    scores = pd.read_csv(copy / "scores.csv")
    assert set(scores[scores.metric == "factor_vae"].num_points) == {24}


def test_adding_a_metric_computes_one_metric(finished, cache, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    before = set(copy.glob("metrics/*/*.json"))
    more = "cr_protocol.metrics = ('factor_vae', 'mig', 'gaussian_total_correlation')"
    assert run("--stages", "metrics", "--set", more, out=copy, cache=cache) == 0
    new = set(copy.glob("metrics/*/*.json")) - before
    assert len(new) == 4 and all("gaussian_total" in path.name for path in new)
    assert set(pd.read_csv(copy / "scores.csv").metric) > {"mig", "gaussian_total_correlation"}


def test_the_page_shows_what_made_it_and_not_the_last_command(finished, cache, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    other = "sweep.settings = {'only': {'LAMBDA': 76543.21}}"
    assert run("--stages", "report", "--set", other, out=copy, cache=cache) == 0
    page = (copy / "report" / "index.html").read_text(encoding="utf-8")
    assert "76543.21" not in page and "0.5" in page
    assert "76543.21" in (copy / "configuration.gin").read_text(encoding="utf-8")
    (kept,) = {path.read_text(encoding="utf-8") for path in copy.glob("models/*/configuration.gin")}
    assert kept in html.unescape(page)
    assert run("--stages", "metrics,report", "--set", "NUM_GROUPS = 24", out=copy, cache=cache) == 0
    page = (copy / "report" / "index.html").read_text(encoding="utf-8")
    assert kept in html.unescape(page)  # of the models
    assert (copy / "configuration.gin").read_text(encoding="utf-8") in html.unescape(page)


def test_a_model_is_trained_again_from_the_configuration_kept_with_it(finished, cache, tmp_path):
    kept = next(finished.glob("models/*/configuration.gin"))
    arguments = ["--gin", str(kept), "--out", str(finished), "--cache", str(cache), "--dry-run"]
    before = (finished / "configuration.gin").read_bytes()
    assert main(arguments) == 0
    assert (finished / "configuration.gin").read_bytes() == before


# What must be there when every process is killed: in the InfoGAN phase, while the networks before
# the switch are exported, in the contrastive phase after the gap changed; then among the results
# of the metrics, and among the votes.
TRAINING_MOMENTS = [
    "models/*/checkpoints/iteration-000000004-*",
    "models/*/before_cr/encoder.keras",
    "models/*/checkpoints/iteration-000000010-*",
]
LATER_MOMENTS = ["metrics/*/cr-beta_vae-*", "votes/*"]


def kill_when_there(pattern, *arguments, out, cache):
    """SIGKILL every process of a run as soon as a file is there."""
    command = [sys.executable, "run_pipeline.py", *EXPERIMENT, *arguments]
    process = subprocess.Popen(
        [*command, "--out", str(out), "--cache", str(cache)],
        cwd=REPOSITORY,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    while not list(out.glob(pattern)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_results(finished, cache, tmp_path):
    for moment in TRAINING_MOMENTS:
        kill_when_there(moment, "--set", "NUM_SEEDS = 1", out=tmp_path, cache=cache)
        assert not list(tmp_path.glob("models/*/manifest.json"))
    assert run("--stages", "data,train", out=tmp_path, cache=cache) == 0
    for moment in LATER_MOMENTS:
        kill_when_there(moment, out=tmp_path, cache=cache)
        assert not (tmp_path / "selection.csv").exists()
    assert run(out=tmp_path, cache=cache) == 0
    assert differences(finished, tmp_path) == []
    assert not list(tmp_path.rglob(".writing-*"))


def declared_by(run_directory):
    """Return each file that a manifest declares -> the manifest, and the manifests themselves."""
    found = {}
    for manifest in (
        *run_directory.glob("manifests/*.json"),
        *run_directory.rglob("manifest.json"),
    ):
        content = read_manifest(manifest)
        for name in content["outputs"] | content["kept"]:
            found[Path(os.path.normpath(manifest.parent / name))] = manifest
    return found


def is_found(path, manifest):
    """Say whether damage to a file shows when its manifest is read."""
    content = read_manifest(manifest)
    return content is None or path in damaged_files(manifest, content["outputs"] | content["kept"])


def test_whatever_happens_to_a_file_its_checksum_tells(finished):
    declared = declared_by(finished)
    manifests = set(declared.values())
    files = {path for path in finished.rglob("*") if path.is_file() and path.name != ".lock"}
    assert files == declared.keys() | manifests
    for path in sorted(files):
        content, manifest = path.read_bytes(), declared.get(path, path)
        assert not is_found(path, manifest)
        for name, damage in DAMAGES.items():
            damage(path, random.Random(f"{path.name} {name}"))
            if path not in manifests:
                assert is_found(path, manifest), (path, name)
            elif path.exists():
                assert read_manifest(path) is None, (path, name)
            path.write_bytes(content)


# One file of each kind, in groups that do not hide each other. Tables, and what they are made
# from; what is kept though nothing depends on it; manifests; what a finished model left, written
# again from its checkpoints.
TABLES = [
    "models.csv", "scores.csv", "cross_scores.csv", "selection.csv", "selection_summary.csv",
    "codes/*/*.npz", "votes/*.npz", "metrics/*/cr-mig-*.json", "metrics/*/cr-sap-*.json",
    "report/index.html", "report/plots/*.png", "report/tables/*.csv", "configuration.gin",
    "models/*seed0*/pictures/*.png", "models/*seed0*/tensorboard/*",
    "models/*seed0*/checkpoints/*.npz",
]  # fmt: skip
MANIFESTS = [
    "manifests/train.json", "manifests/metrics.json", "manifests/select.json",
    "manifests/report.json", "manifests/configuration.json", "models/*seed0*/manifest.json",
]  # fmt: skip
EXPORTS = [
    "models/*seed0*/generator.keras", "models/*seed0*/traversals.npz", "models/*seed0*/config.json",
    "models/*seed0*/history.csv", "models/*seed0*/encoder.keras",
    "models/*seed0*/configuration.gin",
    "models/*seed1*/before_cr/encoder.keras", "models/*seed1*/before_cr/manifest.json",
]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "damage"),
    [
        (TABLES, "truncated"),
        (TABLES, "flipped_at_middle"),
        (TABLES, "missing"),
        (MANIFESTS, "flipped_at_end"),
        (EXPORTS, "truncated"),
        (EXPORTS, "missing"),
    ],
)
def test_damaged_files_are_named_and_made_again(finished, cache, tmp_path, capfd, names, damage):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    damaged = [sorted(copy.glob(name))[0] for name in names]
    for path in damaged:
        DAMAGES[damage](path, random.Random(path.name))
    assert run(out=copy, cache=cache) == 0
    said = capfd.readouterr().err
    assert [path for path in damaged if str(path) not in said] == []
    assert differences(finished, copy, is_restored=True) == []
    assert run("--dry-run", out=copy, cache=cache) == 0
    assert "run (" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("stage", "name", "restored_by"),
    [
        ("metrics", "models/*seed1*/encoder.keras", "train"),
        ("select", "scores.csv", "metrics"),
        ("report", "models.csv", "train"),
        ("report", "selection.csv", "select"),
        ("report", "models/*/history.csv", "train"),
    ],
)
def test_a_stage_alone_does_not_read_what_is_damaged(
    finished, cache, tmp_path, capfd, stage, name, restored_by
):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    path = sorted(copy.glob(name))[0]
    content = path.read_bytes()
    path.write_bytes(content.replace(b"1", b"2"))  # still well-formed, where it is a table
    shutil.rmtree(copy / "codes")  # so that the encoders are needed
    assert run("--stages", stage, "--force", stage, out=copy, cache=cache) == 1
    said = capfd.readouterr().err
    assert f"{path} is damaged. Run the {restored_by} stage again" in said


def test_a_diverged_model_stops_alone(tmp_path, cache, capfd):
    sweep = "sweep.settings = {'good': {}, 'bad': {'LAMBDA': 1e38}}"
    assert run("--set", sweep, out=tmp_path, cache=cache) == 1
    said = capfd.readouterr().err
    assert "2 of 4 models failed" in said and "not finite at iteration" in said
    models = pd.read_csv(tmp_path / "models.csv")
    assert dict(models.groupby("setting").status.first()) == {"bad": "failed", "good": "done"}
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert set(scores.setting) == {"good"}
    assert run("--set", sweep, "--stages", "train", out=tmp_path, cache=cache) == 1
    assert "in an earlier run" in capfd.readouterr().err


def test_one_model_is_not_selected_among(tmp_path, cache, capfd):
    assert run("--set", "NUM_SEEDS = 1", out=tmp_path, cache=cache) == 0
    assert "needs at least two" in capfd.readouterr().err
    assert not (tmp_path / "selection.csv").exists()
