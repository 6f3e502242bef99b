"""Lower the training of a Gin file: `python -m benchmarks.lowered.lower FOLDER --gin FILE`.

Each setting gets a program for each phase (`plain` without, `cr` with the contrastive regulariser),
which makes `--iterations` iterations from arrays; each model a folder: the first state, what H
starts from afresh, and `plan.json`, which says in what order. `images.npz` holds the images.
"""

import argparse
from pathlib import Path

from pipeline.cli.parser import default_cache
from pipeline.execution import tensorflow_setup
from pipeline.experiment import load_experiment


def parse() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gin", action="append", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="BINDING")
    parser.add_argument("--iterations", type=int, default=100, help="of a call (default 100)")
    return parser.parse_args()


def main() -> None:
    """Write a folder for each model of the sweep."""
    arguments = parse()
    tensorflow_setup.configure()
    from benchmarks.lowered.programs import Programs

    described = load_experiment(arguments.gin, arguments.set)
    cache = default_cache()
    described.dataset.prepare(cache)
    dataset = described.dataset.open(cache)
    programs = Programs(arguments.folder, dataset, arguments.iterations)
    for spec in described.model_specs(dataset.fingerprint):
        programs.lower(spec)


if __name__ == "__main__":
    main()
