"""Take in what `run` trained: `python -m benchmarks.lowered.adopt RUN STATE --gin FILE`.

RUN becomes a run directory in which the model stands at its last iteration; the same Gin file and
settings given to `run_pipeline.py --out RUN` then do the rest.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from pipeline.cli.parser import default_cache
from pipeline.execution import tensorflow_setup
from pipeline.experiment import load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.stages.train.checkpoints import save_checkpoint


def main() -> None:
    """Write the checkpoint of the one model of the sweep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--gin", action="append", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="BINDING")
    parser.add_argument("--seconds", type=float, default=0.0, help="that the training took")
    arguments = parser.parse_args()
    tensorflow_setup.configure()
    from benchmarks.lowered.state import state_of

    described = load_experiment(arguments.gin, arguments.set)
    dataset = described.dataset.open(default_cache())
    (spec,) = described.model_specs(dataset.fingerprint)
    _, variables = state_of(spec, dataset)
    state = dict(np.load(arguments.state, allow_pickle=False))
    history = json.loads(str(state.pop("history")))
    for name, variable in variables.items():
        if name not in state or state[name].shape != tuple(variable.shape):
            found = state[name].shape if name in state else "nothing"
            raise SystemExit(
                f"{arguments.state}: no state of {spec.model_id}. Expected {name} of shape "
                f"{tuple(variable.shape)}. Received: {found}"
            )
    if int(state["iteration"]) != spec.training.iterations:
        raise SystemExit(
            f"{arguments.state}: Expected iteration {spec.training.iterations}. Received: "
            f"{int(state['iteration'])}"
        )
    checkpoints = RunDirectory(arguments.run).model(spec.model_id).checkpoints
    checkpoints.mkdir(parents=True, exist_ok=True)
    details = {"history": history, "seconds": arguments.seconds}
    print(save_checkpoint(checkpoints, spec.training.iterations, state, details))


if __name__ == "__main__":
    main()
