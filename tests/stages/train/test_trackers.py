"""What TensorBoard and MLflow are told of a training, and that no result depends on it."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.harness import SMALL_NETWORKS
from pipeline.cli import main
from pipeline.errors import ConfigurationError
from pipeline.execution import worker
from pipeline.experiment import load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.stages.train import loop
from pipeline.stages.train.checkpoints import load_checkpoint
from pipeline.stages.train.monitor import Monitor
from pipeline.stages.train.trackers import mlflow as mlflow_tracker
from pipeline.stages.train.trackers.tracker import Tracker

SMALL = ["gin/quickstart.gin", "gin/parts/budgets/smoke.gin"]
SETTINGS = [
    *SMALL_NETWORKS[1::2],
    "sweep.settings = {}",
    "ITERATIONS = 6",
    "ALPHA_FROM = 3",
    "GAP_FROM = 5",
    "LOG_EVERY = 2",
    "SCORE_EVERY = 0",
    "CHECKPOINT_EVERY = 2",
    "PICTURE_EVERY = 4",
]
PLAYERS = {"generator", "discriminator", "contrastive"}


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Train a small InfoGAN-CR model; return its run and its folder."""
    cache = tmp_path_factory.mktemp("cache")

    def trained(*settings, tracker=None, run=None, stop_at=None):
        experiment = load_experiment(SMALL, [*SETTINGS, *settings])
        experiment.dataset.prepare(cache)
        spec = experiment.model_specs(experiment.dataset.open(cache).fingerprint)[0]
        run = run or RunDirectory(tmp_path_factory.mktemp("run"))
        directory = run.model(spec.model_id)
        reached = []
        event = SimpleNamespace(is_set=lambda: bool(stop_at and reached and reached[-1] >= stop_at))

        def advance(monitor, count, own=Monitor.advance):
            reached.append(monitor.iteration + count)
            own(monitor, count)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(worker, "_stop_event", event)
            patch.setattr(Monitor, "advance", advance)
            outcome = loop.train_model(
                spec, directory, cache, None, tracker, progress=lambda *_, **__: None
            )
        assert outcome["status"] == ("stopped" if stop_at else "done"), outcome
        return run, directory

    return trained


@pytest.fixture(scope="module")
def watched(train):
    return train("training.gradient_norms = True")[1]


def events(directory):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(directory.tensorboard), {"tensors": 0})
    found.Reload()
    told = {}
    for tag in found.Tags()["tensors"]:
        told[tag] = {one.step: one.tensor_proto for one in found.Tensors(tag)}
    return told


def test_norms_of_gradients_change_no_result(train, watched):
    _, plain = train()
    first, second = (load_checkpoint(one.checkpoints, print) for one in (plain, watched))
    assert first[0] == second[0] == 6 and first[1].keys() == second[1].keys()
    for name, value in first[1].items():
        np.testing.assert_array_equal(value, second[1][name], err_msg=name)
    assert plain.history.read_bytes() == watched.history.read_bytes()
    assert plain.root.name == watched.root.name  # the model is the same
    assert not [tag for tag in events(plain) if tag.startswith("gradient_norm")]


def test_tensorboard_shows_losses_norms_and_pictures(watched):
    import tensorflow as tf

    told = events(watched)
    assert {"generator_loss", "discriminator_loss", "info_loss", "cr_loss"} <= told.keys()
    norms = {tag.partition("/")[2]: steps for tag, steps in told.items() if "gradient" in tag}
    assert set(norms) == PLAYERS
    # H does not play before alpha leaves 0.
    assert set(norms["generator"]) == {2, 4, 6} and set(norms["contrastive"]) == {4, 6}
    assert all(tf.make_ndarray(one) > 0 for steps in norms.values() for one in steps.values())
    for name in ("samples", "traversals"):
        ((step, proto),) = told[name].items()
        width, height, encoded = tf.make_ndarray(proto)
        shown = tf.io.decode_png(encoded).numpy()
        kept = (watched.pictures / f"{name}-{step:09d}.png").read_bytes()
        np.testing.assert_array_equal(shown, tf.io.decode_png(kept).numpy())
        assert step == 4 and shown.shape[:2] == (int(height), int(width))


def test_mlflow_is_told_the_same_over_an_interruption(train, watched, tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.delenv(mlflow_tracker.STORE, raising=False)
    untold = RunDirectory(watched.root.parents[1])
    assert not untold.mlflow_store.exists() and not untold.mlflow_artifacts.exists()
    run = RunDirectory(tmp_path / "run")
    mlflow_tracker.prepare(run)
    mlflow_tracker.prepare(run)  # of a second command
    norms = "training.gradient_norms = True"
    train(norms, tracker="mlflow", run=run, stop_at=4)
    _, directory = train(norms, tracker="mlflow", run=run)
    client = mlflow_tracker._client(run)
    (found,) = client.search_runs([client.get_experiment_by_name(run.root.name).experiment_id])
    assert found.info.status == "FINISHED" and found.info.run_name == directory.root.name
    assert found.data.params["seed"] == "0"
    expected = {tag for tag in events(watched) if tag not in ("samples", "traversals")}
    assert set(found.data.metrics) == expected
    history = client.get_metric_history(found.info.run_id, "generator_loss")
    assert [one.step for one in history] == [2, 4, 6]
    paths = [one.path for one in client.list_artifacts(found.info.run_id, "pictures")]
    assert sorted(paths) == ["pictures/samples-000000004.png", "pictures/traversals-000000004.png"]
    assert (run.mlflow_artifacts / found.info.run_id).is_dir()


def test_a_tracker_that_fails_is_named_and_training_goes_on(train, monkeypatch):
    class Broken(Tracker):
        def scalars(self, iteration, values):
            raise OSError("the store is gone")

        picture = flush = close = scalars

    said = []
    monkeypatch.setattr("pipeline.stages.train.monitor.open_tracker", lambda *_: [Broken()])
    monkeypatch.setattr(Monitor, "_say", lambda self, message: said.append(message))
    train(tracker="mlflow")
    assert said == ["Broken is told no more: the store is gone"]


def test_mlflow_is_asked_for_when_it_is_not_installed(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "mlflow.exceptions", None)
    arguments = ["--gin", SMALL[0], "--gin", SMALL[1], "--tracker", "mlflow"]
    assert main([*arguments, "--out", str(tmp_path / "a"), "--cache", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "pip install -e '.[mlflow]'" in error


def test_a_store_that_cannot_be_had_is_said_before_anything_is_trained(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.setenv(mlflow_tracker.STORE, "nowhere://x")
    with pytest.raises(ConfigurationError, match="Received: 'nowhere://x'"):
        mlflow_tracker.prepare(RunDirectory(tmp_path))
