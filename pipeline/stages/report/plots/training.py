"""Losses and the main metric over training."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pipeline import metric_names
from pipeline.stages.report.content import Report
from pipeline.stages.report.plots.curves import Curve, draw_curves, thin
from pipeline.stages.report.plots.groups import all_groups, used_styles
from pipeline.stages.report.plots.histories import Histories, read_histories
from pipeline.stages.report.plots.plot import Chart, Drawing, Plot, Points
from pipeline.stages.report.plots.style import PAGE, add_legend, new_figure, panels


def find_metric(report: Report) -> Iterator[Drawing]:
    """Yield the main metric during training, where it was measured."""
    histories = read_histories(report)
    curves = histories.curves.get(report.options.main_metric)
    if curves:
        name = metric_names.name(report.options.main_metric)
        yield Drawing(
            stem="metric_over_iterations",
            title=f"{name} during training",
            caption=f"One line for each model.{_marked(histories)}",
            table=_table({report.options.main_metric: curves}),
            draw=lambda: draw_metric(
                curves, metric=name, groups=all_groups(report.tables), marks=histories.marks
            ),
        )


def find_losses(report: Report) -> Iterator[Drawing]:
    """Yield every other column of the histories."""
    histories = read_histories(report)
    losses = {
        name: curves
        for name, curves in histories.curves.items()
        if name != report.options.main_metric
    }
    if losses:
        yield Drawing(
            stem="training_curves",
            title="Training curves",
            caption=(
                "One line for each model; where a setting has many, the thick line is their "
                f"median.{_marked(histories)}"
            ),
            table=_table(losses),
            draw=lambda: draw_losses(
                losses, groups=all_groups(report.tables), marks=histories.marks
            ),
        )


METRIC = Plot("training", find_metric)
LOSSES = Plot("training", find_losses)


def _marked(histories: Histories) -> str:
    text = " The dashed line is where the contrastive regulariser was switched on."
    return text if histories.marks else ""


def _table(columns: Mapping[str, Sequence[Curve]]) -> pd.DataFrame:
    """Return the points of all curves as they are drawn: means over windows where they are long."""
    rows = []
    for name, curves in columns.items():
        for curve in curves:
            iterations, values = thin(curve)
            rows.append(
                pd.DataFrame(
                    {
                        "column": name,
                        "model_id": curve.name,
                        "mean_iteration": iterations,
                        "mean": values,
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def draw_metric(
    curves: Sequence[Curve], *, metric: str, groups: Sequence[str], marks: Sequence[int]
) -> Chart:
    """Draw a metric against training iterations, one line for each model.

    Args:
        curves: The models' values.
        metric: The name of the metric.
        groups: All groups of the report, so that a group has one colour in every plot.
        marks: Iterations just before the contrastive regulariser was switched on.
    """
    styles = used_styles(groups, [curve.group for curve in curves])
    figure = new_figure(PAGE, 3.0)
    axes = figure.subplots()
    draw_curves(axes, curves, styles, marks, name_marks=True)
    axes.set_ylabel(metric)
    values = np.concatenate([curve.values for curve in curves])
    if values.min() >= 0.0 and values.max() <= 1.0:
        axes.set_ylim(max(0.0, values.min() - 0.08), min(1.02, values.max() + 0.08))
    add_legend(figure, styles, lines=True)
    return Chart(figure, [_points(axes, curve) for curve in curves])


def draw_losses(
    losses: Mapping[str, Sequence[Curve]], *, groups: Sequence[str], marks: Sequence[int]
) -> Chart:
    """Draw each loss against training iterations in a panel of its own, one line for each model.

    Args:
        losses: For each column of the histories, the models' values.
        groups: All groups of the report.
        marks: Iterations just before the contrastive regulariser was switched on.
    """
    styles = used_styles(groups, [c.group for curves in losses.values() for c in curves])
    rows = -(-len(losses) // 3)
    figure = new_figure(PAGE, 1.75 * rows + 0.4)
    values = []
    places = panels(figure, len(losses), columns=3)
    for axes, (name, curves) in zip(places, losses.items(), strict=True):
        draw_curves(axes, curves, styles, marks, name_marks=False)
        axes.set_title(name.replace("_", " "))
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
        values += [_points(axes, curve) for curve in curves]
    add_legend(figure, styles, lines=True)
    return Chart(figure, values)


def _points(axes: Axes, curve: Curve) -> Points:
    iterations, values = thin(curve)
    texts = [
        f"{iteration:,.0f}: {value:.4g}".replace("-", "−")
        for iteration, value in zip(iterations, values, strict=True)
    ]
    return Points(axes, curve.name, iterations, values, texts)
