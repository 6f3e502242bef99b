"""Training that leaves for a device without TensorFlow, and comes back as the end of a run."""

import json
import sys

import numpy as np
import pytest

from benchmarks.harness import SMALL_NETWORKS
from benchmarks.lowered import adopt
from benchmarks.lowered.programs import Programs
from pipeline.experiment import load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import why_stale
from pipeline.stages.train.checkpoints import load_checkpoint

FILES = ["gin/quickstart.gin", "gin/parts/budgets/smoke.gin"]
KERNEL = "generator/generator_dense_1/kernel"
SETTINGS = [
    *SMALL_NETWORKS[1::2],
    "sweep.settings = {}",
    "NUM_SEEDS = 2",
    "ITERATIONS = 8",
    "ALPHA_FROM = 4",
    "GAP_FROM = 6",
]


@pytest.fixture(scope="module")
def lowered(cache, tmp_path_factory):
    experiment = load_experiment(FILES, SETTINGS)
    experiment.dataset.prepare(cache)
    dataset = experiment.dataset.open(cache)
    specs = experiment.model_specs(dataset.fingerprint)
    folder = tmp_path_factory.mktemp("lowered")
    with pytest.raises(ValueError, match="phases of multiples of 3"):
        Programs(folder, dataset, 3).lower(specs[0])
    programs = Programs(folder, dataset, 2)
    for spec in specs:
        programs.lower(spec)
    return specs[0], folder / specs[0].model_id, folder / specs[1].model_id


def test_a_program_for_each_phase_and_what_it_begins_from(lowered):
    spec, folder, _ = lowered
    plan = json.loads((folder / "plan.json").read_text())
    plain, cr = f"{spec.setting}-plain", f"{spec.setting}-cr"
    assert plan["segments"] == [[0, 4, plain], [4, 6, cr], [6, 8, cr]]
    with np.load(folder / "state.npz") as state:
        assert state["iteration"] == 0
        for name in (plain, cr):
            program = folder.parent / f"{name}.stablehlo"
            assert program.read_bytes().startswith(b"ML\xefR")  # MLIR
            captured = set(plan["captures"][name])
            assert set(state.files) < captured <= {*state.files, *plan["seeds"]}
    for start, is_fresh in ((0, False), (4, True), (6, True)):
        with np.load(folder / f"fresh_{start}.npz") as fresh:
            assert bool(fresh.files) == is_fresh
            assert all(name.startswith("contrastive/") for name in fresh.files)
    with np.load(folder.parent / "images.npz") as images:
        assert images["arr_0"].shape == (spec.dataset.num_images, 16 * 16 * 3)


def test_models_of_all_seeds_share_a_program(lowered):
    _, folder, other = lowered
    plans = [json.loads((one / "plan.json").read_text()) for one in (folder, other)]
    assert plans[0]["captures"] == plans[1]["captures"]
    assert plans[0]["seeds"].keys() == plans[1]["seeds"].keys()
    assert all(plans[0]["seeds"][name] != plans[1]["seeds"][name] for name in plans[0]["seeds"])
    assert "stream/pairs" in plans[0]["seeds"]
    with np.load(folder / "state.npz") as first, np.load(other / "state.npz") as second:
        assert not np.array_equal(first[KERNEL], second[KERNEL])


def test_states_that_come_back_are_the_end_of_a_run(lowered, cache, tmp_path, monkeypatch):
    spec, folder, _ = lowered
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.random(value.shape, np.float32) if value.dtype == np.float32 else value
        for name, value in np.load(folder / "state.npz").items()
    }

    def take_in(iteration, *, iteration_inside=None, **changes):
        rows = [{"iteration": each, "generator_loss": 0.5} for each in range(4, iteration + 1, 4)]
        state = {**arrays, "iteration": np.asarray(iteration_inside or iteration), **changes}
        states = tmp_path / "states" / spec.model_id
        states.mkdir(parents=True, exist_ok=True)
        np.savez(states / f"state-{iteration:09d}.npz", **state, history=json.dumps(rows))
        gin = [part for file in FILES for part in ("--gin", file)]
        bindings = [part for one in SETTINGS for part in ("--set", one)]
        arguments = [str(tmp_path / "run"), str(states.parent), *gin, *bindings]
        monkeypatch.setattr(sys, "argv", ["adopt", *arguments])
        monkeypatch.setenv("DISENTANGLE_CACHE", str(cache))
        adopt.main()

    with pytest.raises(SystemExit, match="Expected .*state-000000004.npz: .* Received: none"):
        take_in(8)
    with pytest.raises(SystemExit, match=r"Expected running_.* of shape \(\). Received: \(2,\)"):
        take_in(4, **{"running_mean/generator_loss/0": np.zeros(2)})
    with pytest.raises(SystemExit, match="Expected the iteration of its name. Received: 3"):
        take_in(4, iteration_inside=3)
    take_in(4)
    directory = RunDirectory(tmp_path / "run").model(spec.model_id)
    snapshot = directory.export("before_cr")
    assert why_stale(snapshot.manifest, spec.fingerprint, snapshot.generator) is None
    iteration, state, details = load_checkpoint(directory.checkpoints, pytest.fail)
    assert iteration == 8
    assert [row["iteration"] for row in details["history"]] == [4, 8]
    assert all(0 <= row["factor_vae"] <= 1 for row in details["history"])
    assert state.keys() == arrays.keys()
    for name in arrays.keys() - {"iteration"}:
        np.testing.assert_array_equal(state[name], arrays[name])
