"""A part for each model: what it was trained from, its metrics, its samples."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.stages.report.content import Report
from pipeline.stages.report.explorer import sheets
from pipeline.stages.report.picture_files import data_uri
from pipeline.stages.report.sections.section import Parts, Section
from pipeline.stages.report.traversals import read_traversals

NUM_SAMPLES = 16
SAMPLES_ROOM = 2_000_000  # bytes of all models' samples together
FOLLOWS = ("data_fingerprint", "setting", "seed")  # stand elsewhere, or follow from what differs


def build(report: Report, parts: Parts) -> Mapping[str, Any]:
    """Return what the script shows of each model when it is chosen."""
    bindings = differing_bindings(
        {name: config for name, config in report.configs.items() if "@" not in name}
    )
    models = []
    room = SAMPLES_ROOM
    order = list(dict.fromkeys([*report.ranked, *report.tables.models["model_id"]]))
    by_id = report.tables.models.set_index("model_id").to_dict("index")
    for model_id in order:
        model = by_id[model_id]
        described = {
            "id": model_id,
            "setting": model["setting"],
            "method": model["method"],
            "seed": int(model["seed"]),
            "export": model["export"].replace("_", " "),
            "status": model["status"],
            "reason": model["reason"],
            "folder": f"../{model['directory']}" if model["directory"] else "",
            "bindings": bindings.get(model_id.partition("@")[0], []),
        }
        if model_id in report.num_informative:
            described["informative"] = report.num_informative[model_id]
        for name in ("iteration", "parameters", "train_seconds"):
            if model[name] == model[name] and model[name] is not None:
                described[name] = float(model[name])
        samples = _samples(report, model_id) if model["status"] == "done" else None
        if samples is not None and len(samples["sheet"]) <= room:
            room -= len(samples["sheet"])
            described["samples"] = samples
        models.append(described)
    return {"data": {"models": models}}


SECTION = Section(
    "models", "Each model", build, ("../models.csv", "../scores.csv", "../selection.csv")
)


def _samples(report: Report, model_id: str) -> dict[str, Any] | None:
    path = report.export(model_id).traversals
    if not path.exists():
        return None
    samples = sheets.shrink(read_traversals(path).samples[:NUM_SAMPLES], 64)
    if not len(samples):
        return None
    count, height, width = samples.shape[:3]
    columns = sheets.num_columns(count)
    return {
        "count": count,
        "width": columns * width,
        "height": -(-count // columns) * height,
        "sheet": data_uri(sheets.encode_sheet(samples, lossless=False), "webp"),
    }


def differing_bindings(
    configs: Mapping[str, Mapping[str, Any]],
) -> dict[str, list[tuple[str, str]]]:
    """Return for each model the values that are not the same in all models.

    Args:
        configs: What each model was trained from.

    Returns:
        (name, value) pairs, the names such as "method.info_weight"; none for a single model.
    """
    flat = {model_id: dict(flatten("", config)) for model_id, config in configs.items() if config}
    names = list(dict.fromkeys(name for values in flat.values() for name in values))
    differing = [
        name
        for name in names
        if name not in FOLLOWS and len({values.get(name) for values in flat.values()}) > 1
    ]
    return {
        model_id: [(name, values[name]) for name in differing if name in values]
        for model_id, values in flat.items()
    }


def flatten(prefix: str, value: Any) -> list[tuple[str, str]]:
    """Return every leaf of a configuration with its dotted name, as texts."""
    if isinstance(value, Mapping):
        if value.get("type") == "Schedule":
            return [(prefix, _schedule(value["steps"]))]
        return [
            pair
            for name, item in value.items()
            for pair in flatten(f"{prefix}.{name}" if prefix else name, item)
        ]
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return [
            pair
            for number, item in enumerate(value)
            for pair in flatten(f"{prefix}[{number}]", item)
        ]
    return [(prefix, "" if value is None else str(value))]


def _schedule(steps: Sequence[Sequence[float]]) -> str:
    """Return a value that changes during training as text."""
    if len(steps) == 1:
        return str(steps[0][1])
    return ", ".join(f"{value} from iteration {start}" for start, value in steps)
