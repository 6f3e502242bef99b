"""The first section: the data, the methods, the models, what was selected, and how sure that is."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline import metric_names
from pipeline.stages.report.content import Report
from pipeline.stages.report.sections.section import Parts, Section
from pipeline.stages.report.selected_metrics import method_name
from pipeline.stages.report.summaries import selected_table
from pipeline.stages.report.texts import interval_text, number_text


def build(report: Report, parts: Parts) -> Mapping[str, Any]:
    """Return facts, the selected model, the models by setting, and those that failed."""
    models = report.tables.models
    failed = models[models["status"] != "done"]
    selected = None
    if report.selected is not None:
        selected = report.model(report.selected).to_dict()
    return {
        "facts": _facts(report),
        "reason": report.reason,
        "selected": selected,
        "sureness": _sureness(report),
        "settings": [_setting(*group) for group in models.groupby(["setting", "method", "export"])],
        "failed": failed.to_dict("records"),
        "num_exports": len(models),
    }


SECTION = Section("summary", "What was run", build, ("../models.csv", "tables/selected.csv"))


def _facts(report: Report) -> list[tuple[str, str]]:
    models = report.tables.models
    final = models[models["export"] == "final"]
    done = int((final["status"] == "done").sum())
    facts = [("Models trained", f"{done} of {len(final)}" if done < len(final) else str(done))]
    scores = report.tables.scores
    if scores is not None and not scores.empty:
        facts.append(("Data set", ", ".join(sorted(scores["dataset"].unique()))))
    methods = sorted(final["method"].unique())
    if len(methods) <= 4:
        facts.append(("Methods" if len(methods) > 1 else "Method", ", ".join(methods)))
    else:
        facts.append(("Methods", str(len(methods))))
    facts.append(("Settings", str(final["setting"].nunique())))
    if report.selected is not None:
        facts.append(("Selected model", report.selected))
        score = report.score(report.selected)
        if score is not None:
            name = metric_names.name(report.main[1])
            facts.append((f"{name} ({report.main[0]})", number_text(score["value"])))
    return facts


def _sureness(report: Report) -> list[str]:
    """Return sentences on the interval of the selected model's score and on the selection."""
    if report.selected is None:
        return []
    sentences = []
    score = report.score(report.selected)
    if score is not None:
        name = metric_names.name(report.main[1])
        text = f"{name} ({report.main[0]}): {number_text(score['value'])}"
        if interval := interval_text(score):
            text += f", interval {interval}"
        sentences.append(f"{text}.")
    chosen = selected_table(report.tables)
    chosen = chosen[(chosen["model_id"] == report.selected) & chosen["confidence"].notna()]
    chosen = chosen.drop_duplicates("selection_method").sort_values(
        "confidence", ascending=False, kind="stable"
    )
    if not chosen.empty:
        shares = [
            f"{row['confidence']:.0%} by {method_name(row['selection_method'])}"
            for row in chosen.to_dict("records")
        ]
        sentences.append(f"Of the bootstrap resamples it wins {', '.join(shares)}.")
    return sentences


def _setting(key: tuple[str, str, str], models: pd.DataFrame) -> dict[str, Any]:
    done = models[models["status"] == "done"]
    setting, method, export = key
    return {
        "setting": setting,
        "method": method,
        "export": export.replace("_", " "),
        "done": f"{len(done)} of {len(models)}",
        "seeds": _range(models["seed"]),
        "iterations": _range(done["iteration"].dropna()),
        "parameters": _range(done["parameters"].dropna()),
        "minutes": number_text(done["train_seconds"].mean() / 60.0, 1),
    }


def _range(values: pd.Series) -> str:
    """Return whole numbers as text: one, or the lowest and highest."""
    if values.empty:
        return "–"
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} – {high:,}"
