"""The similarity of models: the symmetrised cross scores, and how central each model is."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pipeline.stages.report import summaries
from pipeline.stages.report.content import Report
from pipeline.stages.report.plots.plot import Cells, Chart, Drawing, Plot, Points
from pipeline.stages.report.plots.style import GRID, INK, MAX_NAMED, PAGE, new_figure, short_name
from pipeline.stages.report.texts import number_text

MAX_ANNOTATED = 12  # models up to which a similarity matrix carries its numbers


def find(report: Report) -> Iterator[Drawing]:
    """Yield a matrix for each pool of models that were scored against each other."""
    run = report.tables
    pools: Sequence[str | None] = summaries.pool_names(run) or [None]
    for pool in pools:
        names, similarity, centrality = summaries.similarity_matrix(run, pool)
        if len(names) < 2 or not np.isfinite(similarity).any():
            continue
        several = len(pools) > 1
        gaps = " Empty: pairs that the search for the medoid did not need."
        gaps = gaps if np.isnan(similarity).sum() > len(names) else ""
        yield Drawing(
            stem=f"similarity_matrix_{pool}" if several else "similarity_matrix",
            title="How well models agree on their factors" + (f", pool {pool}" if several else ""),
            caption=(
                "Each model serves once as ground truth and once as encoder for every other model; "
                f"the mean of both scores is shown, the most central model first.{gaps}"
            ),
            table=_table(names, similarity, centrality),
            draw=functools.partial(draw, names, similarity, centrality, selected=names[0]),
        )


PLOT = Plot("selection", find)


def _table(names: Sequence[str], similarity: np.ndarray, centrality: np.ndarray) -> pd.DataFrame:
    rows, columns = np.nonzero(np.isfinite(similarity))
    return pd.DataFrame(
        {
            "model_id": [names[row] for row in rows.tolist()],
            "other_id": [names[column] for column in columns.tolist()],
            "similarity": similarity[rows, columns],
            "centrality": centrality[rows],
        }
    )


def draw(
    names: Sequence[str], similarity: np.ndarray, centrality: np.ndarray, *, selected: str | None
) -> Chart:
    """Draw the symmetrised cross scores and the centrality of each model, most central first.

    Args:
        names: n model ids.
        similarity: `[n, n]`, NaN where nothing is known (the diagonal).
        centrality: `[n]`, the mean of each row.
        selected: The model to mark, or None.
    """
    n = len(names)
    named = n <= MAX_NAMED
    figure = new_figure(PAGE, float(np.clip(1.0 + 0.26 * n, 2.3, 4.6)))
    axes, points = figure.subplots(1, 2, width_ratios=(3.4, 1.0), sharey=named)
    axes.set_facecolor(GRID)
    image = axes.imshow(
        np.ma.masked_invalid(similarity), cmap="YlGnBu", interpolation="nearest", aspect="auto"
    )
    if n <= MAX_ANNOTATED:
        _annotate(axes, similarity)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel("the same models in the same order; the diagonal does not count")
    order = np.arange(n)
    if named:
        axes.set_yticks(order, [short_name(name) for name in names])
        axes.set_xticks(order, [str(i + 1) for i in order])
    else:
        axes.set_yticks([0, n - 1], ["most central", "least central"])
        axes.set_xticks([])
        points.set_ylim(n - 0.5, -0.5)
        points.set_yticks([])
    colours = ["#D55E00" if name == selected else "#0072B2" for name in names]
    points.scatter(centrality, order, s=26 if named else 6, color=colours)
    if selected is not None and selected in names and named:
        axes.get_yticklabels()[list(names).index(selected)].set_fontweight("bold")
    points.tick_params(axis="y", length=0, labelleft=False)
    points.grid(False, axis="y")
    points.spines["left"].set_visible(False)
    finite = centrality[np.isfinite(centrality)]
    if finite.size:
        spread = max(float(np.ptp(finite)), 0.02)
        points.set_xlim(finite.min() - 0.15 * spread, finite.max() + 0.15 * spread)
    points.xaxis.set_major_locator(MaxNLocator(3, steps=(1, 2, 5, 10)))
    points.set_title("centrality")
    if selected in names:
        points.set_xlabel("orange: selected")
    bar = figure.colorbar(
        image,
        ax=[axes, points],
        location="right",
        fraction=0.04,
        pad=0.02,
        aspect=30,
        label="FactorVAE score between models",
    )
    bar.outline.set_visible(False)
    known = np.isfinite(centrality)
    texts = [number_text(value) for value in centrality[known]]
    central = [names[i] for i in np.flatnonzero(known).tolist()]
    texts = [f"{name}: centrality {text}" for name, text in zip(central, texts, strict=True)]
    values = Points(points, "", centrality[known], order[known], texts)
    return Chart(figure, [Cells(axes, names, names, similarity), values])


def _annotate(axes: Axes, similarity: np.ndarray) -> None:
    low, high = np.nanmin(similarity), np.nanmax(similarity)
    for (row, column), value in np.ndenumerate(similarity):
        if np.isfinite(value):
            axes.text(
                column,
                row,
                f"{value:.2f}".removeprefix("0"),
                ha="center",
                va="center",
                fontsize=7,
                gid="on_colour",
                color="white" if value > low + 0.6 * (high - low) else INK,
            )
