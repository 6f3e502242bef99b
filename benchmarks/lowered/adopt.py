"""Take in what `run` trained: `python -m benchmarks.lowered.adopt RUN STATES --gin FILE`.

STATES is the folder that `run` wrote. RUN becomes a run directory in which the model stands at its
last iteration, with the networks from before the contrastive regulariser and a FactorVAE score of
every state; the same Gin file and settings given to `run_pipeline.py --out RUN` then do the rest.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from pipeline.cli.parser import default_cache
from pipeline.execution import tensorflow_setup
from pipeline.experiment import load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import write_manifest
from pipeline.stages.train.checkpoints import save_checkpoint


def main() -> None:
    """Write the checkpoints and the snapshots of the one model of the sweep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("states", type=Path)
    parser.add_argument("--gin", action="append", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="BINDING")
    parser.add_argument("--seconds", type=float, default=0.0, help="that the training took")
    arguments = parser.parse_args()
    tensorflow_setup.configure()
    from benchmarks.lowered.state import state_of
    from pipeline.stages.train.export import Exporter
    from pipeline.stages.train.quick_score import QuickScore, is_meaningful

    described = load_experiment(arguments.gin, arguments.set)
    dataset = described.dataset.open(default_cache())
    (spec,) = described.model_specs(dataset.fingerprint)
    training = spec.training
    model, variables = state_of(spec, dataset)
    exporter = Exporter(model, dataset, training.traversal_limits)
    score = QuickScore(model.encoder, training, dataset) if is_meaningful(dataset) else None
    directory = RunDirectory(arguments.run).model(spec.model_id)
    directory.checkpoints.mkdir(parents=True, exist_ok=True)
    snapshots = {export.iteration: export for export in spec.exports[:-1]}
    wanted = {*snapshots, training.iterations}
    for missing in sorted(wanted - {int(path.stem[6:]) for path in _states(arguments.states)}):
        raise SystemExit(
            f"Expected {arguments.states / f'state-{missing:09d}.npz'}. Received: none"
        )
    scores = {}
    for path in _states(arguments.states):
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
        if score is not None:
            scores[iteration] = score()
        rows = [_scored(row, scores) for row in history]
        if iteration in snapshots:
            folder = directory.export(snapshots[iteration].name)
            exporter.export(folder)
            write_manifest(folder.manifest, spec.fingerprint, folder.files)
        if iteration in wanted:
            details = {"history": rows, "seconds": arguments.seconds}
            print(save_checkpoint(directory.checkpoints, iteration, state, details, set(snapshots)))


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob("state-*.npz"))


def _scored(row: dict, scores: dict[int, float]) -> dict:
    score = scores.get(row["iteration"])
    return row if score is None else {**row, "factor_vae": score}


if __name__ == "__main__":
    main()
