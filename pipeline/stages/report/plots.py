"""The plots of the report, one function each; every function writes one PNG.

Models are coloured by group: their setting, with snapshots taken before the contrastive
regulariser was switched on as a group of their own.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.stages.report.plot_curves import Curve, draw_curves
from pipeline.stages.report.plot_style import (
    COLOURS,
    GRID,
    INK,
    MAX_NAMED,
    add_legend,
    group_styles,
    name_points,
    new_figure,
    panels,
    plot_file,
    short_name,
)

MAX_ANNOTATED = 12  # models up to which a similarity matrix carries its numbers


@dataclasses.dataclass(frozen=True)
class GroupScores:
    """The scores of a group's models in one metric: values, interval ends, each `[n]`.

    The ends of an interval are NaN where there is none.
    """

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


@plot_file
def metric_curves(
    curves: Sequence[Curve], *, metric: str, groups: Sequence[str], marks: Sequence[int]
) -> Figure:
    """Draw a metric against training iterations, one line a model.

    Args:
        curves: The models' values.
        metric: The name of the metric.
        groups: All groups of the report, so that a group has one colour in every plot.
        marks: Iterations just before the contrastive regulariser was switched on.
    """
    styles = _used(group_styles(groups), [curve.group for curve in curves])
    figure = new_figure(8.0, 4.2, f"{metric} during training")
    axes = figure.subplots()
    draw_curves(axes, curves, styles, marks, name_marks=True)
    axes.set_ylabel(metric)
    values = np.concatenate([curve.values for curve in curves])
    if values.min() >= 0.0 and values.max() <= 1.0:
        axes.set_ylim(max(0.0, values.min() - 0.08), min(1.02, values.max() + 0.08))
    add_legend(figure, styles, lines=True)
    return figure


@plot_file
def training_curves(
    losses: Mapping[str, Sequence[Curve]], *, groups: Sequence[str], marks: Sequence[int]
) -> Figure:
    """Draw each loss against training iterations in a panel of its own, one line a model.

    Args:
        losses: For each column of the histories, the models' values.
        groups: All groups of the report.
        marks: Iterations just before the contrastive regulariser was switched on.
    """
    styles = _used(group_styles(groups), [c.group for curves in losses.values() for c in curves])
    rows = -(-len(losses) // 3)
    figure = new_figure(3.5 * min(3, len(losses)) + 0.5, 2.5 * rows + 0.9, "Training curves")
    places = panels(figure, len(losses), columns=3)
    for axes, (name, curves) in zip(places, losses.items(), strict=True):
        draw_curves(axes, curves, styles, marks, name_marks=False)
        axes.set_title(name.replace("_", " "))
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
    add_legend(figure, styles, lines=True)
    return figure


@plot_file
def similarity_matrix(
    names: Sequence[str], similarity: np.ndarray, centrality: np.ndarray, *, selected: str | None
) -> Figure:
    """Draw the symmetrised cross scores and the centrality of each model, most central first.

    Args:
        names: n model ids.
        similarity: `[n, n]`, NaN where nothing is known (the diagonal).
        centrality: `[n]`, the mean of each row.
        selected: The model to mark, or None.
    """
    n = len(names)
    side = float(np.clip(1.8 + 0.46 * n, 4.2, 7.2))
    figure = new_figure(side + 3.4, side + 0.7, "How well models agree on their factors")
    axes, points = figure.subplots(1, 2, width_ratios=(side, 1.5), sharey=n <= MAX_NAMED)
    shown = np.ma.masked_invalid(similarity)
    axes.set_facecolor(GRID)
    image = axes.imshow(shown, cmap="YlGnBu", interpolation="nearest", aspect="auto")
    if n <= MAX_ANNOTATED:
        low, high = float(shown.min()), float(shown.max())
        for (row, column), value in np.ndenumerate(similarity):
            if np.isfinite(value):
                dark = value > low + 0.6 * (high - low)
                axes.text(
                    column,
                    row,
                    f"{value:.2f}".removeprefix("0"),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if dark else INK,
                )
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel("the same models in the same order; the diagonal does not count")
    order = np.arange(n)
    if n <= MAX_NAMED:
        labels = [short_name(name) for name in names]
        axes.set_yticks(order, labels)
        axes.set_xticks(order, [str(i + 1) for i in order])
    else:
        axes.set_yticks([0, n - 1], ["most central", "least central"])
        axes.set_xticks([])
        points.set_ylim(n - 0.5, -0.5)
        points.set_yticks([])
    colours = ["#D55E00" if name == selected else "#0072B2" for name in names]
    points.scatter(centrality, order, s=44 if n <= MAX_NAMED else 10, color=colours)
    if selected in names and n <= MAX_NAMED:
        axes.get_yticklabels()[list(names).index(selected)].set_fontweight("bold")
    points.tick_params(axis="y", length=0, labelleft=False)
    points.grid(False, axis="y")
    points.spines["left"].set_visible(False)
    finite = centrality[np.isfinite(centrality)]
    if finite.size:
        spread = max(float(np.ptp(finite)), 0.02)
        points.set_xlim(finite.min() - 0.15 * spread, finite.max() + 0.15 * spread)
    points.xaxis.set_major_locator(MaxNLocator(3, steps=(1, 2, 5, 10)))
    points.set_title(
        "centrality" + (" (selected: orange)" if selected in names else ""), fontsize=9
    )
    figure.colorbar(
        image,
        ax=[axes, points],
        location="right",
        fraction=0.04,
        pad=0.02,
        aspect=30,
        label="FactorVAE score between models",
    ).outline.set_visible(False)
    return figure


@plot_file
def centrality_against_score(
    names: Sequence[str],
    groups: Sequence[str],
    scores: GroupScores,
    centrality: np.ndarray,
    *,
    metric: str,
    correlation: float,
    selected: str | None,
    all_groups: Sequence[str],
) -> Figure:
    """Draw the unsupervised score against the supervised one, a point a model.

    Args:
        names: n model ids, most central first.
        groups: The group of each model.
        scores: The supervised scores `[n]` with their intervals.
        centrality: `[n]`.
        metric: The name of the supervised metric.
        correlation: Spearman's rank correlation of the two, NaN if undefined.
        selected: The model to mark, or None.
        all_groups: All groups of the report.
    """
    styles = _used(group_styles(all_groups), groups)
    found = "not defined" if np.isnan(correlation) else f"{correlation:+.2f}".replace("-", "−")
    figure = new_figure(7.2, 5.0, f"ModelCentrality against {metric} (Spearman {found})")
    axes = figure.subplots()
    for i, group in enumerate(groups):
        look = styles[group]
        axes.errorbar(
            scores.values[i],
            centrality[i],
            xerr=_error_bars(scores, [i]),
            color=look["color"],
            marker=look["marker"],
            markersize=6.5,
            markeredgecolor="white",
            markeredgewidth=0.7,
            elinewidth=1.0,
            ecolor=(look["color"], 0.3 if len(names) <= MAX_NAMED else 0.1),
        )
    if selected in names:
        i = list(names).index(selected)
        axes.plot(
            scores.values[i],
            centrality[i],
            "o",
            markersize=15,
            markerfacecolor="none",
            markeredgecolor=INK,
            markeredgewidth=1.4,
        )
    axes.set_xlabel(f"{metric} with known factors")
    axes.set_ylabel("centrality (no labels used)")
    axes.margins(0.1)
    add_legend(figure, styles, lines=False)
    name_points(
        axes,
        np.stack([scores.values, centrality], axis=1),
        [_name_in_group(*pair) for pair in zip(names, groups, strict=True)][:MAX_NAMED]
        if len(styles) <= len(COLOURS)
        else names[:MAX_NAMED],
        half_widths=_error_bars(scores, np.arange(len(names))).max(axis=0),
    )
    return figure


@plot_file
def metrics_per_setting(
    metrics: Mapping[str, Mapping[str, GroupScores]],
    *,
    groups: Sequence[str],
    shown: Sequence[str],
    title: str,
) -> Figure:
    """Draw every model's score by group, a panel a metric, with the mean and spread over seeds.

    Args:
        metrics: For each metric's title, the scores of each group; at least one.
        groups: All groups of the report.
        shown: The groups to draw, from top to bottom; at most `MAX_NAMED` can be read.
        title: The title of the plot.
    """
    styles = group_styles(groups)
    columns = min(3, len(metrics))
    rows = -(-len(metrics) // columns)
    longest = max(len(short_name(group)) for group in shown)
    height = 0.65 + (0.42 if len(shown) <= 8 else 0.28) * len(shown)
    figure = new_figure(
        0.6 + 0.068 * longest + 2.75 * columns, 0.75 + rows * (height + 0.35), title
    )
    places = panels(figure, len(metrics), columns=columns, sharey=True)
    for axes, (name, scores) in zip(places, metrics.items(), strict=True):
        for row, group in enumerate(shown):
            if group in scores:
                _draw_group(axes, row, scores[group], styles[group])
        axes.set_title(name, fontsize=9.5)
        axes.set_yticks(np.arange(len(shown)), [short_name(group) for group in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.08)
        _widen(axes)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
    return figure


def _draw_group(axes: Axes, row: int, scores: GroupScores, look: dict[str, Any]) -> None:
    """Draw one group's models as points side by side, and their mean and spread over them."""
    n = len(scores.values)
    order = np.argsort(scores.values, kind="stable")
    offsets = np.linspace(-0.3, 0.3, n)[::-1] if n > 1 else np.zeros(1)
    axes.errorbar(
        scores.values[order],
        row + offsets,
        xerr=_error_bars(scores, order),
        linestyle="",
        color=look["color"],
        ecolor=(look["color"], 0.3),
        elinewidth=1.0,
        marker=look["marker"],
        markersize=5.5 if n == 1 else 3.6 if n <= 20 else 2.0,
        markeredgewidth=0.0,
        alpha=1.0 if n == 1 else 0.5,
    )
    if n > 1:
        mean, std = scores.values.mean(), scores.values.std(ddof=1)
        axes.plot([mean - std, mean + std], [row, row], color=look["color"], linewidth=3.2)
        axes.plot(
            mean,
            row,
            marker=look["marker"],
            markersize=8,
            color=look["color"],
            markeredgecolor="white",
            markeredgewidth=1.2,
        )


def _widen(axes: Axes) -> None:
    """Give the x axis a span that does not blow differences of no account up to its width."""
    low, high = axes.get_xlim()
    missing = 0.1 * max(1.0, abs(low), abs(high)) - (high - low)
    if missing > 0.0:
        axes.set_xlim(low - missing / 2.0, high + missing / 2.0)


def _name_in_group(name: str, group: str) -> str:
    """Return what a model id says beyond its group, which the colour tells already."""
    return name.removeprefix(group).lstrip("-_/. ") or name


def _error_bars(scores: GroupScores, indices: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the lengths of error bars `[2, n]`; zero where there is no interval."""
    values = scores.values[indices]
    lengths = np.stack([values - scores.low[indices], scores.high[indices] - values])
    return np.maximum(np.nan_to_num(lengths), 0.0)


def _used(styles: dict[str, dict[str, Any]], groups: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {group: look for group, look in styles.items() if group in set(groups)}
