"""`run_pipeline.py sample`: random images of a trained model."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.model_argument import (
    add_model_arguments,
    add_output_argument,
    count,
    model_of,
    write_outputs,
)
from pipeline.cli.parser import command_parser
from pipeline.pictures import image_grid

DESCRIPTION = """\
Draw random images with the generator of a trained model, as a PNG grid; as .npz with the arrays
`images` (uint8 [n, height, width, channels]) and `latents` (float32 [n, latent_dim]).
"""
EXAMPLES = """\
examples:
  python run_pipeline.py sample runs/quickstart
      64 images of the model that was selected
  python run_pipeline.py sample runs/quickstart --id alpha-1-seed0-3fa81c22 -n 1000 --out many.npz
      one model of a run, as arrays
  python run_pipeline.py sample my_model --seed 7 --out grid.png --out grid.npz
      a folder with generator.keras, encoder.keras and config.json
"""


def main(arguments: Sequence[str]) -> int:
    """Write the images and return the exit code."""
    options = build_parser().parse_args(arguments)
    model = model_of(options)
    latents = model.drawable().draw(np.random.default_rng(options.seed), options.number)
    images = model.generator()(latents)
    paths = options.out or [Path(f"{model.name}-samples.png")]
    write_outputs(paths, {"images": images, "latents": latents}, picture=image_grid(images))
    return EXIT_DONE


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("sample", DESCRIPTION, EXAMPLES)
    add_model_arguments(parser)
    parser.add_argument("-n", "--number", type=count, default=64, help="of images; default: 64")
    parser.add_argument("--seed", type=int, default=0, help="of the latent vectors; default: 0")
    add_output_argument(parser, "<model>-samples.png", (".png", ".npz"))
    return parser
