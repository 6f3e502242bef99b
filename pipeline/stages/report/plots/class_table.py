"""What each generated class shows, by the judgement of a classifier."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from pipeline.stages.report.class_arrays import class_arrays
from pipeline.stages.report.content import Report
from pipeline.stages.report.plots.plot import Cells, Chart, Drawing, Plot
from pipeline.stages.report.plots.style import INK, PAGE, new_figure, short_name

MAX_ANNOTATED = 12  # classes up to which a table carries its numbers


def find(report: Report) -> Iterator[Drawing]:
    """Yield the table of the selected model, and of one model of each other setting."""
    for number, (model_id, arrays) in enumerate(class_arrays(report), start=1):
        if "coverage" not in arrays:
            continue
        shares = arrays["coverage"] / np.maximum(arrays["coverage"].sum(axis=1, keepdims=True), 1)
        names = arrays["label_names"].tolist()
        code, label = np.indices(shares.shape)
        yield Drawing(
            stem=f"classes_{number}_shown",
            title=f"What the classes of {model_id} show",
            caption=(
                "A row with one dark cell is a clean class; an empty column a kind never made."
            ),
            table=pd.DataFrame(
                {
                    "code": code.ravel(),
                    "label": [names[number] for number in label.ravel()],
                    "share": shares.ravel(),
                    "num_samples": arrays["coverage"].ravel(),
                }
            ),
            draw=functools.partial(draw, shares, names=names),
        )


PLOT = Plot("classes", find)


def draw(shares: np.ndarray, *, names: Sequence[str]) -> Chart:
    """Draw which true classes the samples of each code show.

    Args:
        shares: `[codes, classes]`, of the code's samples.
        names: The names of the classes.
    """
    num_codes, num_classes = shares.shape
    figure = new_figure(
        min(PAGE, float(np.clip(1.6 + 0.34 * num_classes, 3.35, PAGE))),
        float(np.clip(0.9 + 0.26 * num_codes, 2.0, 5.0)),
    )
    axes = figure.subplots()
    image = axes.imshow(
        shares, cmap="YlGnBu", vmin=0.0, vmax=1.0, interpolation="nearest", aspect="auto"
    )
    if num_classes <= MAX_ANNOTATED:
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.005:
                axes.text(
                    column,
                    row,
                    f"{share:.2f}".removeprefix("0"),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if share > 0.6 else INK,
                    gid="on_colour",
                )
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    is_long = max(map(len, names)) > 3
    shown = [short_name(name) for name in names]
    axes.set_xticks(np.arange(num_classes), shown, rotation=90 if is_long else 0)
    axes.set_yticks(np.arange(num_codes), [str(code) for code in range(num_codes)])
    axes.set_xlabel("true class that the classifier finds")
    axes.set_ylabel("class that the generator was given")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, label="share of the samples")
    bar.outline.set_visible(False)
    rows = [f"class {code}" for code in range(num_codes)]
    columns = [f"true class {name}" for name in names]
    return Chart(figure, [Cells(axes, rows, columns, shares)])
