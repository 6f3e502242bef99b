"""Sentences about what a report lacks, and why."""

from pipeline.stages.report.content import Report
from pipeline.stages.report.summaries import RunTables


def gaps(report: Report) -> list[tuple[str, str]]:
    """Return (section, sentence) about stages that have not run and data without labels."""
    run = report.tables
    found = []
    if run.scores is None:
        for section in ("settings", "leaderboard"):
            found.append((section, "The metrics stage has not run: scores.csv does not exist."))
    elif run.scores.empty:
        found.append(("settings", "The metrics stage measured nothing: scores.csv has no rows."))
    elif not run.has_factor_metrics:
        found.append(
            (
                "settings",
                "No metric was measured that needs known factors: the data have no labels, or "
                "none was asked for. Supervised scores and rankings are therefore left out.",
            )
        )
    if run.num_left_out:
        found.append(
            (
                "leaderboard",
                f"{run.num_left_out} rows of scores.csv belong to models that models.csv does "
                f"not name; they are left out. Run the metrics stage again.",
            )
        )
    if report.selected is not None and not report.export(report.selected).traversals.exists():
        text = f"The train stage wrote no traversals of {report.selected}."
        found.append(("traversals", text))
    return found + selection_gaps(run)


def selection_gaps(run: RunTables) -> list[tuple[str, str]]:
    """Return (section, sentence) about rankings that are missing or left out."""
    found = []
    if run.stale_pools:
        text = (
            f"Left out: {', '.join(run.stale_pools)}, selected among models of which some are no "
            "longer in models.csv. Run the select stage again."
        )
        found.append(("selection", text))
    num_done = int(((run.models["status"] == "done") & (run.models["export"] == "final")).sum())
    if run.cross_scores is None and run.selection is None:
        if run.stale_pools:
            return found
        if num_done < 2:
            text = f"Selection needs two models or more; this run has {num_done}."
        else:
            text = "The select stage has not run: cross_scores.csv and selection.csv do not exist."
        return [*found, ("selection", text)]
    missing = [
        name
        for name, table in (
            ("cross_scores.csv", run.cross_scores),
            ("selection.csv", run.selection),
            ("selection_summary.csv", run.selection_summary),
        )
        if table is None
    ]
    if not missing:
        return found
    text = f"The select stage has not run to its end: {', '.join(missing)} does not exist."
    return [*found, ("selection", text)]
