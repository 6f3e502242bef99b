"""`run_pipeline.py select`: the best of anybody's exported models, without labels."""

import argparse
import ast
import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import checks
from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.error_log import keep_errors_in
from pipeline.cli.model_argument import count
from pipeline.cli.parser import (
    add_cache_argument,
    add_json_argument,
    cache_folder,
    command_parser,
)
from pipeline.errors import ConfigurationError
from pipeline.execution import devices
from pipeline.execution.pool import TaskPool
from pipeline.experiment import Experiment
from pipeline.inference.described_codes import EXAMPLE
from pipeline.progress import ProgressDisplay, announce
from pipeline.runs.directory import RunDirectory
from pipeline.runs.tables import (
    SELECTION_SUMMARY_COLUMNS,
    read_table,
    table_records,
)
from pipeline.selection import METHODS
from pipeline.stages.metrics.options import Metrics
from pipeline.stages.report.options import ReportOptions
from pipeline.stages.select import given_models, given_pool, stage
from pipeline.stages.select.options import FIXED, Selection

DESCRIPTION = f"""\
Select the best of some models without labels, whoever trained them: ModelCentrality, UDR, and on
request the other methods (see `explain`), into selection.csv, cross_scores.csv (the score of every
encoder on every generator's samples) and selection_summary.csv.

A model is a run directory of this project (all of its finished models), the folder of one of its
models, or any folder with
  generator.keras or .onnx   [n, latent_dim] to images from 0 to 1, [n, height, width, channels]
  encoder.keras or .onnx     such images to the codes [n, code_dim]: a column for each continuous
                             code, one for each class of a categorical code
  config.json                what the generator takes, such as
                             {EXAMPLE}
ONNX networks may have their channels first; they need: pip install -e '.[onnx]'
"""
EXAMPLES = """\
examples:
  python run_pipeline.py select runs/alpha-1 runs/alpha-2
      the best of all models of two runs
  python run_pipeline.py select mine/gan-* --out choice --images photos
      ONNX or Keras networks from elsewhere; UDR compares codes of the user's images
  python run_pipeline.py select mine/* --methods model_centrality,variation_predictability --json
      with other methods, the choice as JSON
  python run_pipeline.py select mine/* --methods pipe --images photos --option pipe.steps=500
      one method, shorter than published (`explain pipe` lists its options)
"""
MIN_MODELS = 2


def main(arguments: Sequence[str]) -> int:
    """Select a model and return the exit code."""
    options = build_parser().parse_args(arguments)
    run, cache = RunDirectory(options.out.resolve()), cache_folder(options)
    if run.configuration.exists():
        raise ConfigurationError(
            f"{options.out} is the run directory of an experiment, whose own selection would be "
            f"lost. Expected a folder for this one. Received: --out {options.out}"
        )
    selection = _selection(options)
    models = given_models.open_models(options.models)
    if len(models) < MIN_MODELS:
        raise ConfigurationError(
            "There is nothing to select among. Expected two models or more. Received: "
            f"{', '.join(models)}"
        )
    for model_id, model in models.items():
        selection.check_codes(model_id, model.codes)
    keep_errors_in(run.root)
    workers = options.workers or devices.default_workers(1)
    gpus = devices.share_gpus(devices.visible_gpus(), workers, 1)
    with contextlib.closing(TaskPool(workers, 1, gpus)) as pool, run.lock():
        exports = [given_models.take_in(name, model, run) for name, model in models.items()]
        display = ProgressDisplay("select", len(exports))
        samples = given_pool.try_out_all(
            models, exports, run, pool, display, selection.num_udr_points
        )
        display.close()
        dataset = given_pool.images_recipe(options.images, run, samples)
        experiment = Experiment(
            name=run.root.name,
            dataset=dataset,
            settings=(),
            seeds=(),
            metrics=Metrics(protocols=()),
            selection=selection,
            report=ReportOptions(),
            gin_text="",
        )
        context = given_pool.GivenContext(experiment, run, cache, pool)
        context.exports = exports
        given_pool.prepare_images(dataset, cache, samples[0].shape[1:])
        given_pool.write_models(run, exports)
        stage.run(context)
    _say_choice(run, as_json=options.json)
    return EXIT_DONE


