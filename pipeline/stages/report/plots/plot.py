"""What a plot of the report is: a record that says where it stands, and charts with their values.

Every plot is drawn once, by matplotlib, and saved as PNG and PDF (for papers), as SVG, and inline
in the page. What lies under the pointer travels beside the SVG as plain data, so that one small
script serves all plots; a plotting library of the browser would have to draw everything a second
time, would weigh megabytes in each page, and its plots would differ from those in the paper.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.stages.report.content import Report


@dataclasses.dataclass(frozen=True)
class Points:
    """Values at points of a panel: `x` and `y` `[n]` in data coordinates, a text for each."""

    axes: Axes
    label: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    texts: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Cells:
    """Values `[rows, columns]` of a table that is drawn with `imshow`; NaN says nothing."""

    axes: Axes
    rows: Sequence[str]
    columns: Sequence[str]
    values: np.ndarray


@dataclasses.dataclass(frozen=True)
class Chart:
    """A figure, and the values that the page shows under the pointer."""

    figure: Figure
    values: Sequence[Points | Cells]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """One plot to be drawn.

    Attributes:
        stem: Name of its files.
        title: Heading on the page.
        caption: What it shows; also its alternative text.
        table: The numbers that it shows, written beside it as CSV.
        draw: Draws it; called in the report's style.
    """

    stem: str
    title: str
    caption: str
    table: pd.DataFrame
    draw: Callable[[], Chart]


@dataclasses.dataclass(frozen=True)
class Plot:
    """The record of a kind of plot.

    Attributes:
        section: Key of the section of the page in which it stands.
        find: Finds what a report has of it: no drawing, one or several.
    """

    section: str
    find: Callable[[Report], Iterable[Drawing]]
