"""The explorer's images of a run: planned by room, drawn by workers, kept in files."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import StageError
from pipeline.execution.contract import Executor
from pipeline.pictures import to_uint8
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.files import atomic_path
from pipeline.runs.manifests import refuse_damaged
from pipeline.stages.report.content import Report
from pipeline.stages.report.explorer import sheets
from pipeline.stages.report.explorer.plan import ExplorerPlan, Sliders, choose_plan, sliders_of
from pipeline.stages.report.traversals import read_traversals

# Raised whenever a change of the code changes the images.
VERSION = 2
# Of the bytes for all models together: of the model that the page opens with, of any other at most.
SHARE_OF_FIRST = 0.3
SHARE_OF_ONE = 0.12
SIDES = (96, 64)  # longest sides of an image in pixels: of the first model, and of others
NUM_MEASURED = 16  # samples whose size tells how many images fit
TIGHT_SIDE = 32  # of others, where no plan fits with larger ones


@dataclasses.dataclass(frozen=True)
class Planned:
    """The images of one model.

    Attributes:
        model_id: The model.
        generator: Its network.
        path: The file of the images.
        sliders: What moves.
        plan: How many images there are.
        side: The longest side of an image, in pixels; larger ones are made smaller.
        lossless: How they are compressed.
    """

    model_id: str
    generator: Path
    path: Path
    sliders: Sliders
    plan: ExplorerPlan
    side: int
    lossless: bool

    @property
    def key(self) -> str:
        """Changes with the images, for one generator."""
        return fingerprint(VERSION, self.plan, self.side, self.lossless, self.sliders.codes)


def plans(report: Report) -> Iterator[Planned]:
    """Yield the images of those models that fit into the page, the most interesting first."""
    others = max(1, len(report.ranked) - 1)
    share_of_other = min(SHARE_OF_ONE, (1 - SHARE_OF_FIRST) / others)
    for number, model_id in enumerate(report.ranked):
        sliders = sliders_of(report.configs.get(model_id, {}))
        export = report.export(model_id)
        if sliders is None or not export.traversals.exists():
            continue
        share = SHARE_OF_FIRST if number == 0 else share_of_other
        room = 1e6 * share * report.options.explorer_megabytes
        samples = read_traversals(export.traversals).samples[:NUM_MEASURED]
        for side in (SIDES[0 if number == 0 else 1], TIGHT_SIDE):
            size, lossless = sheets.bytes_of_tile(sheets.shrink(samples, side))
            plan = choose_plan(sliders, size, room)
            if plan is not None:
                path = report.directory.explored(report.model(model_id)["model_fingerprint"][:16])
                yield Planned(model_id, export.generator, path, sliders, plan, side, lossless)
                break


def render_missing(report: Report, pool: Executor, display: ProgressDisplay) -> None:
    """Draw the explorer's images that are not there yet, in workers.

    Raises:
        StageError: If a generator is damaged, or a worker failed.
    """
    tasks = []
    for planned in plans(report):
        if read_images(planned.path, planned.key) is None:
            manifest = report.directory.model(planned.model_id).manifest
            refuse_damaged(manifest, planned.generator, "train")
            tasks.append((planned.model_id, (planned,)))
    if not tasks:
        return
    display.say(f"drawing the latent explorer of {len(tasks)} models")
    for model_id, outcome in pool.run(_render, tasks, display, lambda *_: ""):
        if isinstance(outcome, Exception):
            raise StageError(
                f"drawing the latent explorer of {model_id} failed: {outcome}"
            ) from outcome


def read_explorer(report: Report) -> dict[str, dict[str, Any]]:
    """Return what was drawn, by model in the order of the plans: description and sheets."""
    found = {}
    for planned in plans(report):
        content = read_images(planned.path, planned.key)
        if content is not None:
            found[planned.model_id] = content
    return found


def read_images(path: Path, key: str) -> dict[str, Any] | None:
    """Return the content of a file of images, or None if it is absent, damaged or of other ones."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = json.loads(arrays["description"].tobytes())
            if content["key"] != key:
                return None
            content["sheets"] = [
                arrays[f"sheet_{number}"].tobytes() for number in range(content["num_sheets"])
            ]
    except Exception:  # zipfile, zlib, numpy and json each have their own for damage
        return None
    return content


def _render(planned: Planned, *, progress: Callable[..., None]) -> None:
    """Draw and write the images of one model; in a worker."""
    from pipeline.execution.tensorflow_setup import configure
    from pipeline.inference.encoding import as_function, in_batches, load_network

    configure()
    generate = in_batches(as_function(load_network(planned.generator)))
    write_images(planned, draw_images(generate, planned, progress))


def draw_images(
    generate: Callable[[np.ndarray], np.ndarray],
    planned: Planned,
    progress: Callable[..., None] = lambda *_: None,
) -> dict[str, Any]:
    """Return the images of one model: a sheet for each anchor and choice of classes.

    Args:
        generate: Latent vectors `[n, latent_dim]` to images `[n, h, w, c]` in [0, 1].
        planned: What to draw.
        progress: Told how many sheets are drawn, and how many there are.

    Returns:
        A description as JSON-able data, and "sheets", WebP files.
    """
    sliders, plan = planned.sliders, planned.plan
    latents, levels = sliders.anchors(plan)
    total = plan.num_anchors * len(sliders.combinations)
    encoded: list[bytes] = []
    height, width = 0, 0
    changes = np.zeros(len(sliders.continuous))
    for number, (anchor, own) in enumerate(zip(latents, levels, strict=True)):
        for classes in sliders.combinations:
            wanted = sliders.latents(anchor, own, classes, plan, plane=number < plan.num_planes)
            images = to_uint8(generate(wanted.astype(np.float32)))
            changes += sliders.changes(images, plan)
            images = sheets.shrink(images, planned.side)
            encoded.append(sheets.encode_sheet(images, lossless=planned.lossless))
            _, height, width, *_ = images.shape
            progress(len(encoded), total)
    codes = sliders.codes
    names = [name.replace("_", " ") for name in codes.code_names]
    return {
        "height": height,
        "width": width,
        "steps": plan.steps,
        "sliders": [
            {"name": names[code], "values": codes.traversal_values(code, plan.steps).tolist()}
            for code in sliders.continuous
        ],
        "classes": [
            {"name": names[code], "count": count}
            for code, count in zip(sliders.categorical, sliders.num_classes, strict=True)
        ],
        "anchors": [
            {"levels": own.tolist(), "plane": number < plan.num_planes}
            for number, own in enumerate(levels)
        ],
        # Of the plane, when the page opens: the two that change the images most.
        "axes": sorted(np.argsort(-changes, kind="stable")[:2].tolist()),
        "sheets": encoded,
    }


def write_images(planned: Planned, content: Mapping[str, Any]) -> None:
    """Write what `draw_images` returned, for `read_images`."""
    encoded = content["sheets"]
    description = {name: value for name, value in content.items() if name != "sheets"}
    description |= {"key": planned.key, "num_sheets": len(encoded)}
    arrays: dict[str, Any] = {
        f"sheet_{i}": np.frombuffer(sheet, np.uint8) for i, sheet in enumerate(encoded)
    }
    text = np.frombuffer(json.dumps(description).encode(), np.uint8)
    with atomic_path(planned.path) as temporary:
        np.savez(temporary, description=text, **arrays)
