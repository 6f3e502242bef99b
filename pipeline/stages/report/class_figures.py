"""The part of the report that shows classes: samples of each, features, what each class shows."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import pictures
from pipeline.runs.directory import RunDirectory
from pipeline.stages.report import plot_classes
from pipeline.stages.report.html_parts import FigureFile

MAX_SETTINGS = 6  # settings whose features are drawn, one model each


def draw_classes(
    folder: Path, run: RunDirectory, models: pd.DataFrame, selected: str | None
) -> list[FigureFile]:
    """Draw the classes of the selected model, and of one model of each other setting.

    Args:
        folder: Where the pictures go.
        run: The run, whose metric stage left the arrays of models with classes.
        models: models.csv.
        selected: Id of the model that the report shows, or None.

    Returns:
        The pictures; none where no model has classes.
    """
    figures = []
    for number, model in enumerate(_shown(models, selected)):
        path = run.class_pictures(model["model_fingerprint"][:16])
        if not path.exists():
            continue
        arrays = _read(path)
        name, stem = model["model_id"], f"classes_{number + 1}"
        section = "traversals beside" if name == selected else "settings"
        if "grid" in arrays:
            place = folder / f"{stem}_samples.png"
            pictures.save_picture(place, _strips(arrays["grid"]))
            caption = f"{name}: each row is a class, each column one noise vector."
            figures.append(FigureFile(place, section, caption))
        if "members" in arrays:
            place = folder / f"{stem}_members.png"
            pictures.save_picture(place, _strips(arrays["members"]))
            caption = (
                f"{name}: real images, ten drawn at random of each class that the model puts them "
                f"in. {run.image_classes(name).relative_to(run.root)} has the class of every image."
            )
            figures.append(FigureFile(place, section, caption))
        if "points" in arrays:
            has_labels = bool(arrays.get("has_labels", True))
            place = plot_classes.embedded_features(
                folder / f"{stem}_features.png",
                arrays["points"],
                arrays["kinds"],
                arrays["is_generated"],
                label_names=arrays["label_names"].tolist() if has_labels else None,
                title=f"Features of {name}",
            )
            caption = (
                "Features in which the encoder tells classes apart, in two dimensions (t-SNE)."
            )
            caption += " Labels only colour them." if has_labels else ""
            figures.append(FigureFile(place, "settings", caption))
        if "coverage" in arrays:
            place = plot_classes.class_table(
                folder / f"{stem}_shown.png",
                arrays["coverage"],
                names=arrays["label_names"].tolist(),
                title=f"What the classes of {name} show",
            )
            caption = (
                "A row with one dark cell is a clean class; an empty column a kind never made."
            )
            figures.append(FigureFile(place, "settings", caption))
    return figures


def _strips(rows: np.ndarray) -> np.ndarray:
    """Return a picture with a row of images `[classes, columns, h, w, c]` for each class."""
    names = [f"class {number}" for number in range(len(rows))]
    return pictures.traversal_strips(rows, names=names)


def _shown(models: pd.DataFrame, selected: str | None) -> list[dict]:
    """Return the rows of the models to draw: the selected first, then one of each setting."""
    done = models[(models["status"] == "done") & (models["export"] == "final")]
    first = done[done["model_id"] == selected]
    others = done[~done["setting"].isin(first["setting"])].sort_values("model_id")
    rows = pd.concat([first, others.drop_duplicates("setting")])
    return rows.head(MAX_SETTINGS).to_dict("records")


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Cannot read the pictures of classes {path}: {error}. Run the metrics stage again "
            "with --force metrics."
        ) from error
