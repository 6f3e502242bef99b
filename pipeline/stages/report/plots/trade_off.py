"""How well kinds are told apart against the quality of images, along a weight."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullLocator

from pipeline import metric_names
from pipeline.stages.report.content import Report
from pipeline.stages.report.plots.plot import Chart, Drawing, Plot, Points
from pipeline.stages.report.plots.style import (
    PAGE,
    add_legend,
    group_styles,
    name_points,
    new_figure,
)
from pipeline.stages.report.texts import number_text
from pipeline.stages.report.trade_offs import TradeOff, trade_off_scores, trade_offs, worst_class

WIDE = 10.0  # the largest distance is so many times the smallest: a logarithmic axis


def find(report: Report) -> Iterator[Drawing]:
    """Yield one plot of all methods whose models differ in one weight."""
    curves, scores = trade_offs(report), trade_off_scores(report)
    if not curves or scores is None:
        return
    name, distance = (metric_names.name(column) for column in scores.columns)
    yield Drawing(
        stem="trade_off",
        title=f"{name} against {distance}",
        caption=(
            "A line for each method and weight, everything else alike along it. The numbers are "
            "the weight; large points are means over seeds, small ones models. Good: above, left."
        ),
        table=_table(report, curves, scores),
        draw=functools.partial(draw, curves, scores),
    )


PLOT = Plot("classes", find)


def _table(report: Report, curves: Sequence[TradeOff], scores: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for curve in curves:
        for model_id, value in curve.values.items():
            row = {"group": curve.label, "weight": value, "model_id": model_id}
            row |= scores.loc[model_id].to_dict()
            worst = worst_class(report, model_id)
            row |= {"worst_class": worst.code if worst else None}
            rows.append(row | {"worst_share": worst.share if worst else None})
    return pd.DataFrame(rows)


def draw(curves: Sequence[TradeOff], scores: pd.DataFrame) -> Chart:
    """Draw a score of classes against a distance of images, a line for each curve.

    Args:
        curves: The models of each line.
        scores: One row for each model (its id is the index); first column: the score, second: the
            distance.
    """
    score, distance = scores.columns
    styles = group_styles([curve.label for curve in curves])
    figure = new_figure(PAGE, 3.6)
    axes = figure.subplots()
    values, names, places = [], [], []
    for curve in curves:
        look = styles[curve.label]
        members = scores.loc[list(curve.values)]
        up, across = (members[column].to_numpy(np.float64) for column in (score, distance))
        plain = {"color": look["color"], "marker": look["marker"]}
        axes.plot(across, up, linestyle="", markersize=3, alpha=0.5, markeredgewidth=0, **plain)
        texts = [
            f"{model_id} ({curve.weight.replace('_', ' ')} {curve.values[model_id]:g}): "
            + _score_text(scores, up[i], across[i])
            for i, model_id in enumerate(curve.values)
        ]
        values.append(Points(axes, "", across, up, texts))
        means = np.array(
            [
                scores.loc[models, [distance, score]].to_numpy(np.float64).mean(axis=0)
                for models in curve.settings.values()
            ]
        )
        axes.plot(*means.T, markersize=6, markeredgecolor="white", markeredgewidth=0.9, **look)
        names += [f"{value:g}" for value in curve.settings]
        places.append(means)
    axes.set_xlabel(metric_names.title(distance))
    axes.set_ylabel(metric_names.title(score))
    found = scores[distance].to_numpy(np.float64)
    if found.min() > 0 and found.max() > WIDE * found.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")  # the page has no formulas
        axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(0.1)
    add_legend(figure, styles, lines=True)
    name_points(axes, np.concatenate(places), names, half_widths=np.zeros(len(names)))
    return Chart(figure, values)


def _score_text(scores: pd.DataFrame, up: float, across: float) -> str:
    names = [metric_names.name(column) for column in scores.columns]
    return f"{names[0]} {number_text(up)}, {names[1]} {number_text(across)}"
