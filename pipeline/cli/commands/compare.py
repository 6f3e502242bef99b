"""`run_pipeline.py compare`: scores and selections of several runs in one table."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.parser import add_json_argument, command_parser
from pipeline.errors import ConfigurationError, StageError
from pipeline.progress import announce
from pipeline.runs.directory import RunDirectory
from pipeline.runs.files import write_text
from pipeline.runs.tables import table_records, table_text
from pipeline.stages.report.comparison import render_comparison
from pipeline.stages.report.content import Report, make_report
from pipeline.stages.report.options import ReportOptions
from pipeline.stages.report.summaries import RunTables, metric_columns, model_table

DESCRIPTION = """\
Write the models of several runs as one table: run, model, setting, seed, every metric as
<protocol>.<metric>, and which selection methods selected it (with the pool, where a run has
several). As CSV in full precision, on the terminal or into a file; with --page as one page, too.
"""
EXAMPLES = """\
examples:
  python run_pipeline.py compare runs/alpha-1 runs/alpha-2
      everything, as CSV
  python run_pipeline.py compare runs/* --selected --metrics factor_vae,mig --markdown
      what was selected in each run, with two metrics, as a table to paste
  python run_pipeline.py compare runs/a runs/b --csv both.csv --page both.html
      into a file, and a page to look at and to send
"""
KEYS = (
    "run", "model_id", "setting", "method", "seed", "iteration", "export", "status", "dataset",
    "representation", "selected_by",
)  # fmt: skip
SHOWN_KEYS = ("run", "model_id", "selected_by")  # in Markdown
DIGITS = 3  # in Markdown


def main(arguments: Sequence[str]) -> int:
    """Write the table and return the exit code."""
    options = build_parser().parse_args(arguments)
    reports = read_runs(options.runs)
    table, warnings = compare(reports)
    for sentence in warnings:
        print(f"warning: {sentence}", file=sys.stderr)
    if options.metrics:
        table = _only_metrics(table, options.metrics)
    if options.selected:
        table = table[table["selected_by"] != ""]
        if table.empty:
            raise ConfigurationError(
                "None of the runs has selected a model that there is. Expected at least one with a "
                "finished select stage; leave --selected out to see all models."
            )
    place = options.csv or Path("the comparison")
    text = table_text(place, table, table.columns, may_be_empty=table.columns[2:])
    if options.csv is not None:
        write_text(options.csv, text)
        announce(f"{len(table)} models of {len(options.runs)} runs: {options.csv}", file=sys.stderr)
    if options.page is not None:
        write_text(options.page, render_comparison(reports, warnings, options.page.resolve()))
        announce(f"page of {len(reports)} runs: {options.page}", file=sys.stderr)
    if options.markdown:
        print(_markdown(table), end="")
    elif options.json:
        print(json.dumps(table_records(table), indent=1))
    elif options.csv is None and options.page is None:
        print(text, end="")
    return EXIT_DONE


def read_runs(runs: Sequence[Path]) -> dict[str, Report]:
    """Return what is known of some runs, by the paths that the user gave.

    Raises:
        ConfigurationError: A folder holds no run, or comes twice.
        StageError: A table of a run cannot be read.
    """
    if len({path.resolve() for path in runs}) < len(runs):
        raise ConfigurationError(
            "A run is named twice. Expected each run directory once. Received: "
            f"{', '.join(map(str, runs))}"
        )
    return {str(path): _read(path) for path in runs}


def compare(reports: Mapping[str, Report]) -> tuple[pd.DataFrame, list[str]]:
    """Return one table of the models of several runs, and what to know when comparing them.

    Args:
        reports: Run's name -> what is known of it.

    Returns:
        The table, with the columns `KEYS` and one for each <protocol>.<metric> of any run (empty
        where a run did not measure it), and sentences of warning.
    """
    parts: list[pd.DataFrame] = []
    pairs: dict[tuple[str, str], Any] = {}
    for name, report in reports.items():
        run = report.tables
        rows, _ = model_table(run)
        parts.append(rows.assign(run=name, selected_by=_selected_by(run, rows["model_id"])))
        if run.scores is not None:
            pairs |= dict.fromkeys(metric_columns(run.scores))
    columns = [*KEYS, *(f"{protocol}.{metric}" for protocol, metric in pairs)]
    table = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    return table.reindex(columns=columns), _warnings(reports)


def _read(path: Path) -> Report:
    run = RunDirectory(path)
    if not run.models_csv.exists():
        raise ConfigurationError(
            f"{path} holds no models to compare. Expected a run directory, such as "
            f"runs/quickstart, with the {run.models_csv.name} of the train stage. Received: {path}"
        )
    try:
        return make_report(run, str(path), ReportOptions())
    except ValueError as error:
        raise StageError(str(error)) from error


def _selected_by(run: RunTables, model_ids: pd.Series) -> list[str]:
    """Return the selection methods that chose each model, as "pool:method" in several pools."""
    if run.selection is None:
        return [""] * len(model_ids)
    chosen = run.selection[run.selection["selected"]]
    has_pools = run.selection["pool"].nunique() > 1
    names: dict[str, list[str]] = {}
    for row in chosen.itertuples():
        name = f"{row.pool}:{row.selection_method}" if has_pools else row.selection_method
        names.setdefault(row.model_id, []).append(name)
    return ["; ".join(names.get(model_id, ())) for model_id in model_ids]


def _warnings(reports: Mapping[str, Report]) -> list[str]:
    """Say what makes scores of the runs no fair comparison."""
    found, data, versions = [], set(), set()
    for name, report in reports.items():
        run = report.tables
        if run.scores is None:
            found.append(f"{name} has no scores yet: run its metrics stage")
            continue
        data |= set(zip(run.scores["dataset"], run.scores["data_fingerprint"], strict=True))
        versions |= set(run.scores["versions"])
    if len(data) > 1:
        names = ", ".join(sorted(f"{name} {digest[:8]}" for name, digest in data))
        found.append(f"the scores are of different images ({names}): do not compare them as equals")
    if len(versions) > 1:
        found.append("the scores were computed with different versions: see `versions` in each run")
    return found


def _only_metrics(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the table with the metrics of these names, in that order, under every protocol."""
    measured = [column for column in table.columns if column not in KEYS]
    chosen = [
        [column for column in measured if name in (column, column.partition(".")[2])]
        for name in names
    ]
    unknown = [name for name, columns in zip(names, chosen, strict=True) if not columns]
    if unknown:
        known = list(dict.fromkeys(column.partition(".")[2] for column in measured))
        raise ConfigurationError(
            f"--metrics: no run has measured {', '.join(unknown)}. Expected some of: "
            f"{', '.join(known) or '(nothing was measured)'}. Received: {','.join(names)}"
        )
    return table[[*KEYS, *dict.fromkeys(column for columns in chosen for column in columns)]]


def _markdown(table: pd.DataFrame) -> str:
    columns = [*SHOWN_KEYS, *(name for name in table.columns if name not in KEYS)]
    lines = [_row(columns), _row(["---"] * len(columns))]
    for _, row in table[columns].iterrows():
        lines.append(_row([_cell(value) for value in row]))
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    if value is None or value is pd.NA or value != value:  # only NaN differs from itself
        return ""
    if isinstance(value, float):
        return f"{value:.{DIGITS}f}"
    return str(value).replace("|", "\\|")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("compare", DESCRIPTION, EXAMPLES)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run directories")
    parser.add_argument(
        "--metrics",
        type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
        metavar="A,B",
        help="only these, such as factor_vae or cr.factor_vae; default: all",
    )
    parser.add_argument("--selected", action="store_true", help="only models that were selected")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table here")
    parser.add_argument(
        "--page",
        type=Path,
        metavar="FILE.html",
        help="write one page of all runs here: a table that sorts and filters, what was selected, "
        "the settings; it opens without a network and links to the runs' own pages",
    )
    add_json_argument(parser, "the table")
    parser.add_argument(
        "--markdown",
        action="store_true",
        help=f"print a Markdown table, rounded to {DIGITS} digits, instead of CSV",
    )
    return parser
