"""What the metric stage left to be shown of classes: samples, members, features, coverage."""

import zipfile

import numpy as np
import pandas as pd

from pipeline.stages.report.content import Report

MAX_SETTINGS = 6  # settings whose classes are drawn, one model each


def class_arrays(report: Report) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Return (model id, arrays by name) of the selected model and of one of each other setting.

    Raises:
        ValueError: If a file is damaged.
    """
    done = report.finished
    first = done[done["model_id"] == report.selected]
    others = done[~done["setting"].isin(first["setting"])].sort_values("model_id")
    rows = pd.concat([first, others.drop_duplicates("setting")]).head(MAX_SETTINGS)
    found = []
    for model in rows.to_dict("records"):
        arrays = read_class_arrays(report, model["model_fingerprint"])
        if arrays is not None:
            found.append((model["model_id"], arrays))
    return found


def read_class_arrays(report: Report, model_fingerprint: str) -> dict[str, np.ndarray] | None:
    """Return the arrays of one model by name, None where the metric stage left none.

    Raises:
        ValueError: If the file is damaged.
    """
    path = report.directory.class_pictures(model_fingerprint[:16])
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Cannot read the pictures of classes {path}: {error}. Run the metrics stage again "
            "with --force metrics."
        ) from error
