"""Take in what `run` trained: `python -m benchmarks.lowered.adopt RUN STATES --gin FILE`.

RUN becomes a run directory in which each model of which STATES has the last iteration stands there,
with the networks from before the contrastive regulariser and a FactorVAE score of every state; the
same Gin file and settings given to `run_pipeline.py --out RUN` then do the rest.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from pipeline.cli.parser import default_cache
from pipeline.execution import tensorflow_setup
from pipeline.experiment import load_experiment
from pipeline.runs.directory import ModelDirectory, RunDirectory
from pipeline.runs.manifests import write_manifest
from pipeline.stages.train.checkpoints import save_checkpoint


def main() -> None:
    """Write the checkpoints and the snapshots of the models that are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("states", type=Path, help="of `run`, a folder for each model")
    parser.add_argument("--gin", action="append", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="BINDING")
    parser.add_argument("--seconds", type=float, default=0.0, help="that each training took")
    arguments = parser.parse_args()
    tensorflow_setup.configure()
    described = load_experiment(arguments.gin, arguments.set)
    dataset = described.dataset.open(default_cache())
    specs = described.model_specs(dataset.fingerprint)
    there = [spec for spec in specs if (arguments.states / spec.model_id).is_dir()]
    if not there:
        names = ", ".join(spec.model_id for spec in specs)
        raise SystemExit(f"{arguments.states}: Expected a folder of {names}. Received: none")
    for spec in there:
        directory = RunDirectory(arguments.run).model(spec.model_id)
        adopt(spec, dataset, arguments.states / spec.model_id, directory, arguments.seconds)


def adopt(spec, dataset, states: Path, directory: ModelDirectory, seconds: float) -> None:
    """Make of the states of a model what its training would have left.

    Args:
        spec: The model.
        dataset: The opened data set.
        states: Its folder.
        directory: Where it goes.
        seconds: That its training took.

    Raises:
        SystemExit: A state is missing, is not of this model, or not of the iteration in its name.
    """
    from benchmarks.lowered.state import state_of
    from pipeline.stages.train.export import Exporter
    from pipeline.stages.train.quick_score import QuickScore, is_meaningful

    snapshots = {export.iteration: export for export in spec.exports[:-1]}
    wanted = {*snapshots, spec.training.iterations}
    paths = sorted(states.glob("state-*.npz"))
    for missing in sorted(wanted - {int(path.stem.removeprefix("state-")) for path in paths}):
        raise SystemExit(
            f"Expected {states / f'state-{missing:09d}.npz'}: let `run` go on. Received: none"
        )
    model, variables = state_of(spec, dataset)
    exporter = Exporter(model, dataset, spec.training.traversal_limits)
    score = QuickScore(model.encoder, spec.training, dataset) if is_meaningful(dataset) else None
    directory.checkpoints.mkdir(parents=True, exist_ok=True)
    scores = {}
    for path in paths:
        state = dict(np.load(path, allow_pickle=False))
        history = json.loads(str(state.pop("history")))
        for name, variable in variables.items():
            if name not in state or state[name].shape != tuple(variable.shape):
                found = state[name].shape if name in state else "nothing"
                raise SystemExit(
                    f"{path}: no state of {spec.model_id}. Expected {name} of shape "
                    f"{tuple(variable.shape)}. Received: {found}"
                )
            variable.assign(state[name])
        iteration = int(state["iteration"])
        if path.stem != f"state-{iteration:09d}":
            raise SystemExit(f"{path}: Expected the iteration of its name. Received: {iteration}")
        if score is not None:
            scores[iteration] = {"factor_vae": score()}
        if iteration in snapshots:
            folder = directory.export(snapshots[iteration].name)
            exporter.export(folder)
            write_manifest(folder.manifest, spec.fingerprint, folder.files)
        if iteration in wanted:
            rows = [{**row, **scores.get(row["iteration"], {})} for row in history]
            details = {"history": rows, "seconds": seconds}
            print(save_checkpoint(directory.checkpoints, iteration, state, details, set(snapshots)))


if __name__ == "__main__":
    main()
