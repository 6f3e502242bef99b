"""What each selection method chose, how good that is, the warnings, and the ranking."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline import metric_names
from pipeline.selection import METHODS
from pipeline.stages.report import selected_metrics, summaries
from pipeline.stages.report.content import Report
from pipeline.stages.report.sections.section import Parts, Section
from pipeline.stages.report.selected_metrics import POOL_ROWS, method_name, method_order

NUMBERS = (
    ("selected_score", "Score"),
    ("confidence", "Confidence"),
    ("supervised_value", "Supervised value"),
    ("pool_best", "Best in pool"),
    ("pool_median", "Median of pool"),
    ("regret_to_best", "Regret to best"),
    ("gain_over_median", "Gain over median"),
    ("rank_correlation", "Rank correlation"),
)
MANY_ROWS = 20  # longer tables of rankings are folded away


def build(report: Report, parts: Parts) -> Mapping[str, Any]:
    """Return, for each pool, what was selected, at which regret, warnings and the ranking."""
    run = report.tables
    selected = summaries.selected_table(run)
    paper = selected_metrics.paper_table(run)
    pools = summaries.pool_names(run) or sorted(selected["pool"].unique())
    measured = sorted(set(selected["supervised_metric"]) - {""})
    return {
        "pools": [
            _pool(
                pool,
                selected[selected["pool"] == pool],
                paper[paper["pool"] == pool],
                None if run.selection is None else run.selection[run.selection["pool"] == pool],
            )
            for pool in pools
        ],
        "supervised": ", ".join(metric_names.name(metric) for metric in measured),
        "has_confidence": bool(selected["confidence"].notna().any()),
    }


SECTION = Section(
    "selection",
    "Selection",
    build,
    ("tables/selected.csv", "tables/selection_metrics.csv", "../selection.csv"),
)


def _pool(
    pool: str, chosen: pd.DataFrame, paper: pd.DataFrame, selection: pd.DataFrame | None
) -> dict[str, Any]:
    return {
        "name": pool,
        "warnings": _warnings(chosen),
        "informative": _informative(chosen, selection),
        "paper": _paper(paper),
        "regret": _regret(chosen),
        "ranking": None if selection is None else _ranking(selection),
    }


def _warnings(chosen: pd.DataFrame) -> list[str]:
    """Return each warning once, with the methods that it concerns unless it concerns all."""
    methods: dict[str, list[str]] = {}
    for row in chosen.to_dict("records"):
        for text in filter(None, row["warnings"].split("; ")):
            methods.setdefault(text, []).append(method_name(row["selection_method"]))
    return [
        f"{text[0].upper()}{text[1:]}."
        if len(names) == len(chosen)
        else f"{', '.join(names)}: {text}."
        for text, names in methods.items()
    ]


def _informative(chosen: pd.DataFrame, selection: pd.DataFrame | None) -> str:
    """Return a sentence on how many codes the models of a pool use; empty where it is not known."""
    usual = chosen["usual_num_informative"].dropna()
    if selection is None or usual.empty:
        return ""
    counts = selection["num_informative"].dropna().astype(int)
    low, high = counts.min(), counts.max()
    spread = f"{low}" if low == high else f"{low} to {high}"
    return (
        f"Informative codes, which tell anything about an image: {spread} of each model, "
        f"of half of the models {int(usual.iloc[0])} or fewer."
    )


def _paper(table: pd.DataFrame) -> dict[str, Any] | None:
    """Return the paper's table of one pool as rows and columns."""
    columns = [name for name in metric_names.PAPER_TABLE if table[name].notna().any()]
    if not columns:
        return None
    found = table.set_index("row")
    methods = found.loc[[row for row in found.index if row in METHODS]]
    rows = []
    for method, row in methods.iterrows():
        values = [
            (row[name], methods[name].nunique() > 1 and row[name] == methods[name].max())
            for name in columns
        ]
        rows.append({"name": method_name(method), "small": row["model_id"], "values": values})
    mean, std, best = (found.loc[name] for name in POOL_ROWS)
    learner = ", ".join(sorted(set(table["dci_learner"].dropna()) - {""})).replace("_", " ")
    return {
        "protocol": mean["protocol"],
        "learner": learner,
        "titles": [metric_names.PAPER_TABLE[name][0] for name in columns],
        "rows": rows,
        "num_models": int(mean["num_models"]),
        "means": [(mean[name], std[name]) for name in columns],
        "best": [best[name] for name in columns],
    }


def _regret(chosen: pd.DataFrame) -> dict[str, Any] | None:
    """Return what each method selected and how it stands in the pool."""
    if chosen.empty:
        return None
    shown = [(key, name) for key, name in NUMBERS if chosen[key].notna().any()]
    rows = [
        {
            "name": method_name(row["selection_method"]),
            "model_id": row["model_id"],
            "numbers": [row[key] for key, _ in shown],
            "num_models": int(row["num_models"]),
            "cells": _share(row["num_cells"], row["num_models"]),
        }
        for row in sorted(
            chosen.to_dict("records"), key=lambda row: method_order(row["selection_method"])
        )
    ]
    has_cells = bool(chosen["num_cells"].notna().any())
    return {"titles": [name for _, name in shown], "rows": rows, "has_cells": has_cells}


def _share(num_cells: float, num_models: int) -> str:
    if pd.isna(num_cells):
        return "–"
    return f"{int(num_cells):,} ({num_cells / num_models**2:.0%})"


def _ranking(selection: pd.DataFrame) -> dict[str, Any]:
    """Return rank, score and confidence of each model by each method."""
    methods = sorted(selection["selection_method"].unique(), key=method_order)
    confident = {
        method
        for method, part in selection.groupby("selection_method")
        if part["confidence"].notna().any()
    }
    found = {(r["model_id"], r["selection_method"]): r for r in selection.to_dict("records")}
    first = selection[selection["selection_method"] == methods[0]].sort_values("rank")["model_id"]
    order = list(dict.fromkeys([*first, *selection["model_id"]]))
    return {
        "methods": [
            {"name": method_name(method), "has_confidence": method in confident}
            for method in methods
        ],
        "rows": [
            (model_id, [found.get((model_id, method)) for method in methods]) for model_id in order
        ],
        "is_folded": len(order) > MANY_ROWS,
    }
