"""The plot of what codes keep of the identity."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.stages.report.plot_style import (
    COLOURS,
    FAINT,
    LINES,
    MARKERS,
    new_figure,
    panels,
    plot_file,
)

VIEWS = {"s": COLOURS[0], "z": COLOURS[1]}
PARTS = {"seen": "Seen identities", "unseen": "Unseen identities"}


@plot_file
def accuracies_against_weight(
    scores: pd.DataFrame, groups: Sequence[Mapping[str, float]], *, weight: str
) -> Figure:
    """Draw the accuracy of classifiers on s and z against one weight, a panel a part.

    Args:
        scores: One row a model (its id is the index), one column a metric.
        groups: Models that differ in this weight only, each to its value of it.
        weight: The name of the weight.
    """
    parts = [part for part in PARTS if f"z_accuracy_{part}" in scores]
    figure = new_figure(4.6 * len(parts) + 0.4, 4.0, f"Where the identity is, by {weight}")
    values = sorted({value for group in groups for value in group.values()})
    for axes, part in zip(panels(figure, len(parts), columns=2), parts, strict=True):
        for number, group in enumerate(groups):
            members = scores.loc[list(group)]
            places = np.array([values.index(group[name]) for name in members.index])
            for view, colour in VIEWS.items():
                found = members[f"{view}_accuracy_{part}"].to_numpy(dtype=np.float64)
                look = {"color": colour, "marker": MARKERS[number % len(MARKERS)]}
                axes.plot(places, found, linestyle="", markersize=5, alpha=0.6, **look)
                there = sorted(set(places))
                means = [found[places == place].mean() for place in there]
                axes.plot(there, means, color=colour, linestyle=LINES[number % len(LINES)])
        levels = ((f"chance_{part}", "chance", -9), (f"images_accuracy_{part}", "images", 2))
        for name, text, offset in levels:
            if name in scores:
                level = float(scores[name].mean())
                axes.axhline(level, color=FAINT, linewidth=1.0, linestyle=":")
                axes.annotate(
                    text,
                    (1.0, level),
                    xycoords=("axes fraction", "data"),
                    xytext=(-2, offset),
                    textcoords="offset points",
                    ha="right",
                    fontsize=8,
                    color=FAINT,
                )
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
    return figure
