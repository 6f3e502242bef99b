import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.progress import format_seconds
from pipeline.runs.directory import RunDirectory

GOLDEN = Path(__file__).parents[1] / "golden" / "metrics"
SMALL = ["--gin", "gin/quickstart.gin", "--gin", "gin/parts/budgets/smoke.gin"]


def test_help_teaches(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for word in ("--gin", "--set", "--stages", "--dry-run", "--workers", "examples:", "exit codes"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "--gin"),
        ([*SMALL, "--stages", "metric"], "data,train,metrics,select,report"),
        ([*SMALL, "--stages", ""], "expected one or more"),
        ([*SMALL, "--force", "training"], "choose from"),
        ([*SMALL, "--workers", "0"], "integer >= 1"),
        (["--gin", "gin/quickstrat.gin"], "Did you mean 'gin/quickstart.gin'?"),
        ([*SMALL, "--set", "ALHPA = 1.0"], "Did you mean 'ALPHA'?"),
        (["score", "nothing.npz"], "There is no file nothing.npz"),
        (["score", __file__], "Expected an .npz file"),
        (["score", str(GOLDEN / "clean.npz"), "--metrics", "migs"], "migs"),
    ],
)
def test_bad_use_exits_with_2(arguments, expected, capsys):
    assert main(arguments) == 2
    assert expected in capsys.readouterr().err


def test_a_stage_without_its_inputs_exits_with_1(tmp_path, cache, capsys):
    where = ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    assert main([*SMALL, *where, "--stages", "train"]) == 1
    assert "Run the data stage first" in capsys.readouterr().err
    assert main([*SMALL, *where, "--stages", "data,metrics"]) == 1
    assert "Run the train stage first" in capsys.readouterr().err


def test_a_run_directory_in_use_is_refused(tmp_path, capsys):
    with RunDirectory(tmp_path).lock():
        assert main([*SMALL, "--out", str(tmp_path)]) == 1
    assert f"{tmp_path} is in use by process" in capsys.readouterr().err


def test_the_plan_of_a_fresh_run_names_models_reasons_and_cost(tmp_path, capsys):
    arguments = ["--gin", "gin/dsprites.gin", "--out", str(tmp_path / "run")]
    assert main([*arguments, "--cache", str(tmp_path / "cache"), "--dry-run"]) == 0
    plan = capsys.readouterr().out
    assert "10 models = 1 settings (infogan_cr) x 10 seeds" in plan
    assert "infogan_cr-seed9: run (new); how long is not known before the first" in plan
    assert "estimated: about" in plan  # of rendering
    assert not (tmp_path / "run").exists() and not (tmp_path / "cache").exists()


@pytest.mark.parametrize("kind", ["no folder", "no images", "no image", "no archive", "circle"])
def test_the_plan_says_what_is_wrong_with_images_as_the_data_stage_does(tmp_path, capsys, kind):
    folder = tmp_path / "mine"
    if kind != "no folder":
        folder.mkdir()
    if kind == "no image":
        (folder / "a.png").write_text("hello")
    if kind == "circle":
        (folder / "round").symlink_to(folder)
    recipe = "image_folder"
    if kind == "no archive":
        recipe, folder = "image_arrays", tmp_path / "mine.npz"
        folder.write_text("hello")
    settings = [f"experiment.dataset = @{recipe}()", f"{recipe}.path = '{folder}'"]
    arguments = [*SMALL, *(word for one in settings for word in ("--set", one))]
    arguments += ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    said = []
    for more in (["--dry-run"], ["--stages", "data"]):
        assert main([*arguments, *more]) == 1
        first = capsys.readouterr().err.removeprefix("error: ").splitlines()[0]
        said.append(first.partition(" [traceback")[0])
        assert str(folder) in said[-1] and "Traceback" not in said[-1]
    assert said[0] == said[1]


def test_a_batch_above_the_images_is_said_before_anything_is_trained(tmp_path, capsys):
    np.savez(tmp_path / "own.npz", images=np.arange(9 * 64, dtype=np.uint8).reshape(9, 8, 8))
    settings = ["experiment.dataset = @image_arrays()", f"image_arrays.path = '{tmp_path}/own.npz'"]
    arguments = [*SMALL, *(word for one in settings for word in ("--set", one))]
    arguments += ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    for more in (["--stages", "data,train"], ["--dry-run"]):
        assert main([*arguments, *more]) == 1
        said = capsys.readouterr().err
        assert "training.batch_size: Expected at most 9, the images to train on" in said
    assert not list(tmp_path.glob("run/models/*/*"))


def test_score_of_anyones_arrays(tmp_path, capsys):
    csv = tmp_path / "scores.csv"
    names = "factor_vae,mig,sap,explicitness,irs"
    arguments = ["score", str(GOLDEN / "rotated.npz"), "--metrics", names, "--resamples", "20"]
    assert main([*arguments, "--csv", str(csv)]) == 0
    assert "mig" in capsys.readouterr().out
    scores = pd.read_csv(csv).set_index("metric")
    assert scores.value["mig"] == pytest.approx(0.2805670994633683, abs=1e-6)
    assert scores.value["irs"] == pytest.approx(0.5057208321756642, abs=1e-6)
    assert scores.scored_on["explicitness_test"] == "held-out points"
    assert scores.ci_low["mig"] < scores.value["mig"] < scores.ci_high["mig"]


def test_score_says_what_an_array_should_be(tmp_path, capsys):
    codes = np.random.default_rng(0).standard_normal((50, 3))
    codes[3, 1] = np.nan
    np.savez(tmp_path / "bad.npz", codes=codes, factors=np.zeros((50, 2), int))
    assert main(["score", str(tmp_path / "bad.npz"), "--metrics", "mig"]) == 2
    assert "codes" in capsys.readouterr().err
    np.savez(tmp_path / "few.npz", codes=codes)
    assert main(["score", str(tmp_path / "few.npz"), "--metrics", "mig"]) == 2
    assert "missing: factors" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3, "3 s"), (99, "99 s"), (150, "2 min"), (7200, "2 h 0 min"), (200000, "2 days 7 h")],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert format_seconds(seconds) == text


def test_ray_is_asked_for_when_it_is_not_installed(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["--gin", "gin/quickstart.gin", "--executor", "ray", "--out", str(tmp_path)]
    assert main([*arguments, "--dry-run"]) == 2
    assert "pip install -e '.[ray]'" in capsys.readouterr().err
    assert main([*arguments, "--workers", "2"]) == 2
    assert "Received: --workers 2" in capsys.readouterr().err


def test_machines_that_train_together_train_one_model_at_a_time(monkeypatch, tmp_path, capsys):
    text = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}'
    monkeypatch.setenv("TF_CONFIG", text)
    arguments = ["--gin", "gin/quickstart.gin", "--out", str(tmp_path), "--cache", str(tmp_path)]
    assert main([*arguments, "--workers", "2"]) == 2
    assert "train one model at a time, together" in capsys.readouterr().err
    assert main([*arguments, "--dry-run"]) == 0
    plan = capsys.readouterr().out
    assert "train:" in plan and "metrics:" not in plan  # which are the chief's
