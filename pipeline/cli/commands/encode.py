"""`run_pipeline.py encode`: the codes that a trained model gives to the user's own images."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.model_argument import add_model_arguments, model_of
from pipeline.cli.parser import command_parser
from pipeline.inference.own_images import read_own_images
from pipeline.progress import announce
from pipeline.runs.files import write_text
from pipeline.runs.tables import table_text

DESCRIPTION = """\
Encode your own images with the encoder of a trained model: a CSV with a row for each file and a
column for each code. Images are cut to a centred square and resized to what the model takes.
"""
EXAMPLES = """\
examples:
  python run_pipeline.py encode runs/quickstart photo.png
      the codes of one image under the model that was selected
  python run_pipeline.py encode runs/quickstart photos/*.jpg --csv codes.csv
      many images into a file
"""


def main(arguments: Sequence[str]) -> int:
    """Write the codes and return the exit code."""
    options = build_parser().parse_args(arguments)
    model = model_of(options)
    encode, shape = model.encoder()
    codes = encode(read_own_images(options.images, shape))
    table = pd.DataFrame(codes, columns=model.code_columns()).astype(float)
    table.insert(0, "file", [str(path) for path in options.images])
    text = table_text(options.csv or Path("the codes"), table, table.columns)
    if options.csv is None:
        print(text, end="")
    else:
        write_text(options.csv, text)
        announce(f"{len(table)} images: {options.csv}", file=sys.stderr)
    return EXIT_DONE


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("encode", DESCRIPTION, EXAMPLES)
    add_model_arguments(parser)
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="image files")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table here")
    return parser
