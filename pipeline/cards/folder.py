"""The folder of a model that is given away: all that the commands and a reader need of it."""

import json
import re
from pathlib import Path

import numpy as np

from pipeline.cards.card import card_text
from pipeline.cards.difference import measure
from pipeline.cards.weights import write_network
from pipeline.inference.code_draws import ENCODED
from pipeline.inference.saved_model import SavedModel, open_model
from pipeline.pictures import image_grid, save_picture, traversal_strips
from pipeline.runs import tables
from pipeline.runs.directory import CardDirectory, RunDirectory
from pipeline.runs.files import atomic_path, json_text, write_text
from pipeline.runs.manifests import refuse_damaged, write_manifest
from pipeline.stages.report.content import Report
from pipeline.stages.report.traversals import read_traversals

NUM_ENCODED = 512  # images whose codes come along, of models without a prior
# A path of somebody's machine, as a text of its own; the last name stays.
_PRIVATE_PATH = re.compile(
    r"(?<=['\"])(?:~|[A-Za-z]:)?[/\\](?:[^'\"\n]*[/\\])?([^'\"/\\\n]+)[/\\]?(?=['\"])"
)


def write_folder(
    report: Report, model_id: str, target: CardDirectory, precision: str
) -> list[Path]:
    """Write the folder of a model of a run.

    Args:
        report: The run.
        model_id: A trained model of it, or a snapshot such as "<model>@before_cr".
        target: The folder; files of an earlier model in it are written over.
        precision: Of the networks, see `write_network`.

    Returns:
        The files written, sorted.

    Raises:
        StageError: A file of the run is damaged or missing.
    """
    run, export = report.directory, report.export(model_id)
    trained = run.model(model_id.partition("@")[0])
    model = open_model(export.root)
    for path in (export.generator, export.encoder, export.traversals):
        refuse_damaged(export.manifest, path, "train")
    for path, other in ((export.generator, target.generator), (export.encoder, target.encoder)):
        write_network(path, other, precision)
    written = [target.generator, target.encoder]
    config = json.loads(trained.config.read_text(encoding="utf-8"))
    write_text(target.config, without_private_paths(json_text(config)))
    written.append(target.config)
    if trained.configuration.exists():
        text = trained.configuration.read_text(encoding="utf-8")
        write_text(target.configuration, without_private_paths(text))
        written.append(target.configuration)
    written += _write_drawings(export.traversals, target)
    written += _write_rows(run, model_id, target)
    shipped = SavedModel(model.name, target, model.codes)
    difference = None if precision == "float32" else measure(model, shipped)
    write_text(target.card, card_text(report, model_id, target, written, precision, difference))
    written.append(target.card)
    fingerprint = report.model(model_id)["model_fingerprint"]
    write_manifest(target.manifest, fingerprint, written, {"model_id": model_id})
    return sorted([*written, target.manifest])


def without_private_paths(text: str) -> str:
    """Return a configuration in which '/home/me/data/mnist' reads '/path/to/mnist'."""
    return _PRIVATE_PATH.sub(r"/path/to/\1", text)


def _write_drawings(source: Path, target: CardDirectory) -> list[Path]:
    """Write the traversals and samples as pictures, and the arrays that commands draw from."""
    drawn = read_traversals(source)
    strips = traversal_strips(drawn.images, names=drawn.names, values=drawn.values)
    save_picture(target.traversal_picture, strips)
    save_picture(target.sample_picture, image_grid(drawn.samples, columns=16))
    with np.load(source, allow_pickle=False) as content:
        arrays = {name: content[name] for name in ("images", "values", "names", "samples", "real")}
        if ENCODED in content.files:
            arrays[ENCODED] = content[ENCODED][:NUM_ENCODED]
    with atomic_path(target.traversals) as temporary:
        np.savez_compressed(temporary, **arrays)
    return [target.traversal_picture, target.sample_picture, target.traversals]


def _write_rows(run: RunDirectory, model_id: str, target: CardDirectory) -> list[Path]:
    """Write what the tables of the run say of the model, in full precision."""
    written = []
    for source, path, columns in (
        (run.scores_csv, target.scores_csv, tables.SCORE_COLUMNS),
        (run.selection_csv, target.selection_csv, tables.SELECTION_COLUMNS),
    ):
        if source.exists():
            table = tables.read_table(source, columns)
            tables.write_table(path, table[table["model_id"] == model_id], columns)
            written.append(path)
    return written
