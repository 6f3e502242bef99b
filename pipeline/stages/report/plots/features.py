"""Features of real and generated images in two dimensions."""

import functools
from collections.abc import Iterator, Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pipeline.stages.report.class_arrays import class_arrays
from pipeline.stages.report.content import Report
from pipeline.stages.report.plots.plot import Chart, Drawing, Plot, Points
from pipeline.stages.report.plots.style import COLUMN, GRID, INK, PAGE, new_figure, short_name


def find(report: Report) -> Iterator[Drawing]:
    """Yield the features of the selected model, and of one model of each other setting."""
    for number, (model_id, arrays) in enumerate(class_arrays(report), start=1):
        if "points" in arrays:
            yield _of_both(number, model_id, arrays)
        if "made_points" in arrays:
            yield _of_generated(number, model_id, arrays["made_points"], arrays["made_classes"])


PLOT = Plot("classes", find)


def _of_both(number: int, model_id: str, arrays: Mapping[str, np.ndarray]) -> Drawing:
    has_labels = bool(arrays.get("has_labels", True))
    names = arrays["label_names"].tolist() if has_labels else None
    shown = arrays["points"], arrays["kinds"], arrays["is_generated"]
    kind = np.where(shown[2], "code", "label" if has_labels else "class")
    return Drawing(
        stem=f"classes_{number}_features",
        title=f"Features of {model_id}",
        caption=(
            "Features in which the encoder tells classes apart, in two dimensions (t-SNE)."
            + (" Labels only colour them." if has_labels else "")
        ),
        table=pd.DataFrame(
            {
                "generated": shown[2].astype(int),
                "kind": kind,
                "number": shown[1],
                "x": shown[0][:, 0],
                "y": shown[0][:, 1],
            }
        ),
        draw=functools.partial(draw, *shown, label_names=names),
    )


def _of_generated(number: int, model_id: str, points: np.ndarray, codes: np.ndarray) -> Drawing:
    return Drawing(
        stem=f"classes_{number}_generated_features",
        title=f"Features of images that {model_id} generates",
        caption=(
            "The same features of generated images alone (t-SNE), coloured by the code that the "
            "generator was given. Codes that the encoder tells apart are islands of one colour."
        ),
        table=pd.DataFrame({"code": codes, "x": points[:, 0], "y": points[:, 1]}),
        draw=functools.partial(draw_generated, points, codes),
    )


def draw(
    points: np.ndarray,
    kinds: np.ndarray,
    is_generated: np.ndarray,
    *,
    label_names: Sequence[str] | None,
) -> Chart:
    """Draw features in two dimensions: real images by label or class, generated ones by code.

    Args:
        points: `[n, 2]`.
        kinds: int `[n]`, labels or classes of real images, codes of generated ones.
        is_generated: bool `[n]`.
        label_names: Of each label, where the kinds of real images are labels; None where they are
            the classes told.
    """
    figure = new_figure(PAGE, 3.3)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    told = "class" if label_names is None else "label"
    values = []
    for axes, chosen, name, kind, names in (
        (panels[0], ~is_generated, f"real images, coloured by {told}", told, label_names),
        (panels[1], is_generated, "generated images, coloured by class", "class", None),
    ):
        # Each set above a shadow of the other: the places compare.
        axes.scatter(points[~chosen, 0], points[~chosen, 1], s=2, color=GRID, linewidths=0)
        _scatter(axes, points[chosen], kinds[chosen], names)
        axes.set_title(name)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(False)
        texts = [f"{kind} {number if names is None else names[number]}" for number in kinds[chosen]]
        values.append(Points(axes, "", points[chosen, 0], points[chosen, 1], texts))
    return Chart(figure, values)


def draw_generated(points: np.ndarray, codes: np.ndarray) -> Chart:
    """Draw features of generated images in two dimensions, coloured by code.

    Args:
        points: `[n, 2]`.
        codes: int `[n]`.
    """
    figure = new_figure(COLUMN, 3.1)
    axes = figure.subplots()
    _scatter(axes, points, codes, None)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    texts = [f"code {code}" for code in codes]
    return Chart(figure, [Points(axes, "", points[:, 0], points[:, 1], texts)])


def _scatter(
    axes: Axes, points: np.ndarray, kinds: np.ndarray, names: Sequence[str] | None
) -> None:
    """Draw the points of each kind in its colour, its name or number in their middle."""
    colours = matplotlib.colormaps["tab10" if kinds.max(initial=0) < 10 else "tab20"]
    for kind in np.unique(kinds):
        of_kind = points[kinds == kind]
        axes.scatter(
            of_kind[:, 0], of_kind[:, 1], s=6, color=colours(int(kind) % colours.N), linewidths=0
        )
        across, up = np.median(of_kind, axis=0)
        name = str(kind) if names is None else short_name(names[kind])
        shape = "circle" if len(name) <= 2 else "round"
        box = {"boxstyle": f"{shape},pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0}
        axes.text(
            across,
            up,
            name,
            color=INK,
            fontsize=7,
            ha="center",
            va="center",
            bbox=box,
        )
