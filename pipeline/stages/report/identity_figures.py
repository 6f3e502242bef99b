"""The report on identities: what s and z keep of them against the weights, and swapped codes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline import pictures
from pipeline.runs.directory import ExportDirectory, RunDirectory
from pipeline.stages.report import plot_identities
from pipeline.stages.report.html_parts import FigureFile
from pipeline.stages.report.summaries import RunTables

SECTION = "identities"
PROTOCOL = "identity"
MAX_SETTINGS = 6  # whose swap grids are shown beside that of the selected model
CAPTIONS = {
    "swap": "rows give z, columns give s; left and above are the originals",
    "path_s": "from the left original's s to the right one's, with the left one's z",
    "path_z": "from the left original's z to the right one's, with the left one's s",
    "prior": "the original's s with z drawn from the prior, the same z down a column",
}
PARTS = {
    "seen": "identities of the training set, images that training did not see",
    "unseen": "identities that training did not see",
}


def draw_identities(
    folder: Path, directory: RunDirectory, run: RunTables, selected: str | None
) -> list[FigureFile]:
    """Draw what is known of identities; nothing where no model tells s from z.

    Args:
        folder: Where the plots go.
        directory: Where the models are.
        run: Its tables.
        selected: The model whose pictures are shown in full, or None.
    """
    figures = _draw_weights(folder, directory, run)
    done = run.models[(run.models["status"] == "done") & (run.models["export"] == "final")]
    if selected is not None:
        model = run.models[run.models["model_id"] == selected].iloc[0]
        figures += _draw_selected(folder, _pictures(directory, model), selected)
    others = done[done["model_id"] != selected].sort_values(["setting", "seed"])
    if selected is not None:
        others = others[others["setting"] != model["setting"]]
    for setting, models in list(others.groupby("setting"))[:MAX_SETTINGS]:
        swapped = _pictures(directory, models.iloc[0]).get("identity_swap_seen")
        if swapped is not None:
            path = folder / f"identity_swap_{setting}.png"
            _save(path, swapped)
            caption = f"{models.iloc[0]['model_id']}: {CAPTIONS['swap']}."
            figures.append(FigureFile(path, f"{SECTION} beside", caption))
    return figures


def _pictures(directory: RunDirectory, model: pd.Series) -> dict[str, np.ndarray]:
    """Return a model's pictures of identities by name; none if it made none."""
    path = ExportDirectory(directory.root / model["directory"]).traversals
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files if name.startswith("identity_")}


def _draw_selected(
    folder: Path, arrays: Mapping[str, np.ndarray], selected: str
) -> list[FigureFile]:
    figures = []
    for part, which in PARTS.items():
        for kind, caption in CAPTIONS.items():
            images = arrays.get(f"identity_{kind}_{part}")
            if images is None:
                continue
            path = folder / f"selected_identity_{kind}_{part}.png"
            _save(path, images)
            caption = f"{selected}: {caption}; {which}."
            figures.append(FigureFile(path, f"{SECTION} pictures", caption))
    return figures


def _save(path: Path, images: np.ndarray) -> None:
    """Write images `[rows, columns, h, w, c]` as one picture."""
    rows, columns = images.shape[:2]
    flat = images.reshape(rows * columns, *images.shape[2:])
    side = min(flat.shape[1:3])
    picture = pictures.image_grid(flat, columns=columns, scale=max(1, -(-48 // side)))
    pictures.save_picture(path, picture)


def _draw_weights(folder: Path, directory: RunDirectory, run: RunTables) -> list[FigureFile]:
    """Draw the classifiers' accuracies against each weight that differs between models."""
    if run.scores is None:
        return []
    scores = run.scores[run.scores["protocol"] == PROTOCOL]
    scores = scores.pivot_table(index="model_id", columns="metric", values="value")
    if "z_accuracy_seen" not in scores:
        return []
    methods = {name: _method(directory, name) for name in scores.index}
    names = {name for method in methods.values() for name in method if name.endswith("_weight")}
    figures = []
    for weight in sorted(names):
        groups = _ablations(methods, weight)
        if not groups:
            continue
        path = plot_identities.accuracies_against_weight(
            folder / f"identity_{weight}.png",
            scores,
            groups,
            weight=weight.replace("_", " "),
        )
        caption = (
            f"Accuracy of a classifier of the identity on s and on z against the {weight} "
            "(everything else alike along a line). Good: s high, z at chance. Points are models, "
            "lines means over seeds."
        )
        figures.append(FigureFile(path, SECTION, caption.replace("_", " ")))
    return figures


def _method(directory: RunDirectory, model_id: str) -> dict[str, Any]:
    """Return what a model's configuration says of its method."""
    try:
        config = json.loads(directory.model(model_id).config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config.get("method", {})


def _ablations(methods: Mapping[str, Mapping[str, Any]], weight: str) -> list[dict[str, float]]:
    """Return the groups of models whose methods differ in one weight only: model id to its value.

    A weight that changes during training has no place on an axis; models with it are left out.
    """
    groups: dict[str, dict[str, float]] = {}
    for model_id, method in methods.items():
        value = method.get(weight)
        steps = value["steps"] if isinstance(value, dict) else [[0, value]]
        if value is not None and len(steps) == 1:
            others = {name: other for name, other in method.items() if name != weight}
            group = groups.setdefault(json.dumps(others, sort_keys=True), {})
            group[model_id] = steps[0][1]
    return [group for group in groups.values() if len(set(group.values())) > 1]
