"""The histories of a run's models as curves."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.runs import tables
from pipeline.stages.report.content import Report
from pipeline.stages.report.plots.curves import Curve
from pipeline.stages.report.plots.style import MAX_NAMED

MAX_CURVES = 60  # models whose histories are read and drawn


@dataclasses.dataclass(frozen=True)
class Histories:
    """Values over training.

    Attributes:
        curves: For each column of the histories, its values for each model.
        marks: Iterations just before the contrastive regulariser was switched on.
        notes: Sentences about what is not in them.
    """

    curves: Mapping[str, Sequence[Curve]]
    marks: Sequence[int]
    notes: Sequence[str]


def read_histories(report: Report) -> Histories:
    """Read the histories of a run, of the most interesting models where there are many.

    Raises:
        ValueError: If the history of a finished model is corrupt.
    """
    models = report.tables.models[report.tables.models["export"] == "final"]
    models = models.set_index("model_id", drop=False)
    order = list(dict.fromkeys([*report.ranked, *models.index]))
    curves: dict[str, list[Curve]] = {}
    notes, unread = [], []
    for model_id in order[:MAX_CURVES]:
        model = models.loc[model_id]
        path = report.directory.model(model_id).history
        try:
            history = tables.read_table(path, None)
        except ValueError:
            if path.exists() and model["status"] == "done":
                raise
            unread.append(model_id)
            continue
        for column in history.columns.drop("iteration"):
            values = history[column].to_numpy(dtype=np.float64)
            known = np.isfinite(values)
            if known.any():
                iterations = history["iteration"].to_numpy()[known]
                curve = Curve(model_id, model["setting"], iterations, values[known])
                curves.setdefault(column, []).append(curve)
    if len(order) > MAX_CURVES:
        notes.append(f"Training curves show {MAX_CURVES} of {len(order)} models.")
    if unread:
        more = f" and {len(unread) - MAX_NAMED} more" if len(unread) > MAX_NAMED else ""
        notes.append(f"No readable history: {', '.join(unread[:MAX_NAMED])}{more}.")
    exports = report.tables.models
    snapshots = exports[exports["export"] == "before_cr"]["iteration"].dropna()
    return Histories(curves, sorted({int(mark) for mark in snapshots}), notes)
