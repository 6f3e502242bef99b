"""All models and all metrics: the page's script sorts, filters and pins them."""

from collections.abc import Mapping
from typing import Any

from pipeline import metric_names
from pipeline.stages.report.content import Report
from pipeline.stages.report.sections.section import Parts, Section
from pipeline.stages.report.selected_metrics import method_order
from pipeline.stages.report.summaries import metric_columns

DIGITS = 7  # significant ones that travel to the page, which shows three decimals
NUM_SHOWN = 6  # metrics that the table begins with


def build(report: Report, parts: Parts) -> Mapping[str, Any]:
    """Return the table as data, which the template embeds for the script."""
    models, scores = report.tables.models, report.tables.scores
    columns = [] if scores is None else metric_columns(scores)
    numbers = {column: number for number, column in enumerate(columns)}
    ranks = _ranks(report)
    rows: dict[tuple[str, str, str], dict[int, Any]] = {}
    for score in [] if scores is None else scores.to_dict("records"):
        key = score["model_id"], score["representation"], score["dataset"]
        cells = rows.setdefault(key, {})
        cell = [rounded(score["value"])]
        if score["ci_low"] == score["ci_low"] and score["ci_high"] == score["ci_high"]:
            cell += [rounded(score["ci_low"]), rounded(score["ci_high"])]
        cells[numbers[score["protocol"], score["metric"]]] = cell
    known = {key[0] for key in rows}
    rows |= {(name, "", ""): {} for name in models["model_id"] if name not in known}
    several = {part: len({key[part] for key in rows if key[part]}) > 1 for part in (1, 2)}
    by_id = models.set_index("model_id").to_dict("index")
    table = []
    for key in sorted(rows):
        model = by_id[key[0]]
        variant = [key[part] for part in (1, 2) if several[part] and key[part]]
        table.append(
            {
                "id": key[0],
                "variant": ", ".join(variant),
                "setting": model["setting"],
                "method": model["method"],
                "seed": int(model["seed"]),
                "status": model["status"],
                "rank": ranks.get(key[0]),
                "informative": report.num_informative.get(key[0]),
                "cells": rows[key],
            }
        )
    protocol, metric = report.main
    order = sorted(columns, key=lambda pair: (pair[0] != protocol, pair[1] != metric))
    return {
        "data": {
            "metrics": [
                {
                    "protocol": protocol,
                    "metric": metric,
                    "name": metric_names.name(metric),
                    "better": metric_names.better_end(metric),
                }
                for protocol, metric in columns
            ],
            "rows": table,
            "shown": [numbers[pair] for pair in order if pair[0] == (order[0][0] if order else "")][
                :NUM_SHOWN
            ],
            "selected": report.selected,
        }
    }


SECTION = Section(
    "leaderboard", "All models", build, ("tables/models.csv", "../scores.csv", "../selection.csv")
)


def _ranks(report: Report) -> dict[str, int]:
    """Return the rank of each model of the largest pool, by the first method that ranked it."""
    selection = report.tables.selection
    if selection is None or selection.empty:
        return {}
    sizes = selection.groupby("pool")["model_id"].nunique()
    pool = sorted(sizes.index, key=lambda name: (-sizes[name], name))[0]
    rows = selection[selection["pool"] == pool]
    first = min(rows["selection_method"].unique(), key=method_order)
    rows = rows[rows["selection_method"] == first]
    return dict(zip(rows["model_id"], rows["rank"].astype(int).tolist(), strict=True))


def rounded(value: float) -> float:
    """Return a number with as many digits as the page needs."""
    return float(f"{value:.{DIGITS}g}")
