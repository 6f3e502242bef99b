"""The latent explorer: images drawn before, which the page's script shows as codes move."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pipeline.stages.report.content import Report
from pipeline.stages.report.explorer import sheets
from pipeline.stages.report.picture_files import data_uri
from pipeline.stages.report.sections.section import Parts, Section
from pipeline.stages.report.traversals import read_traversals

MAX_SWAPPED = 24  # models whose identities can be swapped


def build(report: Report, parts: Parts) -> Mapping[str, Any] | None:
    """Return what the script shows: for each model its codes and sheets of images."""
    models = {}
    for model_id, content in parts.explorer.items():
        described = {
            name: content[name] for name in content if name not in ("key", "num_sheets", "sheets")
        }
        pictures = [data_uri(sheet, "webp") for sheet in content["sheets"]]
        models[model_id] = described | {"sheets": pictures}
    for model_id, swaps in _swaps(report):
        models.setdefault(model_id, {})["swaps"] = swaps
    if not models:
        return None
    order = [name for name in report.ranked if name in models]
    left_out = len(report.ranked) - len(models)
    has_planes = any(len(model.get("sliders", ())) > 1 for model in models.values())
    return {
        "data": {"models": models, "order": order},
        "left_out": left_out,
        "has_planes": has_planes,
    }


SECTION = Section("explorer", "Latent explorer", build)


def _swaps(report: Report) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield (model, grids of swapped codes), of models that tell s from z."""
    found = 0
    for model_id in report.ranked:
        path = report.export(model_id).traversals
        if found >= MAX_SWAPPED or not path.exists():
            continue
        arrays = read_traversals(path).identities
        grids = [
            _grid(part, arrays[f"swap_{part}"])
            for part in ("seen", "unseen")
            if f"swap_{part}" in arrays
        ]
        if grids:
            found += 1
            yield model_id, grids


def _grid(part: str, images: np.ndarray) -> dict[str, Any]:
    """Return a grid `[rows, columns, h, w, c]` as one sheet of tiles in that order."""
    rows, columns = images.shape[:2]
    tiles = sheets.shrink(images.reshape(rows * columns, *images.shape[2:]), 64)
    height, width = tiles.shape[1:3]
    return {
        "part": part,
        "rows": rows,
        "columns": columns,
        "height": height,
        "width": width,
        "sheet": data_uri(sheets.encode_sheet(tiles, lossless=False), "webp"),
    }
