"""`run_pipeline.py swap`: the identity of one image, the rest of another."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.codes.joint_code import EmpiricalCodes
from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.model_argument import (
    add_model_arguments,
    add_output_argument,
    chosen_codes,
    codes_of_images,
    model_of,
    write_outputs,
)
from pipeline.cli.parser import command_parser
from pipeline.errors import ConfigurationError
from pipeline.inference.own_images import read_own_images
from pipeline.inference.saved_model import SavedModel
from pipeline.inference.swapping import bordered, swapped_codes
from pipeline.pictures import image_grid

DESCRIPTION = """\
Show what one image would look like with the identity of another, by a model that keeps the identity
apart from the rest (cVAE-GAN): a table as PNG with the images that give the identity above and
those that give the rest on the left. With --code the same for chosen codes of any other model.
As .npz: `images` (uint8 [rest, identity, height, width, channels]), `identity`, `rest`.
"""
EXAMPLES = """\
examples:
  python run_pipeline.py swap runs/cvae_gan_teapots --identity a.png --rest b.png
      the identity of a.png, the rest of b.png
  python run_pipeline.py swap runs/cvae_gan_teapots --identity people/*.png --rest poses/*.png
      every pair, as a table
  python run_pipeline.py swap runs/quickstart --code uniform_3 --identity a.png --rest b.png
      one code of a.png, all others of b.png
"""


def main(arguments: Sequence[str]) -> int:
    """Write the swapped images and return the exit code."""
    options = build_parser().parse_args(arguments)
    model = model_of(options)
    columns = _columns(model, options.code)
    encoded = codes_of_images(model, [*options.identity, *options.rest])
    count = len(options.identity)
    codes = swapped_codes(encoded[:count], encoded[count:], columns)
    rows, across, code_dim = codes.shape
    # What no encoder tells, the noise, is the same in all images.
    rng = np.random.default_rng(options.seed)
    noise = [part.draw(rng, 1) for part in model.codes.parts if part.is_noise]
    same = [np.repeat(one, rows * across, axis=0) for one in noise]
    images = model.generator()(np.concatenate([codes.reshape(-1, code_dim), *same], axis=1))
    images = images.reshape(rows, across, *images.shape[1:])
    above = read_own_images(options.identity, images.shape[2:])
    left = read_own_images(options.rest, images.shape[2:])
    table = bordered(images, left, above)
    write_outputs(
        options.out or [Path(f"{model.name}-swap.png")],
        {"images": images, "identity": above, "rest": left},
        picture=image_grid(table.reshape(-1, *table.shape[2:]), columns=across + 1),
    )
    return EXIT_DONE


def _columns(model: SavedModel, names: Sequence[str]) -> np.ndarray:
    """Return which columns of the codes are taken from the other image, bool [code_dim]."""
    codes = model.codes
    taken = np.zeros(codes.code_dim, bool)
    for code in chosen_codes(model, names):
        taken[codes.columns(code)] = True
    if names:
        return taken
    start = 0
    for part in codes.informative:
        taken[start : start + part.dim] = isinstance(part, EmpiricalCodes)
        start += part.dim
    if not taken.any():
        raise ConfigurationError(
            f"{model.name} has no code of identities. Expected a model of cvae_gan, or --code with "
            f"what the first image gives: {', '.join(codes.code_names)}."
        )
    return taken


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("swap", DESCRIPTION, EXAMPLES)
    add_model_arguments(parser)
    for name, gives in (("identity", "the identity"), ("rest", "all the rest")):
        parser.add_argument(
            f"--{name}",
            nargs="+",
            type=Path,
            required=True,
            metavar="IMAGE",
            help=f"your own images that give {gives}",
        )
    parser.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="NAME",
        help="of another model: a code that the identity's image gives; repeat it for several",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise, if any; default: 0")
    add_output_argument(parser, "<model>-swap.png", (".png", ".npz"))
    return parser
