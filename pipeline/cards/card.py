"""The card of a model: what it is, from which data, how good, how sure, made with what."""

import importlib.resources
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from pipeline import metric_names
from pipeline.cards.difference import Difference
from pipeline.runs.directory import CardDirectory
from pipeline.runs.files import file_digest
from pipeline.runs.manifests import read_manifest
from pipeline.selection import METHODS
from pipeline.stages.report.content import Report
from pipeline.stages.report.sections.models import differing_bindings, flatten
from pipeline.stages.report.texts import interval_text, number_text

_NAME = re.compile(r"^experiment\.name = ['\"](.*)['\"]$", re.MULTILINE)
_NO_DATA_FIELDS = ("type", "subset_seed")


def card_text(
    report: Report,
    model_id: str,
    target: CardDirectory,
    files: Sequence[Path],
    precision: str,
    difference: Difference | None,
) -> str:
    """Return the card of a model of a run as Markdown.

    Args:
        report: The run.
        model_id: The model.
        target: The folder that the card will stand in, with its configuration written.
        files: What else stands there.
        precision: Of the networks.
        difference: What that changes; None: nothing.
    """
    config = json.loads(target.config.read_text(encoding="utf-8"))
    row = report.model(model_id)
    model = {name: None if pd.isna(value) else value for name, value in row.items()}
    selection = _selection(report, model_id)
    return _template().render(
        name=target.root.name,
        model_id=model_id,
        experiment=_experiment_name(target),
        model=model,
        made_here="method" in config,  # `select` takes anybody's models
        num_models=len(report.finished),
        is_selected=model_id == report.selected,
        reason=report.reason,
        data=[
            (name, value)
            for name, value in flatten("", config.get("dataset", {}))
            if value and name not in _NO_DATA_FIELDS
        ],
        data_type=config.get("dataset", {}).get("type", ""),
        data_fingerprint=_data_fingerprint(report, model_id),
        codes=config.get("method", {}).get("codes", {}).get("parts", []),
        bindings=_bindings(report, model_id),
        selection=selection,
        selected_by=_selected_by(selection),
        scores=_scores(report, model_id),
        versions=_versions(report, model_id),
        precision=precision,
        difference=difference,
        files=[(path.name, path.stat().st_size, file_digest(path)) for path in sorted(files)],
    )


def _experiment_name(target: CardDirectory) -> str:
    if not target.configuration.exists():
        return ""
    found = _NAME.search(target.configuration.read_text(encoding="utf-8"))
    return found.group(1) if found else ""


def _data_fingerprint(report: Report, model_id: str) -> str:
    scores = report.tables.scores
    rows = None if scores is None else scores[scores["model_id"] == model_id]
    if rows is not None and len(rows):
        return rows["data_fingerprint"].iloc[0]
    return report.configs[model_id].get("data_fingerprint", "")


def _bindings(report: Report, model_id: str) -> list[tuple[str, str]]:
    """Return the values by which the run's models of this method differ."""
    own = report.model(model_id.partition("@")[0])["method"]
    of_method = set(report.finished[report.finished["method"] == own]["model_id"])
    configs = {name: config for name, config in report.configs.items() if name in of_method}
    return differing_bindings(configs).get(model_id.partition("@")[0], [])


def _selection(report: Report, model_id: str) -> list[dict[str, Any]]:
    table = report.tables.selection
    if table is None:
        return []
    sizes = table.groupby(["pool", "selection_method"]).size()
    titles = {method.name: method.title for method in METHODS.values()}
    return [
        {
            "pool": row["pool"],
            "method": titles.get(row["selection_method"], row["selection_method"]),
            "rank": int(row["rank"]),
            "num_models": int(sizes[row["pool"], row["selection_method"]]),
            "score": row["score"],
            "confidence": row["confidence"],
        }
        for row in table[table["model_id"] == model_id].to_dict("records")
    ]


def _selected_by(selection: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return pool -> the methods that chose the model in it."""
    chosen: dict[str, list[str]] = {}
    for row in selection:
        if row["rank"] == 1:
            chosen.setdefault(row["pool"], []).append(row["method"])
    return chosen


def _scores(report: Report, model_id: str) -> list[Mapping[Any, Any]]:
    table = report.tables.scores
    if table is None:
        return []
    rows = table[table["model_id"] == model_id].to_dict("records")
    return sorted(
        rows,
        key=lambda row: (row["protocol"], row["representation"], metric_names.order(row["metric"])),
    )


def _versions(report: Report, model_id: str) -> list[tuple[str, str]]:
    """Return what was done with which versions; none twice."""
    trained = read_manifest(report.directory.model(model_id.partition("@")[0]).manifest) or {}
    found = [("trained", str(trained.get("versions", "")))]
    for what, table in (("scored", report.tables.scores), ("selected", report.tables.selection)):
        if table is not None:
            rows: pd.DataFrame = table[table["model_id"] == model_id]
            found += [(what, text) for text in sorted(rows["versions"].unique())]
    return [(what, text) for what, text in found if text]


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, not HTML
    )
    environment.filters |= {
        "number": number_text,
        "interval": interval_text,
        "metric": metric_names.title,
        "cell": lambda text: str(text).replace("|", "\\|"),
    }
    text = (importlib.resources.files("pipeline.cards") / "card.md").read_text(encoding="utf-8")
    return environment.from_string(text)
