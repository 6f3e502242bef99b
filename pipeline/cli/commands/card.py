"""`run_pipeline.py card`: a trained model as a folder to give away, with a card."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.model_argument import chosen_model, find_models, report_of
from pipeline.cli.parser import command_parser
from pipeline.errors import ConfigurationError
from pipeline.execution import tensorflow_setup
from pipeline.progress import announce
from pipeline.runs.directory import CardDirectory, RunDirectory

DESCRIPTION = """\
Write a folder with everything that somebody else needs of a trained model: its networks, its Gin
text, and a card (README.md) that says from which data it is, its scores with intervals and under
which protocol, how it was selected, the versions, and shows its traversals. `explore`, `sample`,
`encode` and `traverse` take the folder as it is. Paths of this machine are left out.
"""
EXAMPLES = """\
examples:
  python run_pipeline.py card runs/quickstart --out trained/quickstart
      the model that was selected
  python run_pipeline.py card runs/mnist infogan-seed3-868978f6 --out trained/mnist \\
      --precision float16
      one model of a run, in half the bytes; the card says what that changes
"""
# The literals are those of `pipeline.cards.weights`, which imports HDF5.
PRECISIONS = ("float32", "float16")


def main(arguments: Sequence[str]) -> int:
    """Write the folder and return the exit code."""
    options = build_parser().parse_args(arguments)
    run, target = RunDirectory(options.run), CardDirectory(options.out)
    if not run.models_csv.exists():
        raise ConfigurationError(
            f"{run.root} is no run directory. Expected a folder with {run.models_csv.name}, whose "
            f"tables say what a card says. Received: {run.root}"
        )
    if target.root.exists() and any(target.root.iterdir()) and not target.manifest.exists():
        raise ConfigurationError(
            f"{target.root} holds other things. Expected a new folder, or one that `card` wrote. "
            f"Received: --out {target.root}"
        )
    model_id = chosen_model(run.root, find_models(run.root), options.id)
    report = report_of(run)
    tensorflow_setup.configure()
    from pipeline.cards.folder import write_folder

    written = write_folder(report, model_id, target, options.precision)
    total = sum(path.stat().st_size for path in written)
    announce(f"{target.root}: {model_id}, {total / 1e6:.1f} MB")
    return EXIT_DONE


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("card", DESCRIPTION, EXAMPLES)
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory")
    parser.add_argument(
        "id",
        nargs="?",
        metavar="MODEL",
        help="which model, as in models.csv; default: the one that was selected",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="of the networks' large weights; default: float32, the networks as they were scored",
    )
    return parser
