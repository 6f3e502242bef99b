"""The pipeline as a user runs it, on small data and for few iterations."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.cli import main

REPOSITORY = Path(__file__).resolve().parents[1]
GIN_FILES = sorted(
    path.name
    for path in (REPOSITORY / "gin").glob("*.gin")
    if not path.name.startswith("cvae_gan")  # tests/test_cvae_gan_files.py runs these
)
# Two InfoGAN-CR models on Squares: 12 iterations, the contrastive phase from 6.
SMALL = ["--gin", "gin/quickstart.gin", "--gin", "gin/parts/budgets/smoke.gin"]
LONGER = [
    "--set", "ITERATIONS = 12", "--set", "ALPHA_FROM = 6",
    "--set", "sweep.settings = {'only': {'LAMBDA': 0.5}}",
]  # fmt: skip

THREE_BASELINES = """sweep.settings = {
    'beta_vae': {'experiment.method': @vae()},
    'factor_vae': {'experiment.method': @factor_vae(), 'BATCH_SIZE': 128},
    'ib_gan': {'experiment.method': @ib_gan()},
}"""


def run(*arguments, out, cache):
    return main([*SMALL, *LONGER, *arguments, "--out", str(out), "--cache", str(cache)])


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cache):
    """A run of all stages that was never interrupted."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    assert run(out=out, cache=cache) == 0
    return out


def checkpoint(run_directory, seed):
    """The newest checkpoint of a model, without the time that it took."""
    (model,) = (run_directory / "models").glob(f"*seed{seed}-*")
    with np.load(sorted((model / "checkpoints").glob("*.npz"))[-1]) as content:
        return {name: content[name] for name in content.files if name != "details.json"}


def assert_same_results(one, other):
    for seed in (0, 1):
        first, second = checkpoint(one, seed), checkpoint(other, seed)
        assert first.keys() == second.keys()
        for name in first:
            np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    for history in (one / "models").glob("*/history.csv"):
        same = other / "models" / history.parent.name / "history.csv"
        assert history.read_bytes() == same.read_bytes()
    for name in ("scores.csv", "cross_scores.csv", "selection.csv", "selection_summary.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize("name", GIN_FILES)
def test_every_gin_file_runs_with_the_smoke_budget(name, tmp_path, cache):
    files = ["--gin", f"gin/{name}", "--gin", "gin/parts/budgets/smoke.gin"]
    exports = {"final", "before_cr"}
    if "baselines" in name:  # ten methods, none with a snapshot: three kinds are enough here
        files += ["--set", "NUM_SEEDS = 1", "--set", THREE_BASELINES]
        exports = {"final"}
    assert main([*files, "--out", str(tmp_path), "--cache", str(cache)]) == 0
    models = pd.read_csv(tmp_path / "models.csv")
    assert (models.status == "done").all() and set(models.export) == exports
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert set(scores.model_id) == set(models.model_id)
    assert np.isfinite(scores.value).all()
    selection = pd.read_csv(tmp_path / "selection.csv")
    chosen = selection[selection.selected].selection_method
    assert sorted(chosen) == ["model_centrality", "supervised"]
    assert (tmp_path / "report" / "index.html").stat().st_size > 10_000


def test_what_is_finished_is_skipped(finished, cache, capfd):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.csv")}
    assert run(out=finished, cache=cache) == 0
    said = capfd.readouterr().err
    assert "2 of 2 models are finished and valid: skipped" in said
    assert "scores of 4 encoders are up to date: skipped" in said
    assert "ModelCentrality of 2 models is up to date: skipped" in said
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


@pytest.mark.parametrize("moment", [4, 8])
def test_a_killed_run_goes_on_to_the_same_results(finished, cache, tmp_path, moment):
    """SIGKILL to every process, in the InfoGAN phase (4) and in the contrastive phase (8)."""
    command = [sys.executable, "run_pipeline.py", *SMALL, *LONGER, "--cache", str(cache)]
    command += ["--out", str(tmp_path)]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, start_new_session=True, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob(f"models/*/checkpoints/iteration-{moment:09d}-*.npz")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "scores.csv").exists()
    assert run(out=tmp_path, cache=cache) == 0
    assert_same_results(finished, tmp_path)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


# Tables, and what they are made from.
TABLES = [
    "scores.csv", "selection.csv", "models.csv", "manifests/select.json", "codes/*.npz",
    "votes/*.npz", "metrics/*/cr-mig-*.json", "manifests/metrics.json",
]  # fmt: skip
# What a finished model left, written again from its last checkpoint.
EXPORTS = [
    "models/*seed0*/generator.keras", "models/*seed0*/traversals.npz",
    "models/*seed1*/history.csv", "models/*seed1*/manifest.json",
]  # fmt: skip
# A snapshot, whose weights only training can give again.
SNAPSHOT = ["models/*seed1*/before_cr/encoder.keras"]


@pytest.mark.parametrize(
    ("names", "damage"),
    [
        (TABLES, truncate),
        (TABLES, flip_a_bit),
        (EXPORTS, truncate),
        (EXPORTS, flip_a_bit),
        (SNAPSHOT, flip_a_bit),
    ],
)
def test_damaged_files_are_found_and_made_again(finished, cache, tmp_path, names, damage):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    for name in names:
        damage(sorted(copy.glob(name))[0])
    assert run(out=copy, cache=cache) == 0
    assert_same_results(finished, copy)


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


def own_images(folder, kind):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (80, 16, 16, 3), np.uint8)
    if kind == "npz":
        np.savez(folder / "own.npz", images=images)
        return f"experiment.dataset = @image_arrays()\nimage_arrays.path = '{folder}/own.npz'\n"
    (folder / "own").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / "own" / f"{number}.png")
    return f"experiment.dataset = @image_folder()\nimage_folder.path = '{folder}/own'\n"


@pytest.mark.parametrize("kind", ["npz", "folder"])
def test_own_images_without_labels_run_through_every_stage(tmp_path, cache, capfd, kind):
    file = tmp_path / "own.gin"
    file.write_text(own_images(tmp_path, kind))
    assert run("--gin", str(file), out=tmp_path / "run", cache=cache) == 0
    assert "has no known factors: skipped factor_vae" in capfd.readouterr().err
    selection = pd.read_csv(tmp_path / "run" / "selection.csv")
    assert set(selection.selection_method) == {"model_centrality"}
    assert (tmp_path / "run" / "report" / "index.html").exists()


def test_one_model_is_not_selected_among(tmp_path, cache, capfd):
    assert run("--set", "NUM_SEEDS = 1", out=tmp_path, cache=cache) == 0
    assert "needs at least two" in capfd.readouterr().err
    assert not (tmp_path / "selection.csv").exists()