def _selection(options: argparse.Namespace) -> Selection:
    known = {name: method for name, method in METHODS.items() if not method.needs_labels}
    methods = options.methods or tuple(name for name, one in known.items() if one.by_default)
    try:
        for name in methods:
            checks.choice("--methods", name, known)
        selection = Selection(
            num_groups=options.groups,
            group_size=options.group_size,
            num_std_samples=options.std_samples,
            num_udr_points=options.points,
            methods=methods,
            fixed=options.fixed,
            search_medoid=options.search,
            method_options=_method_options(options.option, methods),
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    for name in methods:
        if "images" in known[name].needs and options.images is None:
            raise ConfigurationError(
                f"{name} needs real images. Expected --images with a folder of them or an .npz "
                f"file. Received: --methods {','.join(methods)}"
            )
    return selection


def _method_options(given: Sequence[str], methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return {method: {option: value}} of texts `METHOD.NAME=VALUE`, of the methods asked for."""
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        name, has_value, value = text.partition("=")
        method, has_option, option = name.strip().partition(".")
        if not has_value or not has_option:
            checks.fail("--option", text, "METHOD.NAME=VALUE, such as pipe.steps=500")
        checks.choice("--option", method, methods)
        found.setdefault(method, {})[option] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    """Return the number, tuple or word that a text is."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _say_choice(run: RunDirectory, *, as_json: bool) -> None:
    if not as_json:
        announce(f"Done: {run.selection_csv}")
        return
    summary = read_table(run.selection_summary_csv, SELECTION_SUMMARY_COLUMNS)
    columns = ["selection_method", "model_id", "selected_score", "confidence", "num_models"]
    rows = table_records(summary[[*columns, "warnings"]])
    for row in rows:
        row["folder"] = str(run.model(row["model_id"]).root)
    print(json.dumps({"folder": str(run.root), "selected": rows}, indent=1))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("select", DESCRIPTION, EXAMPLES)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL_FOLDER", help="models")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("selection"),
        metavar="DIR",
        help="where tables and votes go, and a copy of the networks, so that `sample`, `traverse` "
        "and `compare` take it like a run; default: selection",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="PATH",
        help="a folder of images or an .npz file, on which encoders' codes are compared (UDR) and "
        "judged; default: samples of all the generators, an equal share of each (ours)",
    )
    parser.add_argument(
        "--methods",
        type=lambda text: tuple(name.strip() for name in text.split(",") if name.strip()),
        metavar="A,B",
        help=f"of {', '.join(name for name, one in METHODS.items() if not one.needs_labels)}; "
        "default: ModelCentrality and both UDR",
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="METHOD.NAME=VALUE",
        help="an option of a method in the place of its default, such as "
        "variation_predictability.epochs=8; once for each; `explain METHOD` lists them",
    )
    sizes = "published: 500 groups of 100, 73,728 samples, 1,000 points"
    parser.add_argument(
        "--groups", type=count, default=200, metavar="N", help=f"groups of samples; {sizes}"
    )
    parser.add_argument("--group-size", type=count, default=50, metavar="N", help="of each")
    parser.add_argument(
        "--std-samples", type=count, default=10000, metavar="N", help="for the spread of each code"
    )
    parser.add_argument(
        "--points", type=count, default=1000, metavar="N", help="images that UDR compares codes of"
    )
    parser.add_argument(
        "--fixed",
        choices=FIXED,
        default="codes",
        help="what images of a group share: a code, or a class of the only categorical code",
    )
    parser.add_argument(
        "--search",
        action="store_true",
        help="find ModelCentrality's choice without all cells; from 30 models on (ours)",
    )
    parser.add_argument(
        "--workers", type=count, metavar="N", help="processes; default: one a core, or a GPU"
    )
    add_cache_argument(parser)
    add_json_argument(parser, "what was selected")
    return parser
