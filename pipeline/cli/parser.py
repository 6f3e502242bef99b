"""What the commands take: the arguments that several share, and the parser of the main one."""

import argparse
import os
from pathlib import Path
from typing import Any

import pipeline
from pipeline.cli.commands import describe_commands
from pipeline.errors import ConfigurationError
from pipeline.experiment import Experiment
from pipeline.progress import be_quiet
from pipeline.runs.directory import RunDirectory
from pipeline.stages.order import STAGE_NAMES
from pipeline.stages.train.trackers import TRACKERS

DESCRIPTION = """\
Train disentangling generative models, score them, and pick the best one without labels.

A Gin file says which images, which networks, which weights and how many models. The stages
  data -> train -> metrics -> select -> report
run in this order and talk through files in the run directory, so any of them can be run again
alone, hours later. What is finished and still valid is skipped; a changed binding does again
what depends on it, and nothing else. Stop at any moment and give the same command to go on.
"""

EXAMPLES = """\
examples:
  python run_pipeline.py --gin gin/quickstart.gin
      a few minutes on a laptop: train, score, select, report
  python run_pipeline.py --gin gin/teapots.gin --gin gin/parts/budgets/smoke.gin
      any experiment with another budget: smoke (seconds), laptop (hours), paper (as published)
  python run_pipeline.py --gin gin/dsprites.gin --dry-run
      what would run, why, and for how long
  python run_pipeline.py --gin gin/dsprites.gin --set 'ALPHA = 1.0' --out runs/alpha-1
      one binding changed from the command line
  python run_pipeline.py --gin gin/dsprites.gin --stages metrics,select,report
      stages alone, on models that are there
  python run_pipeline.py score codes.npz --csv scores.csv
      a command of its own; see: python run_pipeline.py score --help

exit codes:
  0  done        1  a stage failed (what was finished is kept)
  2  bad use or configuration        130  interrupted (everything is saved)
"""


def command_parser(name: str, description: str, examples: str = "") -> argparse.ArgumentParser:
    """Return the parser of a command, with what all commands take.

    Args:
        name: Of the command; "" of the main one.
        description: What it does.
        examples: How it is used, shown below its arguments.
    """
    parser = argparse.ArgumentParser(
        prog=f"run_pipeline.py {name}".rstrip(),
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action=_Quiet,
        nargs=0,
        help="show neither progress nor what was written, only warnings and errors",
    )
    return parser


class _Quiet(argparse.Action):
    """Takes effect as soon as it is read."""

    def __call__(self, *_: Any) -> None:
        be_quiet()


def add_json_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--json`, for scripts."""
    parser.add_argument("--json", action="store_true", help=f"write {what} as JSON, for scripts")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the main command."""
    epilog = f"commands of their own:\n{describe_commands()}\n\n{EXAMPLES}"
    parser = command_parser("", DESCRIPTION, epilog)
    add_experiment_arguments(parser)
    parser.add_argument(
        "--stages",
        type=_stage_list,
        default=STAGE_NAMES,
        metavar="A,B",
        help=f"stages to run, of {','.join(STAGE_NAMES)}; default: all",
    )
    add_place_arguments(parser)
    parser.add_argument(
        "--force",
        action="append",
        default=[],
        choices=STAGE_NAMES,
        metavar="STAGE",
        help="do a stage again though it is finished",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would run, why, and its cost"
    )
    add_json_argument(parser, "the plan of --dry-run, or at the end what became of each stage,")
    parser.add_argument(
        "--workers",
        type=_positive_integer,
        metavar="N",
        help="models trained at once; default: cores / training.threads, or GPUs / "
        "training.replicas where there are GPUs",
    )
    parser.add_argument(
        "--tracker",
        choices=TRACKERS,
        help="who is told of losses, norms of gradients and pictures beside TensorBoard; mlflow: "
        "into mlflow.db of the run directory, or where MLFLOW_TRACKING_URI says (pip install -e "
        "'.[mlflow]'); default: nobody",
    )
    parser.add_argument(
        "--executor",
        choices=("local", "ray"),
        default="local",
        help="local: processes of this machine; ray: a Ray cluster (pip install -e '.[ray]') whose "
        "machines share the run directory and the cache; results are the same",
    )
    parser.add_argument(
        "--ray-address",
        default="auto",
        metavar="ADDRESS",
        help="the Ray cluster; default: auto, the one that this machine belongs to",
    )
    parser.add_argument(
        "--version", action="version", version=f"disentanglement-pipeline {pipeline.__version__}"
    )
    return parser


def add_experiment_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name an experiment: `--gin` and `--set`."""
    parser.add_argument(
        "--gin",
        action="append",
        metavar="FILE",
        required=True,
        help="experiment file; repeat it to add parts, later ones win",
    )
    add_set_argument(parser)


def add_set_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--set`, for further bindings."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="'NAME = VALUE'",
        help="one more Gin binding or macro, after the files",
    )


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where files are: `--out` and `--cache`."""
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="run directory; default: runs/<experiment.name>"
    )
    add_cache_argument(parser)


def add_cache_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--cache`, the folder of rendered data sets."""
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder of rendered data sets, shared between runs; default: $DISENTANGLE_CACHE, or "
        "disentanglement-pipeline in the user's cache folder",
    )


def run_directory(options: argparse.Namespace, experiment: Experiment) -> RunDirectory:
    """Return the run directory that the arguments, or the experiment's name, say."""
    return RunDirectory((options.out or Path("runs") / experiment.name).resolve())


def cache_folder(options: argparse.Namespace) -> Path:
    """Return the folder of rendered data sets that the arguments or the environment say."""
    return (options.cache or default_cache()).resolve()


def default_cache() -> Path:
    """Return the folder of rendered data sets.

    Raises:
        ConfigurationError: If the environment names none and the user has no home folder, as in
            containers and jobs under a number that no password file knows.
    """
    if os.environ.get("DISENTANGLE_CACHE"):
        return Path(os.environ["DISENTANGLE_CACHE"])
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise ConfigurationError(
            "There is no place for rendered data sets: HOME is not set, and the user has no home "
            f"folder ({error}). Expected a folder that can be written: give --cache DIR, or set "
            "DISENTANGLE_CACHE to it."
        ) from error
    return base / "disentanglement-pipeline"


def _stage_list(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in STAGE_NAMES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"expected one or more of {','.join(STAGE_NAMES)}; received {text!r}"
        )
    return names


def _positive_integer(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer >= 1; received {text!r}")
    return int(text)
