"""`status`: what is finished, due and failed, and that asking changes nothing."""

import json

import pytest

from pipeline.cli import main
from pipeline.experiment import load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.runs.lock import HOLDER
from pipeline.runs.manifests import write_manifest

SMALL = ["--gin", "gin/quickstart.gin", "--gin", "gin/parts/budgets/smoke.gin"]


@pytest.fixture
def run(tmp_path, cache):
    """A run of which the images are there and nothing else."""
    where = ["--out", str(tmp_path / "run"), "--cache", str(cache)]
    assert main([*SMALL, *where, "--stages", "data"]) == 0
    return RunDirectory(tmp_path / "run")


def specs_of(run, cache):
    experiment = load_experiment([str(run.configuration)])
    return experiment.model_specs(experiment.dataset.open(cache).fingerprint)


def finish(run, spec):
    folder = run.model(spec.model_id)
    folder.root.mkdir(parents=True)
    folder.export("final").generator.write_bytes(b"a network")
    write_manifest(folder.manifest, spec.fingerprint, [folder.export("final").generator])


def fail(run, spec, reason):
    folder = run.model(spec.model_id)
    folder.root.mkdir(parents=True)
    write_manifest(folder.failure, spec.fingerprint, [], {"reason": reason})


def status(run, cache, capsys):
    capsys.readouterr()
    assert main(["status", str(run.root), "--cache", str(cache), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    steps = {step["name"]: step for step in facts["stages"][1]["steps"]}  # of training
    return facts, {stage["name"]: stage["state"] for stage in facts["stages"]}, steps


def files_of(run):
    return {path: path.stat().st_mtime_ns for path in run.root.rglob("*")}


def test_before_training_everything_but_the_images_is_due(run, cache, capsys):
    before = files_of(run)
    facts, states, steps = status(run, cache, capsys)
    assert states["data"] == "finished" and states["train"] == "to do"
    assert states["metrics"] == states["select"] == "waits"
    ids = [spec.model_id for spec in specs_of(run, cache)]
    assert [steps[one]["reason"] for one in ids] == ["new"] * 4
    assert facts["models"] == "4 models = 2 settings (alpha-2, alpha-4) x 2 seeds"
    assert facts["holds"] == {"model folders": 0} and not facts["finished"]
    assert files_of(run) == before


def test_each_model_has_its_state_and_the_reason(run, cache, capsys):
    finished, damaged, failed, new = specs_of(run, cache)
    finish(run, finished)
    finish(run, damaged)
    run.model(damaged.model_id).export("final").generator.write_bytes(b"another")
    fail(run, failed, "the loss is not finite at iteration 3")
    _, _, steps = status(run, cache, capsys)
    told = [
        (steps[one.model_id]["state"], steps[one.model_id]["reason"])
        for one in (finished, failed, new)
    ]
    assert told == [
        ("finished", ""),
        ("failed", "the loss is not finite at iteration 3"),
        ("to do", "new"),
    ]
    assert steps[damaged.model_id]["reason"].endswith("generator.keras is damaged")
    assert main(["status", str(run.root), "--cache", str(cache)]) == 0
    text = capsys.readouterr().out
    assert "train: 1 of 4 finished; 2 to do; 1 failed" in text
    assert f"{failed.model_id}: failed (the loss is not finite at iteration 3)" in text
    assert f"--gin {run.configuration} --out {run.root} --cache {cache}" in text


def test_who_holds_the_run_is_named_and_a_killed_process_is_not(run, cache, capsys):
    with run.lock():
        facts, _, _ = status(run, cache, capsys)
        assert facts["in_use_by"].startswith("process ")
    (run.root / HOLDER).write_text("process 1 on nowhere since long ago\n")
    facts, _, _ = status(run, cache, capsys)
    assert facts["in_use_by"] is None


def test_without_the_images_it_says_what_to_do(run, tmp_path, capsys):
    run.models_csv.write_text("model_id\na\n")
    facts, states, _ = status(run, tmp_path / "elsewhere", capsys)
    assert states["data"] == "to do" and "--cache DIR" in facts["warnings"][0]
    assert facts["holds"]["models.csv"] == 1


def test_a_folder_without_a_run_is_refused(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "configuration.gin" in error and "Received" in error
