"""A trained model as an argument of a command, and where a command writes pictures."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cli.error_log import keep_errors_in
from pipeline.errors import ConfigurationError, StageError, did_you_mean
from pipeline.execution import tensorflow_setup
from pipeline.inference.own_images import read_own_images
from pipeline.inference.saved_model import SavedModel, open_model
from pipeline.pictures import save_animation, save_picture
from pipeline.progress import announce
from pipeline.runs.directory import RunDirectory
from pipeline.runs.files import atomic_path
from pipeline.stages.report.content import Report, make_report
from pipeline.stages.report.options import ReportOptions

MODEL_HELP = (
    "run directory; the folder of a model: generator.keras, encoder.keras and config.json; or a "
    "folder of such folders, as `trained` is one"
)
MAX_NAMED = 12  # models that an error names


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a model: a place, and an option for which one of it."""
    parser.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "--id",
        metavar="MODEL_ID",
        help="which model of the run, as in models.csv; default: the one that was selected",
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a model: a place, and after it which one of it."""
    parser.add_argument("model", type=Path, metavar="RUN", help=MODEL_HELP)
    parser.add_argument(
        "id",
        nargs="?",
        metavar="MODEL",
        help="which model of the run, as in models.csv; default: the one that was selected",
    )


def model_of(options: argparse.Namespace) -> SavedModel:
    """Return the model that the arguments name, with TensorFlow made ready.

    Raises:
        ConfigurationError: There is no such model.
        StageError: The tables of the run cannot be read.
    """
    folders = find_models(options.model)
    model = open_model(folders[chosen_model(options.model, folders, options.id)])
    tensorflow_setup.configure()
    return model


def find_models(place: Path) -> dict[str, Path]:
    """Return the folders of the trained models of a place by their names, at least one.

    Args:
        place: A run directory, whose models have the ids of models.csv, the selected one first;
            a model's folder; or a folder of models' folders.

    Raises:
        ConfigurationError: There is no trained model.
        StageError: The tables of the run cannot be read.
    """
    run = RunDirectory(place)
    if run.models_csv.exists():
        keep_errors_in(run.root)
        return _models_of_run(run)
    inside = sorted(place.iterdir()) if place.is_dir() else []
    if (place / "config.json").exists() or not any(
        (one / "config.json").exists() for one in inside
    ):
        model = open_model(place)
        return {model.name: model.folder.root}
    models = [open_model(one) for one in inside if (one / "config.json").exists()]
    return {model.name: model.folder.root for model in models}


def chosen_model(place: Path, folders: Mapping[str, Path], name: str | None) -> str:
    """Return the name of the model that is meant: the first unless another is named.

    Raises:
        ConfigurationError: There is none of that name; the error names those that there are.
    """
    if name is None:
        return next(iter(folders))
    if name in folders:
        return name
    hint = did_you_mean(name, folders)
    shown = ", ".join(list(folders)[:MAX_NAMED])
    more = f" and {len(folders) - MAX_NAMED} more" if len(folders) > MAX_NAMED else ""
    raise ConfigurationError(
        f"{place} has no trained model {name!r}. {hint}Expected one of: {shown}{more}. "
        f"Received: {name}"
    )


def report_of(run: RunDirectory) -> Report:
    """Return a run as its report sees it: which models there are, which was selected, and why.

    Raises:
        StageError: A table of the run cannot be read.
    """
    try:
        return make_report(run, "", ReportOptions())
    except ValueError as error:
        raise StageError(str(error)) from error


def _models_of_run(run: RunDirectory) -> dict[str, Path]:
    report = report_of(run)
    trained = report.tables.models[report.tables.models["status"] == "done"]["model_id"]
    names = dict.fromkeys([*report.ranked, *trained])
    if not names:
        raise ConfigurationError(
            f"No model of {run.root} is trained. Expected a run with a finished model: run its "
            "train stage."
        )
    return {name: report.export(name).root for name in names}


def chosen_codes(model: SavedModel, names: Sequence[str]) -> list[int]:
    """Return the numbers of the codes of these names.

    Raises:
        ConfigurationError: The model has no such code; with the nearest name.
    """
    known = model.codes.code_names
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ConfigurationError(
                f"{model.name} has no code {name!r}. {hint}Expected some of: {', '.join(known)}. "
                f"Received: --code {name}"
            )
    return [known.index(name) for name in names]


def codes_of_images(model: SavedModel, files: Sequence[Path]) -> np.ndarray:
    """Return the codes [files, code_dim] of the user's images, as the generator takes them.

    Raises:
        ConfigurationError: A file is no image, or the encoder gives something else.
    """
    if model.codes.is_told_by_features:
        raise ConfigurationError(
            f"The encoder of {model.name} tells classes by features, which its generator does not "
            "take. Expected no image with such a model (CoDeGAN); `encode` gives its features."
        )
    encode, shape = model.encoder()
    return encode(read_own_images(files, shape))


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
        announce(str(path))


def count(text: str) -> int:
    """Return a whole number of at least 1 from the command line."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer >= 1; received {text!r}")
    return int(text)
