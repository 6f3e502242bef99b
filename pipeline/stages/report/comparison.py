"""One page over several runs: what each of them selected, its settings, and all of their models."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from pipeline.stages.report.content import Report
from pipeline.stages.report.page import render_sections
from pipeline.stages.report.sections import leaderboard, settings
from pipeline.stages.report.sections.section import Parts
from pipeline.stages.report.summaries import selected_table, setting_table

SCRIPTS = ("page.js", "leaderboard.js")
NOTHING = Parts((), (), {}, ())


def render_comparison(reports: Mapping[str, Report], warnings: Sequence[str], page: Path) -> str:
    """Return the page as HTML.

    Args:
        reports: Run's name -> what is known of it.
        warnings: What to know when comparing them.
        page: Where the page will be, from which it links to the runs.
    """
    tables = {name: _table(report) for name, report in reports.items()}
    runs = [
        {
            "name": name,
            "href": _link(report.directory.page, page),
            "models": len(report.finished),
            "selected": report.selected,
            "methods": selected_table(report.tables)[
                ["pool", "selection_method", "model_id", "selected_score", "confidence"]
            ].to_dict("records"),
        }
        for name, report in reports.items()
    ]
    metrics = list(
        {
            (one["protocol"], one["metric"]): one
            for table in tables.values()
            for one in table["metrics"]
        }.values()
    )
    merged = _merged(reports, tables, metrics, page)
    return render_sections(
        f"{len(reports)} runs",
        [
            _section("runs", "Runs", {"runs": runs}, warnings),
            _section("settings", "Metrics per setting", _settings(reports)),
            _section("leaderboard", "All models", {"data": merged}),
        ],
        SCRIPTS,
    )


def _section(
    key: str, title: str, content: Mapping[str, Any], notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what the template of pages reads of a section that has neither plots nor pictures."""
    return {
        "key": key,
        "title": title,
        "template": f"sections/{key}.html",
        "content": content,
        "notes": notes,
        "tables": [],
        "plots": [],
        "pictures": [],
    }


def _table(report: Report) -> dict[str, Any]:
    return leaderboard.build(report, NOTHING)["data"]


def _merged(
    reports: Mapping[str, Report],
    tables: Mapping[str, Mapping[str, Any]],
    metrics: Sequence[Mapping[str, Any]],
    page: Path,
) -> dict[str, Any]:
    """Return the tables of all models as one, each row with its run and a link to its page."""
    place = {(one["protocol"], one["metric"]): number for number, one in enumerate(metrics)}
    rows: list[dict[str, Any]] = []
    shown: dict[int, Any] = {}
    for name, table in tables.items():
        report = reports[name]
        numbers = [place[one["protocol"], one["metric"]] for one in table["metrics"]]
        shown |= dict.fromkeys(numbers[number] for number in table["shown"])
        link = _link(report.directory.page, page)
        for row in table["rows"]:
            cells = {numbers[number]: cell for number, cell in row["cells"].items()}
            href = link and f"{link}#model={quote(row['id'], safe='')}"
            is_selected = row["id"] == report.selected
            rows.append({**row, "run": name, "href": href, "selected": is_selected, "cells": cells})
    first = list(shown)[: leaderboard.NUM_SHOWN]
    return {"metrics": metrics, "rows": rows, "shown": first, "selected": None}


def _settings(reports: Mapping[str, Report]) -> Mapping[str, Any]:
    """Return means and spreads over seeds, a row for each run and setting."""
    tables = [
        table.assign(setting=f"{name}: " + table["setting"])
        for name, report in reports.items()
        if len(table := setting_table(report.tables))
    ]
    return settings.content_of(pd.concat(tables)) if tables else {"protocols": []}


def _link(target: Path, page: Path) -> str | None:
    """Return the address of a run's page from the page; None where there is none."""
    if not target.exists():
        return None
    return quote(os.path.relpath(target, page.parent).replace(os.sep, "/"))
