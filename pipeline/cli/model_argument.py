"""A trained model as an argument of a command, and where a command writes pictures."""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ConfigurationError, StageError
from pipeline.execution import tensorflow_setup
from pipeline.inference.saved_model import SavedModel, open_model
from pipeline.pictures import save_animation, save_picture
from pipeline.runs.directory import RunDirectory
from pipeline.runs.files import atomic_path
from pipeline.stages.report.content import make_report
from pipeline.stages.report.options import ReportOptions

MODEL_HELP = (
    "run directory, or the folder of a model: generator.keras, encoder.keras and config.json"
)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a model."""
    parser.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "--id",
        metavar="MODEL_ID",
        help="which model of the run, as in models.csv; default: the one that was selected",
    )


def model_of(options: argparse.Namespace) -> SavedModel:
    """Return the model that the arguments name, with TensorFlow made ready.

    Raises:
        ConfigurationError: There is no such model.
        StageError: The tables of the run cannot be read.
    """
    run = RunDirectory(options.model)
    if not run.models_csv.exists():
        if options.id is not None:
            raise ConfigurationError(
                f"{options.model} is no run directory, so --id names nothing in it. Expected a "
                f"folder with {run.models_csv.name}, or no --id. Received: --id {options.id}"
            )
        folder = options.model
    else:
        folder = _folder_in(run, options.id)
    model = open_model(folder)
    tensorflow_setup.configure()
    return model


def _folder_in(run: RunDirectory, model_id: str | None) -> Path:
    try:
        report = make_report(run, "", ReportOptions())
    except ValueError as error:
        raise StageError(str(error)) from error
    finished = report.tables.models
    finished = finished[finished["status"] == "done"]["model_id"].tolist()
    chosen = model_id or report.selected
    if chosen is not None and chosen in finished:
        return report.export(chosen).root
    if model_id is None:
        raise ConfigurationError(
            f"No model of {run.root} is trained. Expected a run with a finished model: run its "
            "train stage."
        )
    near = difflib.get_close_matches(model_id, finished, n=3, cutoff=0.3)
    raise ConfigurationError(
        f"{run.root} has no trained model {model_id!r}. Expected one of models.csv with the status "
        f"done, such as {', '.join(near or finished[:3]) or '(there is none)'}. Received: "
        f"--id {model_id}"
    )


def add_output_argument(
    parser: argparse.ArgumentParser, default: str, suffixes: Sequence[str]
) -> None:
    """Add `--out`, which may be repeated: files whose endings say what is written."""

    def output(text: str) -> Path:
        if Path(text).suffix.lower() not in suffixes:
            raise argparse.ArgumentTypeError(
                f"expected a file that ends with {' or '.join(suffixes)}; received {text!r}"
            )
        return Path(text)

    parser.add_argument(
        "--out",
        type=output,
        action="append",
        metavar="FILE",
        help=f"what to write, by its ending ({', '.join(suffixes)}); repeat it for several; "
        f"default: {default} in this folder",
    )


def write_outputs(
    paths: Sequence[Path],
    arrays: Mapping[str, np.ndarray],
    *,
    picture: np.ndarray,
    frames: Sequence[np.ndarray] = (),
) -> None:
    """Write each file as its ending says, and name it: .png, .gif or .npz."""
    named: dict[str, Any] = dict(arrays)
    for path in paths:
        if path.suffix.lower() == ".npz":
            with atomic_path(path) as temporary:
                np.savez_compressed(temporary, **named)
        elif path.suffix.lower() == ".gif":
            save_animation(path, frames)
        else:
            save_picture(path, picture)
        print(path)


def count(text: str) -> int:
    """Return a whole number of at least 1 from the command line."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer >= 1; received {text!r}")
    return int(text)
