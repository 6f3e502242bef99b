"""Tables for papers, as LaTeX and Markdown: mean and spread over seeds, the best in bold."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from pipeline import metric_names
from pipeline.runs.files import write_text
from pipeline.stages.report.selected_metrics import POOL_ROWS, method_name

DIGITS = 3
MAX_COLUMNS = 7  # metrics side by side that a page of a paper takes
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "\N{NO-BREAK SPACE}": "~", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "é": r"\'e",
}  # fmt: skip


class Markup(Protocol):
    """How a kind of file writes a table."""

    suffix: str

    def text(self, text: str) -> str:
        """Return plain text, escaped."""

    def number(self, mean: float, std: float, is_best: bool) -> str:
        """Return a number with its spread, bold if it is the best; a dash where there is none."""

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """Return a whole table of cells that are escaped already."""


class Latex:
    """LaTeX with booktabs."""

    suffix = ".tex"

    def text(self, text: str) -> str:
        """Return plain text, escaped."""
        return "".join(_LATEX.get(letter, letter) for letter in text)

    def number(self, mean: float, std: float, is_best: bool) -> str:
        """Return a number with its spread in mathematics, bold if it is the best."""
        if mean != mean:
            return "--"
        shown = f"{mean:.{DIGITS}f}"
        shown = rf"\mathbf{{{shown}}}" if is_best else shown
        return f"${shown}$" if std != std else rf"${shown} \pm {std:.{DIGITS}f}$"

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        r"""Return a `tabular`, to be put into a `table` or `table*` with \\input."""
        lines = [f"% {title}; needs \\usepackage{{booktabs}}"]
        lines += [rf"\begin{{tabular}}{{l{'c' * (len(header) - 1)}}}", r"\toprule"]
        lines += [" & ".join(header) + r" \\", r"\midrule"]
        lines += [" & ".join(row) + r" \\" for row in rows]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


class Markdown:
    """GitHub's Markdown."""

    suffix = ".md"

    def text(self, text: str) -> str:
        """Return plain text, escaped."""
        text = text.replace("\N{NO-BREAK SPACE}", " ")
        return re.sub(r"([\\|*_<>`\[\]])", r"\\\1", text)

    def number(self, mean: float, std: float, is_best: bool) -> str:
        """Return a number with its spread, bold if it is the best."""
        if mean != mean:
            return "–"
        shown = f"{mean:.{DIGITS}f}" + ("" if std != std else f" ± {std:.{DIGITS}f}")
        return f"**{shown}**" if is_best else shown

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """Return a heading and a table."""
        lines = [f"{title}", "", *("| " + " | ".join(row) + " |" for row in (header, *rows))]
        lines.insert(3, "|" + " --- |" + " ---: |" * (len(header) - 1))
        return "\n".join(lines) + "\n"


MARKUPS: tuple[Markup, ...] = (Latex(), Markdown())


def write_tables(folder: Path, settings: pd.DataFrame, selected: pd.DataFrame) -> list[Path]:
    """Write settings and selected models as LaTeX and Markdown.

    Args:
        folder: Where the files go.
        settings: From `summaries.setting_table`.
        selected: From `selected_metrics.paper_table`.

    Returns:
        The files; none of an empty table.
    """
    written = []
    for markup in MARKUPS:
        for name, text in (
            ("settings", settings_text(settings, markup)),
            ("selection_metrics", selected_text(selected, markup)),
        ):
            if text:
                path = folder / f"{name}{markup.suffix}"
                write_text(path, text)
                written.append(path)
    return written


def settings_text(settings: pd.DataFrame, markup: Markup) -> str:
    """Return means and spreads, one table for each protocol and few metrics."""
    texts = []
    for (protocol, dataset, representation), part in settings.groupby(
        ["protocol", "dataset", "representation"]
    ):
        part = part.assign(
            name=part["setting"].where(
                part["export"] == "final",
                part["setting"] + " (" + part["export"].str.replace("_", " ") + ")",
            )
        )
        metrics = sorted(part["metric"].unique(), key=metric_names.order)
        for start in range(0, len(metrics), MAX_COLUMNS):
            title = f"{dataset}, {representation}, protocol {protocol}: mean and standard deviation"
            shown = metrics[start : start + MAX_COLUMNS]
            texts.append(_settings_table(title, part, shown, markup))
    return "\n".join(texts)


def _settings_table(title: str, part: pd.DataFrame, metrics: list[str], markup: Markup) -> str:
    best = {}
    for metric in metrics:
        means = part[part["metric"] == metric]["mean"]
        end = metric_names.better_end(metric)
        if end and means.nunique() > 1:
            best[metric] = means.min() if end == "low" else means.max()
    rows = []
    for name, group in part.groupby("name"):
        scores = group.set_index("metric")
        cells = [markup.text(name)]
        for metric in metrics:
            if metric not in scores.index:
                cells.append(markup.number(float("nan"), float("nan"), False))
                continue
            mean, std = (float(scores.loc[metric, column]) for column in ("mean", "std"))
            cells.append(markup.number(mean, std, mean == best.get(metric)))
        rows.append(cells)
    titles = [markup.text(metric_names.title(metric)) for metric in metrics]
    return markup.table(markup.text(title), ["Setting", *titles], rows)


def selected_text(selected: pd.DataFrame, markup: Markup) -> str:
    """Return the metrics of the selected models beside those of their pool."""
    texts = []
    for pool, table in selected.groupby("pool"):
        columns = [name for name in metric_names.PAPER_TABLE if table[name].notna().any()]
        if not columns:
            continue
        found = table.set_index("row")
        methods = found.loc[[row for row in found.index if row not in POOL_ROWS]]
        rows = []
        for method, row in methods.iterrows():
            cells = [
                markup.number(
                    row[name],
                    float("nan"),
                    methods[name].nunique() > 1 and row[name] == methods[name].max(),
                )
                for name in columns
            ]
            rows.append([markup.text(method_name(method)), *cells])
        mean, std, best = (found.loc[name] for name in POOL_ROWS)
        rows.append(
            ["Mean of the pool", *(markup.number(mean[name], std[name], False) for name in columns)]
        )
        nothing = float("nan")
        rows.append(
            ["Best of the pool", *(markup.number(best[name], nothing, False) for name in columns)]
        )
        titles = [markup.text(metric_names.PAPER_TABLE[name][0]) for name in columns]
        title = f"pool {pool}, {int(mean['num_models'])} models, protocol {mean['protocol']}"
        texts.append(markup.table(markup.text(title), ["Selected by", *titles], rows))
    return "\n".join(texts)
