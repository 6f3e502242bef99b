"""`run_pipeline.py traverse`: what each code of a trained model does to an image."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.model_argument import (
    add_model_arguments,
    add_output_argument,
    chosen_codes,
    codes_of_images,
    count,
    model_of,
    write_outputs,
)
from pipeline.cli.parser import command_parser
from pipeline.inference.traversing import traversal_images
from pipeline.pictures import traversal_frames, traversal_strips

DESCRIPTION = """\
Move each code of a trained model alone over its range, from a random latent vector or from the
codes of your own image: as a PNG (a row for each code), as a GIF (all codes side by side, moving),
or as .npz with `images` (uint8 [codes, steps, height, width, channels]), `values` and `names`.
"""
EXAMPLES = """\
examples:
  python run_pipeline.py traverse runs/quickstart --out codes.png --out codes.gif
      all codes of the model that was selected, as a picture and moving
  python run_pipeline.py traverse runs/quickstart --code uniform_2 --steps 25 --limits -2 2
      one code, further than it was trained
  python run_pipeline.py traverse runs/quickstart --image photo.png
      from your own image: its codes, with one of them moved
"""


def main(arguments: Sequence[str]) -> int:
    """Write the traversals and return the exit code."""
    options = build_parser().parse_args(arguments)
    model = model_of(options)
    chosen = chosen_codes(model, options.code) or list(range(model.codes.num_codes))
    codes = model.drawable()
    base = codes.draw(np.random.default_rng(options.seed), 1)[0]
    if options.image is not None:
        base[: codes.code_dim] = codes_of_images(model, [options.image])[0]
    limits = tuple(options.limits) if options.limits else None
    images, values, names = traversal_images(
        model.generator(), codes, base, chosen, steps=options.steps, limits=limits
    )
    write_outputs(
        options.out or [Path(f"{model.name}-traversals.png")],
        {"images": images, "values": values, "names": np.array(names)},
        picture=traversal_strips(images, names=names, values=values),
        frames=traversal_frames(images, names=names),
    )
    return EXIT_DONE


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("traverse", DESCRIPTION, EXAMPLES)
    add_model_arguments(parser)
    parser.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="NAME",
        help="only this code, such as uniform_1; repeat it for several; default: all",
    )
    parser.add_argument("--steps", type=count, default=10, help="of a row; default: 10")
    parser.add_argument(
        "--limits",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="of continuous codes; default: the range that they are drawn from",
    )
    parser.add_argument("--image", type=Path, metavar="FILE", help="start from your own image")
    parser.add_argument("--seed", type=int, default=0, help="of the latent vector; default: 0")
    add_output_argument(parser, "<model>-traversals.png", (".png", ".gif", ".npz"))
    return parser
