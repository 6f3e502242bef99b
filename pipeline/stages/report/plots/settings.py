"""Every metric of every setting: models as points, means and spreads over seeds."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pipeline import metric_names
from pipeline.datasets.own_values import natural_key
from pipeline.stages.report import summaries
from pipeline.stages.report.content import Report
from pipeline.stages.report.plots.centrality import score_text
from pipeline.stages.report.plots.groups import (
    GroupScores,
    all_groups,
    error_bars,
    group_labels,
    group_scores,
)
from pipeline.stages.report.plots.plot import Chart, Drawing, Plot, Points
from pipeline.stages.report.plots.style import (
    MAX_NAMED,
    PAGE,
    group_styles,
    new_figure,
    panels,
    short_name,
)

PANELS = 12  # metrics in one plot
KEYS = ["protocol", "representation", "dataset"]
CAPTION = (
    "Small points: models, with their intervals. Large point and thick bar: mean and sample "
    "standard deviation over seeds. Arrows point to the better end."
)


def find(report: Report) -> Iterator[Drawing]:
    """Yield the metrics of each protocol, a dozen to a plot."""
    run = report.tables
    if run.scores is None or run.scores.empty:
        return
    groups = all_groups(run)
    variants = run.scores[KEYS].drop_duplicates()
    for (protocol, *variant), scores in run.scores.groupby(KEYS, sort=True):
        named = [
            value
            for name, value in zip(KEYS[1:], variant, strict=True)
            if variants[name].nunique() > 1
        ]
        metrics = {}
        for _, metric in summaries.metric_columns(scores):
            if metric.endswith("_std"):  # spread of another score: in the tables
                continue
            rows = scores[scores["metric"] == metric]
            title, labels = metric_names.title(metric), group_labels(rows)
            metrics[title] = {group: group_scores(part) for group, part in rows.groupby(labels)}
        first = summaries.metric_columns(scores)[0][1]
        shown = _best_groups(metrics, metric_names.better_end(first))
        panels = PANELS if len(shown) <= 8 else PANELS // 2
        stem = re.sub(r"[^A-Za-z0-9_-]", "-", "_".join(["metrics", protocol, *named]))
        titles = list(metrics)
        panels = -(-len(titles) // -(-len(titles) // panels))  # as many in every plot
        for number, start in enumerate(range(0, len(titles), panels), start=1):
            part = {name: metrics[name] for name in titles[start : start + panels]}
            yield Drawing(
                stem=stem if number == 1 else f"{stem}_{number}",
                title=", ".join([f"Metrics per setting, protocol {protocol}", *named])
                + (f" ({number})" if number > 1 else "")
                + (f": {len(shown)} best of {len(groups)}" if len(shown) < len(groups) else ""),
                caption=CAPTION,
                table=_table(part, shown),
                draw=functools.partial(draw, part, groups=groups, shown=shown),
            )


PLOT = Plot("settings", find)


def _table(metrics: Mapping[str, Mapping[str, GroupScores]], shown: Sequence[str]) -> pd.DataFrame:
    rows = [
        pd.DataFrame(
            {
                "metric": title,
                "group": group,
                "model_id": scores.names,
                "value": scores.values,
                "ci_low": scores.low,
                "ci_high": scores.high,
                "mean": scores.values.mean(),
                "std": scores.values.std(ddof=1) if len(scores.values) > 1 else np.nan,
            }
        )
        for title, by_group in metrics.items()
        for group, scores in by_group.items()
        if group in shown
    ]
    return pd.concat(rows, ignore_index=True)


def draw(
    metrics: Mapping[str, Mapping[str, GroupScores]],
    *,
    groups: Sequence[str],
    shown: Sequence[str],
) -> Chart:
    """Draw every model's score by group, one panel for each metric.

    Args:
        metrics: For each metric's title, the scores of each group; at least one.
        groups: All groups of the report.
        shown: The groups to draw, from top to bottom; at most `MAX_NAMED` can be read.
    """
    styles = group_styles(groups)
    columns = min(3, len(metrics))
    rows = -(-len(metrics) // columns)
    height = 0.4 + (0.3 if len(shown) <= 8 else 0.2) * len(shown)
    figure = new_figure(PAGE, 0.2 + rows * (height + 0.25))
    places = panels(figure, len(metrics), columns=columns, sharey=True)
    values = []
    for axes, (name, scores) in zip(places, metrics.items(), strict=True):
        for row, group in enumerate(shown):
            if group in scores:
                values.append(_draw_group(axes, row, group, scores[group], styles[group]))
        axes.set_title(name)
        axes.set_yticks(np.arange(len(shown)), [short_name(group) for group in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.08)
        _widen(axes)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
    return Chart(figure, values)


def _draw_group(
    axes: Axes, row: int, group: str, scores: GroupScores, look: dict[str, Any]
) -> Points:
    """Draw one group's models as points side by side, and their mean and spread over them."""
    n = len(scores.values)
    order = np.argsort(scores.values, kind="stable")
    offsets = np.linspace(-0.3, 0.3, n)[::-1] if n > 1 else np.zeros(1)
    has_intervals = np.isfinite(scores.low).any()
    axes.errorbar(
        scores.values[order],
        row + offsets,
        xerr=error_bars(scores, order) if has_intervals else None,
        linestyle="",
        color=look["color"],
        ecolor=(look["color"], 0.3),
        elinewidth=0.8,
        marker=look["marker"],
        markersize=4.2 if n == 1 else 2.8 if n <= 20 else 1.6,
        markeredgewidth=0.0,
        alpha=1.0 if n == 1 else 0.5,
    )
    texts = [f"{scores.names[i]}: {score_text(scores, i)}" for i in order]
    x, y = scores.values[order], row + offsets
    if n > 1:
        mean, std = scores.values.mean(), scores.values.std(ddof=1)
        axes.plot([mean - std, mean + std], [row, row], color=look["color"], linewidth=2.4)
        axes.plot(
            mean,
            row,
            marker=look["marker"],
            markersize=6,
            color=look["color"],
            markeredgecolor="white",
            markeredgewidth=0.9,
        )
        x, y = np.append(x, mean), np.append(y, row)
        texts.append(f"{group}: {mean:.3f} ± {std:.3f} over {n} models".replace("-", "−"))
    return Points(axes, "", x, y, texts)


def _widen(axes: Axes) -> None:
    """Give the x axis a span that does not blow differences of no account up to its width."""
    low, high = axes.get_xlim()
    missing = 0.1 * max(1.0, abs(low), abs(high)) - (high - low)
    if missing > 0.0:
        axes.set_xlim(low - missing / 2.0, high + missing / 2.0)


def _best_groups(metrics: dict[str, dict[str, GroupScores]], better_end: str) -> list[str]:
    """Return the groups in natural order; of more than can be read, the first metric's best."""
    groups = sorted({group for scores in metrics.values() for group in scores}, key=natural_key)
    if len(groups) <= MAX_NAMED:
        return groups
    scores = next(iter(metrics.values()))
    sign = 1.0 if better_end == "low" else -1.0
    ranked = sorted(scores, key=lambda group: (sign * scores[group].values.mean(), group))
    return sorted(ranked[:MAX_NAMED], key=natural_key)
