"""Plots of classes: features in two dimensions, and what each generated class shows."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.stages.report.plot_style import INK, new_figure, plot_file, short_name

MAX_ANNOTATED = 12  # classes up to which a table carries its numbers


@plot_file
def embedded_features(
    points: np.ndarray,
    kinds: np.ndarray,
    is_generated: np.ndarray,
    *,
    label_names: Sequence[str] | None,
    title: str,
) -> Figure:
    """Draw features in two dimensions: real images by label or class, generated ones by code.

    Args:
        points: `[n, 2]`.
        kinds: int `[n]`, labels or classes of real images, codes of generated ones.
        is_generated: bool `[n]`.
        label_names: Of each label, where the kinds of real images are labels; None where they are
            the classes told.
        title: The title of the plot.
    """
    figure = new_figure(9.4, 4.6, title)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    real = f"real images, coloured by {'class' if label_names is None else 'label'}"
    for axes, chosen, name, names in (
        (panels[0], ~is_generated, real, label_names),
        (panels[1], is_generated, "generated images, coloured by class", None),
    ):
        # Each set above a shadow of the other: the places compare.
        axes.scatter(*points[~chosen].T, s=3, color="#d8dbe0", linewidths=0)
        _scatter(axes, points[chosen], kinds[chosen], names)
        axes.set_title(name, fontsize=9.5)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(False)
    return figure


def _scatter(
    axes: Axes, points: np.ndarray, kinds: np.ndarray, names: Sequence[str] | None
) -> None:
    """Draw the points of each kind in its colour, its name or number in their middle."""
    colours = matplotlib.colormaps["tab10" if kinds.max(initial=0) < 10 else "tab20"]
    for kind in np.unique(kinds):
        of_kind = points[kinds == kind]
        axes.scatter(*of_kind.T, s=9, color=colours(int(kind) % colours.N), linewidths=0)
        middle = np.median(of_kind, axis=0)
        name = str(kind) if names is None else short_name(names[kind])
        shape = "circle" if len(name) <= 2 else "round"
        box = {"boxstyle": f"{shape},pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0}
        text = axes.text(*middle, name, color=INK, fontsize=8, ha="center", va="center", bbox=box)
        text.set_parse_math(False)  # a name such as "$5" is no formula


@plot_file
def class_table(counts: np.ndarray, *, names: Sequence[str], title: str) -> Figure:
    """Draw which true classes the samples of each code show, as shares of the code's samples.

    Args:
        counts: int `[codes, classes]`.
        names: The names of the classes.
        title: The title of the plot.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(1.6 + 0.42 * len(names), 4.0, 9.0))
    figure = new_figure(side + 1.2, side, title)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="YlGnBu", vmin=0.0, vmax=1.0, interpolation="nearest")
    if len(names) <= MAX_ANNOTATED:
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.005:
                colour = "white" if share > 0.6 else INK
                text = f"{share:.2f}".removeprefix("0")
                axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    is_long = max(map(len, names)) > 3
    axes.set_xticks(
        np.arange(len(names)),
        [short_name(name) for name in names],
        rotation=90 if is_long else 0,
        parse_math=False,  # a name such as "$5" is no formula
    )
    axes.set_yticks(np.arange(len(counts)), [str(code) for code in range(len(counts))])
    axes.set_xlabel("true class that the classifier finds")
    axes.set_ylabel("class that the generator was given")
    figure.colorbar(
        image, ax=axes, fraction=0.046, label="share of the samples"
    ).outline.set_visible(False)
    return figure
