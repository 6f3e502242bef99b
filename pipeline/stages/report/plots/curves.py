"""Values over training as curves: thinned, coloured by group, with the median of many."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from pipeline.stages.report.plots.style import FAINT, MARK

MAX_POINTS = 120  # points of a curve; more are averaged over windows
CROWD = 20  # curves of one plot from which on all are thin
MANY = 4  # curves of one group from which on their median is drawn


@dataclasses.dataclass(frozen=True)
class Curve:
    """One model's values over training: its name and group, iterations `[n]`, values `[n]`."""

    name: str
    group: str
    iterations: np.ndarray
    values: np.ndarray


def draw_curves(
    axes: Axes,
    curves: Sequence[Curve],
    styles: dict[str, dict[str, Any]],
    marks: Sequence[int],
    *,
    name_marks: bool,
) -> None:
    """Draw curves, thin where a group has many; many curves of a group also get their median."""
    for group, look in styles.items():
        members = [curve for curve in curves if curve.group == group]
        many = len(members) >= MANY
        thin_lines = many or len(curves) > CROWD
        for curve in members:
            x, y = thin(curve)
            axes.plot(
                x,
                y,
                color=look["color"],
                linestyle=look["linestyle"],
                linewidth=0.7 if thin_lines else 1.2,
                alpha=(0.45 if len(members) < CROWD else 0.2) if thin_lines else 0.95,
                marker="." if len(x) == 1 else "",
            )
        if many:
            x, y = median_curve(members)
            axes.plot(x, y, color=look["color"], linestyle=look["linestyle"], linewidth=1.6)
    for mark in sorted(set(marks)):
        axes.axvline(mark, color=MARK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        if name_marks:
            axes.annotate(
                "CR on",
                (mark, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 2),  # above, where no curve comes
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=7,
                color=FAINT,
            )
    axes.set_xlabel("iteration")
    axes.xaxis.set_major_formatter(FuncFormatter(_iterations_text))
    axes.margins(x=0.02)


def thin(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve of at most `MAX_POINTS` points, averaged over windows of equal length."""
    n = len(curve.iterations)
    if n <= MAX_POINTS:
        return curve.iterations, curve.values
    starts = np.arange(MAX_POINTS) * n // MAX_POINTS
    counts = np.diff(np.append(starts, n))
    iterations, values = (
        np.add.reduceat(series.astype(np.float64), starts) / counts
        for series in (curve.iterations, curve.values)
    )
    return iterations, values


def median_curve(curves: Sequence[Curve]) -> tuple[np.ndarray, np.ndarray]:
    """Return the median over curves, where at least half of them reach."""
    thinned = [thin(curve) for curve in curves]
    grid = max((x for x, _ in thinned), key=len)
    values = np.stack([np.interp(grid, x, y, left=np.nan, right=np.nan) for x, y in thinned])
    reached = np.isfinite(values).sum(axis=0) * 2 >= len(curves)
    return grid[reached], np.nanmedian(values[:, reached], axis=0)


def _iterations_text(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"
