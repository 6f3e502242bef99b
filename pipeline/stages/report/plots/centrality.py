"""The unsupervised score of models against a supervised one."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from pipeline import metric_names
from pipeline.stages.report import summaries
from pipeline.stages.report.content import Report
from pipeline.stages.report.plots.groups import (
    GroupScores,
    all_groups,
    error_bars,
    group_labels,
    group_scores,
    used_styles,
)
from pipeline.stages.report.plots.plot import Chart, Drawing, Plot, Points
from pipeline.stages.report.plots.style import (
    COLOURS,
    INK,
    MAX_NAMED,
    PAGE,
    add_legend,
    name_points,
    new_figure,
)
from pipeline.stages.report.texts import number_text


def find(report: Report) -> Iterator[Drawing]:
    """Yield a plot for each pool whose models were scored with known factors, too."""
    run = report.tables
    scores = run.main_scores
    if scores is None:
        return
    protocol, metric = report.main
    scores = scores[(scores["protocol"] == protocol) & (scores["metric"] == metric)]
    scores = scores.drop_duplicates("model_id").set_index("model_id", drop=False)
    pools: Sequence[str | None] = summaries.pool_names(run) or [None]
    for pool in pools:
        names, _, centrality = summaries.similarity_matrix(run, pool)
        both = np.array([name in scores.index for name in names], bool) & np.isfinite(centrality)
        if both.sum() < 2:
            continue
        rows = scores.loc[[name for name, known in zip(names, both, strict=True) if known]]
        values = group_scores(rows)
        groups = group_labels(rows).tolist()
        name = metric_names.name(metric)
        several = len(pools) > 1
        correlation = summaries.rank_correlation(values.values, centrality[both])
        found = "is not defined" if np.isnan(correlation) else f"{correlation:+.2f}"
        yield Drawing(
            stem=f"centrality_against_score_{pool}" if several else "centrality_against_score",
            title=f"ModelCentrality against {name}" + (f", pool {pool}" if several else ""),
            caption=(
                "Selection without labels, checked against the factors; the circle is the "
                f"selected. Spearman's correlation {found}.".replace("-", "−")
            ),
            table=pd.DataFrame(
                {
                    "model_id": values.names,
                    "group": groups,
                    "value": values.values,
                    "ci_low": values.low,
                    "ci_high": values.high,
                    "centrality": centrality[both],
                }
            ),
            draw=functools.partial(
                draw,
                groups,
                values,
                centrality[both],
                metric=name,
                selected=names[0],
                groups=all_groups(run),
            ),
        )


PLOT = Plot("selection", find)


def draw(
    group_of: Sequence[str],
    scores: GroupScores,
    centrality: np.ndarray,
    *,
    metric: str,
    selected: str | None,
    groups: Sequence[str],
) -> Chart:
    """Draw the unsupervised score against the supervised one, one point for each model.

    Args:
        group_of: The group of each of n models, most central first.
        scores: The supervised scores `[n]` with their intervals.
        centrality: `[n]`.
        metric: The name of the supervised metric.
        selected: The model to mark, or None.
        groups: All groups of the report.
    """
    names = list(scores.names)
    styles = used_styles(groups, group_of)
    figure = new_figure(PAGE, 3.7)
    axes = figure.subplots()
    for i, group in enumerate(group_of):
        look = styles[group]
        axes.errorbar(
            scores.values[i],
            centrality[i],
            xerr=error_bars(scores, [i]),
            color=look["color"],
            marker=look["marker"],
            markersize=5,
            markeredgecolor="white",
            markeredgewidth=0.5,
            elinewidth=0.8,
            ecolor=(look["color"], 0.3 if len(names) <= MAX_NAMED else 0.1),
        )
    if selected in names:
        i = names.index(selected)
        axes.plot(
            scores.values[i],
            centrality[i],
            "o",
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=INK,
            markeredgewidth=1.1,
        )
    axes.set_xlabel(f"{metric} with known factors")
    axes.set_ylabel("centrality (no labels used)")
    axes.margins(0.1)
    add_legend(figure, styles, lines=False)
    shown = [name_in_group(*pair) for pair in zip(names, group_of, strict=True)]
    name_points(
        axes,
        np.stack([scores.values, centrality], axis=1),
        (shown if len(styles) <= len(COLOURS) else names)[:MAX_NAMED],
        half_widths=error_bars(scores, np.arange(len(names))).max(axis=0),
    )
    texts = [
        f"{name}: {metric} {score_text(scores, i)}, centrality {number_text(centrality[i])}"
        for i, name in enumerate(names)
    ]
    return Chart(figure, [Points(axes, "", scores.values, centrality, texts)])


def score_text(scores: GroupScores, i: int) -> str:
    """Return a score with its interval, where it has one."""
    text = number_text(scores.values[i])
    if np.isfinite(scores.low[i]) and np.isfinite(scores.high[i]):
        text += f" ({number_text(scores.low[i])} to {number_text(scores.high[i])})"
    return text


def name_in_group(name: str, group: str) -> str:
    """Return what a model id says beyond its group, which the colour tells already."""
    return name.removeprefix(group).lstrip("-_/. ") or name
