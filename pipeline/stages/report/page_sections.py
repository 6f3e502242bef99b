"""The sections of the report page that are tables of metrics: by setting and by model."""

from collections.abc import Callable, Mapping
from html import escape

import pandas as pd

from pipeline import metric_names
from pipeline.stages.report import html_parts as parts
from pipeline.stages.report import summaries


def settings_section(run: summaries.RunTables) -> list[str]:
    """Return the means of each setting over its seeds, a table a protocol."""
    table = summaries.setting_table(run)
    if table.empty:
        return []

    def setting_cell(score: dict, best: str) -> str:
        spread = "" if score["num_seeds"] < 2 else f" ± {parts.number(score['std'])}"
        seeds = "1 seed" if score["num_seeds"] == 1 else f"{score['num_seeds']} seeds"
        return parts.cell(parts.number(score["mean"]) + spread, small=seeds, kind=best)

    snapshots = table["setting"] + " (" + table["export"].str.replace("_", " ") + ")"
    names = table["setting"].where(table["export"] == "final", snapshots)
    table = table.assign(name=names, value=table["mean"])
    text = (
        "Mean ± sample standard deviation over seeds, with the number of seeds. The best mean of "
        "each metric is shaded."
    )
    return [parts.paragraph(text), *_metric_tables(table, "Setting", setting_cell)]


def models_section(run: summaries.RunTables) -> list[str]:
    """Return every metric of every model, a table a protocol."""
    if run.scores is None or run.scores.empty:
        return []

    def model_cell(score: dict, best: str) -> str:
        small = interval(score).replace(" to ", " – ")
        return parts.cell(parts.number(score["value"]), small=small, kind=best)

    text = "Every metric of every model, with its interval below it where there is one."
    table = run.scores.assign(name=run.scores["model_id"])
    return [parts.paragraph(text), *_metric_tables(table, "Model", model_cell)]


def _metric_tables(
    scores: pd.DataFrame, what: str, cell_of: Callable[[dict, str], str]
) -> list[str]:
    """Return a table a protocol, one row a name, one column a metric.

    Args:
        scores: Long: name, representation, dataset, protocol, metric, value and what `cell_of`
            needs.
        what: The heading of the names.
        cell_of: Makes the cell of a row of `scores`, given "best" for the best of its column.
    """
    keys = ["name", "representation", "dataset"]
    section = []
    for protocol, part in scores.groupby("protocol"):
        metrics = sorted(part["metric"].unique(), key=metric_names.order)
        best = {metric: _best(part[part["metric"] == metric], metric) for metric in metrics}
        rows = []
        for key, group in part.groupby(keys):
            found = {score["metric"]: score for score in group.to_dict("records")}
            variant = [v for k, v in zip(keys[1:], key[1:], strict=True) if part[k].nunique() > 1]
            row = [parts.cell(", ".join([key[0], *variant]))]
            for metric in metrics:
                if metric not in found:
                    row.append(parts.cell("–"))
                    continue
                shade = "best" if found[metric]["value"] == best[metric] else ""
                row.append(cell_of(found[metric], shade))
            rows.append(row)
        titles = [metric_names.title(metric) for metric in metrics]
        section.append(f"<h3>Protocol {escape(protocol)}</h3>")
        section.append(parts.table([what, *titles], rows))
    return section


def _best(scores: pd.DataFrame, metric: str) -> float | None:
    """Return the best value, or None where nothing is better than another."""
    end = metric_names.better_end(metric)
    if scores["value"].nunique() < 2 or not end:
        return None
    return scores["value"].min() if end == "low" else scores["value"].max()


def interval(score: Mapping) -> str:
    """Return the interval of a row of the scores table as text; empty where there is none."""
    if score["ci_low"] != score["ci_low"] or score["ci_high"] != score["ci_high"]:
        return ""
    return f"{parts.number(score['ci_low'])} to {parts.number(score['ci_high'])}"
