"""Training that leaves for a device without TensorFlow, and comes back as the end of a run."""

import json
import sys

import numpy as np
import pytest

from benchmarks.harness import SMALL_NETWORKS
from benchmarks.lowered import adopt
from benchmarks.lowered.programs import lower
from pipeline.experiment import load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.stages.train.checkpoints import load_checkpoint

FILES = ["gin/quickstart.gin", "gin/parts/budgets/smoke.gin"]
SETTINGS = [
    *SMALL_NETWORKS[1::2],
    "sweep.settings = {}",
    "NUM_SEEDS = 1",
    "ITERATIONS = 8",
    "ALPHA_FROM = 4",
    "GAP_FROM = 6",
]


@pytest.fixture(scope="module")
def lowered(cache, tmp_path_factory):
    experiment = load_experiment(FILES, SETTINGS)
    experiment.dataset.prepare(cache)
    dataset = experiment.dataset.open(cache)
    (spec,) = experiment.model_specs(dataset.fingerprint)
    folder = tmp_path_factory.mktemp("lowered")
    with pytest.raises(ValueError, match="phases of multiples of 3"):
        lower(spec, dataset, folder, 3)
    lower(spec, dataset, folder, 2)
    return spec, folder


def test_a_program_for_each_phase_and_what_it_begins_from(lowered):
    spec, folder = lowered
    plan = json.loads((folder / "plan.json").read_text())
    assert plan["segments"] == [[0, 4, "plain"], [4, 6, "cr"], [6, 8, "cr"]]
    with np.load(folder / "state.npz") as state:
        assert state["iteration"] == 0
        for phase in ("plain", "cr"):
            assert (folder / f"{phase}.stablehlo").read_bytes().startswith(b"ML\xefR")  # MLIR
            assert sorted(plan["captures"][phase]) == sorted(state.files)
    for start, is_fresh in ((0, False), (4, True), (6, True)):
        with np.load(folder / f"fresh_{start}.npz") as fresh:
            assert bool(fresh.files) == is_fresh
            assert all(name.startswith("contrastive/") for name in fresh.files)
    with np.load(folder / "images.npz") as images:
        assert images["arr_0"].shape == (spec.dataset.num_images, 16 * 16 * 3)


def test_a_state_that_comes_back_is_the_last_checkpoint(lowered, cache, tmp_path, monkeypatch):
    spec, folder = lowered
    arrays = dict(np.load(folder / "state.npz"))
    rng = np.random.default_rng(0)
    for name, value in arrays.items():
        if value.dtype == np.float32:
            arrays[name] = rng.standard_normal(value.shape, np.float32)
    history = json.dumps([{"iteration": 8, "generator_loss": 0.5}])

    def take_in(**changes):
        np.savez(tmp_path / "state.npz", **{**arrays, "history": history, **changes})
        gin = [part for file in FILES for part in ("--gin", file)]
        bindings = [part for one in SETTINGS for part in ("--set", one)]
        files = [str(tmp_path / "run"), str(tmp_path / "state.npz")]
        monkeypatch.setattr(sys, "argv", ["adopt", *files, *gin, *bindings])
        monkeypatch.setenv("DISENTANGLE_CACHE", str(cache))
        adopt.main()

    with pytest.raises(SystemExit, match="Expected iteration 8. Received: 0"):
        take_in()
    with pytest.raises(SystemExit, match=r"Expected .* of shape \(\). Received: \(2,\)"):
        take_in(iteration=np.zeros(2))
    take_in(iteration=np.asarray(8))
    checkpoints = RunDirectory(tmp_path / "run").model(spec.model_id).checkpoints
    iteration, state, details = load_checkpoint(checkpoints, pytest.fail)
    assert iteration == 8 and details["history"] == json.loads(history)
    assert state.keys() == arrays.keys()
    for name in arrays.keys() - {"iteration"}:
        np.testing.assert_array_equal(state[name], arrays[name])
