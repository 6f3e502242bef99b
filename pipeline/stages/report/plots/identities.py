"""What codes keep of the identity, against the weights that differ between models."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pipeline.stages.report.ablations import ablations, weight_names
from pipeline.stages.report.content import Report
from pipeline.stages.report.plots.plot import Chart, Drawing, Plot, Points
from pipeline.stages.report.plots.style import (
    COLOURS,
    FAINT,
    LINES,
    MARKERS,
    PAGE,
    new_figure,
    panels,
)
from pipeline.stages.report.texts import number_text

PROTOCOL = "identity"
VIEWS = {"s": COLOURS[0], "z": COLOURS[1]}
PARTS = {"seen": "Seen identities", "unseen": "Unseen identities"}


def find(report: Report) -> Iterator[Drawing]:
    """Yield the classifiers' accuracies against each weight that differs between models."""
    run = report.tables
    if run.scores is None:
        return
    scores = run.scores[run.scores["protocol"] == PROTOCOL]
    scores = scores.pivot_table(index="model_id", columns="metric", values="value")
    if "z_accuracy_seen" not in scores:
        return
    methods = {name: report.configs.get(name, {}).get("method", {}) for name in scores.index}
    for weight in weight_names(methods.values()):
        groups = ablations(methods, weight)
        if not groups:
            continue
        words = weight.replace("_", " ")
        yield Drawing(
            stem=f"identity_{weight}",
            title=f"Where the identity is, by {words}",
            caption=(
                f"Accuracy of a classifier of the identity on s and on z against the {words} "
                "(everything else alike along a line). Good: s high, z at chance. Points are "
                "models, lines means over seeds."
            ),
            table=_table(scores, groups, weight),
            draw=functools.partial(draw, scores, groups, weight=words),
        )


PLOT = Plot("identities", find)


def _columns(scores: pd.DataFrame) -> list[str]:
    return [
        f"{view}_accuracy_{part}"
        for part in PARTS
        for view in VIEWS
        if f"{view}_accuracy_{part}" in scores
    ]


def _table(
    scores: pd.DataFrame, groups: Sequence[Mapping[str, float]], weight: str
) -> pd.DataFrame:
    rows = [
        {"line": number, "model_id": model_id, weight: value}
        | scores.loc[model_id, _columns(scores)].to_dict()
        for number, group in enumerate(groups, start=1)
        for model_id, value in group.items()
    ]
    return pd.DataFrame(rows)


def draw(scores: pd.DataFrame, groups: Sequence[Mapping[str, float]], *, weight: str) -> Chart:
    """Draw the accuracy of classifiers on s and z against one weight, one panel for each part.

    Args:
        scores: One row for each model (its id is the index), one column for each metric.
        groups: Models that differ in this weight only, each to its value of it.
        weight: The name of the weight.
    """
    parts = [part for part in PARTS if f"z_accuracy_{part}" in scores]
    figure = new_figure(PAGE, 2.9)
    values = sorted({value for group in groups for value in group.values()})
    hover = []
    for axes, part in zip(panels(figure, len(parts), columns=2), parts, strict=True):
        for number, group in enumerate(groups):
            members = scores.loc[list(group)]
            places = np.array([values.index(group[name]) for name in members.index])
            for view, colour in VIEWS.items():
                found = members[f"{view}_accuracy_{part}"].to_numpy(dtype=np.float64)
                look: dict[str, Any] = {"color": colour, "marker": MARKERS[number % len(MARKERS)]}
                axes.plot(places, found, linestyle="", markersize=4, alpha=0.6, **look)
                there = sorted(set(places))
                means = [found[places == place].mean() for place in there]
                axes.plot(there, means, color=colour, linestyle=LINES[number % len(LINES)])
                texts = [
                    f"{name}: {number_text(one)}"
                    for name, one in zip(members.index, found, strict=True)
                ]
                hover.append(Points(axes, f"on {view}", places, found, texts))
        _draw_levels(axes, scores, part)
        axes.set_title(PARTS[part])
        axes.set_ylim(-0.03, 1.06)
        axes.set_xticks(range(len(values)), [f"{value:g}" for value in values])
        axes.set_xlim(-0.3, len(values) - 0.7)
        axes.set_xlabel(weight)
        axes.set_ylabel("accuracy of a classifier")
    handles = [
        Line2D([], [], color=colour, label=f"on {view}", marker="o")
        for view, colour in VIEWS.items()
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return Chart(figure, hover)


def _draw_levels(axes: Axes, scores: pd.DataFrame, part: str) -> None:
    """Draw what chance and the images themselves give."""
    levels = ((f"chance_{part}", "chance", -9), (f"images_accuracy_{part}", "images", 2))
    for name, text, offset in levels:
        if name in scores:
            level = float(scores[name].mean())
            axes.axhline(level, color=FAINT, linewidth=0.8, linestyle=":")
            axes.annotate(
                text,
                (1.0, level),
                xycoords=("axes fraction", "data"),
                xytext=(-2, offset),
                textcoords="offset points",
                ha="right",
                fontsize=7,
                color=FAINT,
            )
