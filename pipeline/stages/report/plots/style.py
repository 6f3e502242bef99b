"""How every plot looks, on the page and in a paper: colours, fonts, sizes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from pipeline.datasets.own_values import natural_key

# Okabe and Ito's colours, told apart by readers with any colour vision; yellow is left out, as it
# cannot be seen on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#3B3B3B")
LINES = ("-", "--", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, FAINT, GRID, MARK = "#23262b", "#6b7280", "#e7e9ee", "#9aa1ad"
COLUMN, PAGE = 3.35, 6.9  # widths in inches: a column and the whole of a two-column page
MAX_NAMED = 20  # more names than this in one plot cannot be read
# Where a point's name may stand, points to the right of it and above it, best first.
# fmt: off
NAME_PLACES = (
    (0, 7), (0, -7), (7, 5), (-7, 5), (7, -5), (-7, -5), (8, 0), (-8, 0), (22, 4), (-22, 4),
    (22, -4), (-22, -4), (0, 15), (0, -15),
)
# fmt: on
MAX_LETTERS = 30  # longer names are cut in the middle

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "text.color": INK,
    "text.parse_math": False,  # a name such as "$5" is no formula
    "axes.edgecolor": MARK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 5.0,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MARK,
    "ytick.color": MARK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.5,
    "figure.facecolor": "white",
}


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, sizes in inches; its title stands in the page or in a caption."""
    layout = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.04, wspace=0.03, hspace=0.05)
    return Figure(figsize=(width, height), layout=layout)


def panels(figure: Figure, count: int, *, columns: int, **options: Any) -> list[Axes]:
    """Return `count` axes in rows of at most `columns`; places that are left over stay empty."""
    columns = min(columns, count)
    grid = figure.subplots(-(-count // columns), columns, squeeze=False, **options)
    axes = list(grid.flat)
    for unused in axes[count:]:
        unused.set_visible(False)
    return axes[:count]


def group_styles(groups: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return colour, line and marker for each group, the same for the same groups."""
    return {
        group: {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": LINES[(i // len(COLOURS)) % len(LINES)],
            "marker": MARKERS[(i + i // len(COLOURS)) % len(MARKERS)],
        }
        for i, group in enumerate(sorted(set(groups), key=natural_key))
    }


def add_legend(figure: Figure, styles: dict[str, dict[str, Any]], *, lines: bool) -> None:
    """Write a legend of the groups below the plot; of very many only the first are named."""
    named = list(styles)[:MAX_NAMED]
    handles = []
    for group in named:
        look = dict(styles[group])
        if lines:
            look["marker"] = ""
        else:
            look["linestyle"] = ""
        handles.append(
            Line2D([], [], label=short_name(group), linewidth=1.6, markersize=4.5, **look)
        )
    if len(styles) > MAX_NAMED:
        more = f"and {len(styles) - MAX_NAMED} more"
        handles.append(Line2D([], [], linestyle="", label=more))
    longest = max(len(str(handle.get_label())) for handle in handles)
    width = figure.get_figwidth()
    columns = max(1, min(len(handles), int(width * 15 / (longest + 7))))
    further_rows = -(-len(handles) // columns) - 1
    figure.set_figheight(figure.get_figheight() + 0.2 * further_rows)
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, handlelength=1.8)


def short_name(name: str) -> str:
    """Return a name with its middle cut out if it is too long for a label."""
    if len(name) <= MAX_LETTERS:
        return name
    return f"{name[: MAX_LETTERS // 2 - 1]}…{name[-MAX_LETTERS // 2 :]}"


def name_points(
    axes: Axes, points: np.ndarray, names: Sequence[str], *, half_widths: np.ndarray
) -> None:
    """Write a name beside each point where it hides no other name and no point.

    A point whose name fits nowhere stays without: names on top of each other serve nobody.

    Args:
        axes: Where the points were drawn; its limits must be final.
        points: `[n, 2]` in data coordinates, the most important first.
        names: The names of the first points, n or fewer.
        half_widths: `[n]`, how far the error bar of each point reaches to either side.
    """
    figure = axes.get_figure(root=True)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # the layout, and with it every size in pixels, is known only now
    renderer = canvas.get_renderer()
    places = axes.transData.transform(points)
    reach = axes.transData.transform(points + np.stack([half_widths, 0 * half_widths], axis=1))
    taken: list[tuple[float, ...]] = [(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    taken += [
        (2 * x - right, y - 2, right, y + 2)
        for (x, y), (right, _) in zip(places, reach, strict=True)
    ]
    frame = axes.get_window_extent(renderer)
    for (x, y), name in zip(points[: len(names)], names, strict=True):
        for right, up in NAME_PLACES:
            text = axes.annotate(
                short_name(name),
                (x, y),
                xytext=(right, up),
                textcoords="offset points",
                fontsize=6.5,
                color=FAINT,
                ha="left" if right > 0 else "right" if right < 0 else "center",
                va="bottom" if up > 0 else "top" if up < 0 else "center",
            )
            box = text.get_window_extent(renderer).padded(1).extents
            inside = (
                frame.x0 <= box[0]
                and box[2] <= frame.x1
                and frame.y0 <= box[1]
                and box[3] <= frame.y1 + 6
            )
            if inside and not any(_overlap(box, area) for area in taken):
                taken.append(tuple(box))
                text.set_in_layout(False)
                break
            text.remove()


def _overlap(first: Sequence[float], second: Sequence[float]) -> bool:
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )
