"""The means of each setting over its seeds."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline import metric_names
from pipeline.stages.report.content import Report
from pipeline.stages.report.sections.section import Parts, Section
from pipeline.stages.report.summaries import setting_table

KEYS = ["name", "representation", "dataset"]


def build(report: Report, parts: Parts) -> Mapping[str, Any]:
    """Return a table of means and spreads for each protocol."""
    return content_of(setting_table(report.tables))


def content_of(table: pd.DataFrame) -> Mapping[str, Any]:
    """Return what the template shows of rows with the columns `SETTING_COLUMNS`."""
    if table.empty:
        return {"protocols": []}
    snapshots = table["setting"] + " (" + table["export"].str.replace("_", " ") + ")"
    table = table.assign(name=table["setting"].where(table["export"] == "final", snapshots))
    return {
        "protocols": [protocol_table(name, part) for name, part in table.groupby("protocol")],
    }


SECTION = Section("settings", "Metrics per setting", build, ("tables/settings.csv",))


def protocol_table(protocol: str, scores: pd.DataFrame) -> dict[str, Any]:
    """Return one protocol's means as rows and columns.

    Returns:
        protocol, titles of the metrics, and rows: (name, cells); a cell is None, or a row of
        `scores` with `is_best`.
    """
    metrics = sorted(scores["metric"].unique(), key=metric_names.order)
    best = {metric: _best(scores[scores["metric"] == metric], metric) for metric in metrics}
    rows = []
    for key, group in scores.groupby(KEYS):
        found = {score["metric"]: score for score in group.to_dict("records")}
        variant = [v for k, v in zip(KEYS[1:], key[1:], strict=True) if scores[k].nunique() > 1]
        cells = [
            found[metric] | {"is_best": found[metric]["mean"] == best[metric]}
            if metric in found
            else None
            for metric in metrics
        ]
        rows.append((", ".join([key[0], *variant]), cells))
    titles = [metric_names.title(metric) for metric in metrics]
    return {"protocol": protocol, "titles": titles, "rows": rows}


def _best(scores: pd.DataFrame, metric: str) -> float | None:
    """Return the best mean, or None where nothing is better than another."""
    end = metric_names.better_end(metric)
    if scores["mean"].nunique() < 2 or not end:
        return None
    return scores["mean"].min() if end == "low" else scores["mean"].max()
