"""From a drawing to its files, and to what the page embeds of it."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pipeline.runs.files import atomic_path
from pipeline.runs.tables import write_table
from pipeline.stages.report.plots.plot import Cells, Drawing, Points
from pipeline.stages.report.plots.style import COLOURS, FAINT, GRID, INK, MARK, STYLE

DOTS_PER_INCH = 200  # of the PNG files
POINTS_PER_INCH = 72  # an SVG's unit
PIXELS = (1.25, 1.93)  # of the page for each of them, at least and at most
# Colours that follow the reader's choice of light or dark, by the names of the page's style sheet.
THEME = {INK: "--ink", FAINT: "--faint", GRID: "--line", MARK: "--mark", "#ffffff": "--card"}
THEME |= {colour: f"--series-{number}" for number, colour in enumerate(COLOURS, start=1)}
ON_COLOUR = re.compile(r'(<g id="on_colour.*?</g>)', re.DOTALL)


@dataclasses.dataclass(frozen=True)
class PlotFiles:
    """A plot that was drawn.

    Attributes:
        drawing: What was drawn.
        section: Key of the section of the page in which it stands.
        table: The CSV file of its numbers.
        pictures: Its PNG, PDF and SVG files.
        svg: The SVG for the page, in the colours of its style sheet.
        values: What lies under the pointer: panels as JSON-able data, in the SVG's units.
    """

    drawing: Drawing
    section: str
    table: Path
    pictures: tuple[Path, ...]
    svg: str
    values: list[dict[str, Any]]


def write_plot(drawing: Drawing, section: str, *, plots: Path, tables: Path) -> PlotFiles:
    """Draw a plot and write its files.

    The style is ours whatever the user's matplotlibrc says, and no file carries a date or a
    version, so that the same data give the same bytes.

    Args:
        drawing: The plot.
        section: Key of the section of the page in which it stands.
        plots: Folder of the pictures.
        tables: Folder of the CSV file.
    """
    table = tables / f"{drawing.stem}.csv"
    columns = list(drawing.table.columns)
    write_table(table, drawing.table, columns, may_be_empty=columns)
    vector = {"svg.hashsalt": drawing.stem, "svg.fonttype": "none", "pdf.fonttype": 42}
    with style.context(["default", STYLE, vector]):
        chart = drawing.draw()
        figure = chart.figure
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # laid out once, for all files
        paths = tuple(plots / f"{drawing.stem}.{kind}" for kind in ("png", "pdf", "svg"))
        for path, metadata in zip(
            paths,
            (
                {"Software": None},
                {"Creator": None, "Producer": None, "CreationDate": None},
                {"Creator": None, "Date": None, "Format": None, "Type": None},
            ),
            strict=True,
        ):
            with atomic_path(path) as temporary:
                figure.savefig(temporary, dpi=DOTS_PER_INCH, metadata=metadata)
        svg = _inline_svg(paths[-1].read_text(encoding="utf-8"))
        values = [_panel_values(figure, one) for one in chart.values]
    return PlotFiles(drawing, section, table, paths, svg, values)


def _inline_svg(text: str) -> str:
    """Return an SVG file as an element of the page, in the colours of its style sheet."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    box = re.search(r' viewBox="0 0 ([0-9.]+) ', text)
    if box is None:
        raise ValueError(f"This SVG has no size. Expected a viewBox. Received: {text[:200]}")
    width = float(box.group(1))
    least, most = (round(width * pixels) for pixels in PIXELS)
    size = f'style="min-width: {least}px; max-width: {most}px"'
    text = re.sub(r'(<svg [^>]*?) width="[^"]*" height="[^"]*"', rf"\1 {size}", text, count=1)
    text = re.sub(r"'DejaVu Sans'(, [^;\"]*)?sans-serif", "'DejaVu Sans', sans-serif", text)
    # The figure's own background is the page's.
    text = re.sub(r'<g id="patch_1">.*?</g>', "", text, count=1, flags=re.DOTALL)
    pieces = ON_COLOUR.split(text)
    pieces[::2] = [_in_theme(piece) for piece in pieces[::2]]
    text = re.sub(r'<g id="[^"]*"', "<g", "".join(pieces))
    return re.sub(r"\n\s*", "\n", text)


def _in_theme(text: str) -> str:
    for colour, name in THEME.items():
        text = text.replace(colour.lower(), f"var({name})")
    return text


def _panel_values(figure: Figure, values: Points | Cells) -> dict[str, Any]:
    """Return the values of a panel with their places in the units of the SVG."""
    if isinstance(values, Points):
        x, y = _places(figure, values.axes, values.x, values.y)
        return {"label": values.label, "x": x, "y": y, "texts": list(values.texts)}
    rows, columns = values.values.shape
    (left, right), (top, bottom) = _places(
        figure, values.axes, [-0.5, columns - 0.5], [-0.5, rows - 0.5]
    )
    numbers = [
        None if np.isnan(value) else round(float(value), 3) for value in values.values.ravel()
    ]
    return {
        "box": [left, top, right, bottom],
        "rows": list(values.rows),
        "columns": list(values.columns),
        "values": numbers,
    }


def _places(
    figure: Figure, axes: Axes, x: ArrayLike, y: ArrayLike
) -> tuple[list[float], list[float]]:
    points = np.stack([np.asarray(x, np.float64), np.asarray(y, np.float64)], axis=1)
    pixels = axes.transData.transform(points) / figure.dpi * POINTS_PER_INCH
    height = figure.get_figheight() * POINTS_PER_INCH
    return np.round(pixels[:, 0], 1).tolist(), np.round(height - pixels[:, 1], 1).tolist()
