"""`run_pipeline.py data --show`: a contact sheet of the images of an experiment."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.parser import (
    add_cache_argument,
    add_set_argument,
    cache_folder,
    command_parser,
)
from pipeline.errors import StageError
from pipeline.experiment import load_experiment
from pipeline.pictures import save_picture
from pipeline.progress import ProgressDisplay, announce
from pipeline.stages.data.contact_sheet import contact_sheet

DESCRIPTION = """\
Draw a contact sheet of the data set of an experiment: random training images, and a row for each
factor, which moves while the others stay. Makes the images first where they are not there yet.
"""


def main(arguments: Sequence[str]) -> int:
    """Write the contact sheet and return the exit code."""
    options = build_parser().parse_args(arguments)
    experiment = load_experiment(options.show, options.set)
    recipe, cache = experiment.dataset, cache_folder(options)
    display = ProgressDisplay("data")
    try:
        recipe.prepare(
            cache, lambda done, total, **details: display.update(recipe.name, done, total)
        )
        dataset = recipe.open(cache)
    except ValueError as error:
        # A recipe that cannot be read: named by whoever raised it.
        raise StageError(str(error)) from error
    finally:
        display.close()
    path = options.picture or Path(f"{experiment.name}-data.png")
    save_picture(path, contact_sheet(dataset, seed=options.seed))
    announce(f"{dataset.name}: {path}")
    return EXIT_DONE


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("data", DESCRIPTION)
    parser.add_argument(
        "--show",
        action="append",
        metavar="FILE",
        required=True,
        help="experiment file, such as gin/teapots.gin; repeat it to add parts, later ones win, "
        "such as gin/parts/data/grids/shapes3d.gin",
    )
    add_set_argument(parser)
    add_cache_argument(parser)
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE.png",
        help="where to write the sheet; default: <experiment.name>-data.png in this folder",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the images drawn; default: 0")
    return parser
