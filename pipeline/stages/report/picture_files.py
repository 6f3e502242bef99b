"""The pictures of the report, which consist of images: traversals, samples, classes, identities."""

import base64
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pipeline import pictures
from pipeline.stages.report.class_arrays import class_arrays
from pipeline.stages.report.content import Report
from pipeline.stages.report.explorer.sheets import encode_picture
from pipeline.stages.report.trade_offs import trade_offs, worst_class
from pipeline.stages.report.traversals import read_traversals

MAX_SETTINGS = 6  # whose swap grids are shown beside that of the selected model
LARGEST_EMBEDDED = 1_000_000  # bytes of a picture in the page; larger ones are linked
LOSSLESS = 150_000  # bytes up to which a picture of the page loses nothing
SWAPS = {
    "swap": "rows give z, columns give s; left and above are the originals",
    "path_s": "from the left original's s to the right one's, with the left one's z",
    "path_z": "from the left original's z to the right one's, with the left one's s",
    "prior": "the original's s with z drawn from the prior, the same z down a column",
}
PARTS = {
    "seen": "identities of the training set, images that training did not see",
    "unseen": "identities that training did not see",
}


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture: its place in the page, what it shows, and its pixels.

    Attributes:
        stem: Name of its file.
        section: Key of the section of the page in which it stands.
        caption: What it shows; also its alternative text.
        frames: uint8 `[h, w, 3]` each: one, or those of an animation.
        is_small: Whether it stands beside others.
    """

    stem: str
    section: str
    caption: str
    frames: Sequence[np.ndarray]
    is_small: bool = False


@dataclasses.dataclass(frozen=True)
class PictureFile:
    """A picture that was written; `source` is what the page embeds, empty where it is linked."""

    picture: Picture
    path: Path
    source: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.picture.frames[0].shape[:2]
        return width, height


def write_picture(folder: Path, picture: Picture, *, frame_milliseconds: int) -> PictureFile:
    """Write a picture as PNG, or as GIF if it moves."""
    first, *others = picture.frames
    path = folder / f"{picture.stem}.{'gif' if others else 'png'}"
    if others:
        pictures.save_animation(path, picture.frames, duration_ms=frame_milliseconds)
        content, kind = path.read_bytes(), "gif"
    else:
        pictures.save_picture(path, first)
        content, kind = _smallest(first), "webp"
    source = data_uri(content, kind) if len(content) <= LARGEST_EMBEDDED else ""
    return PictureFile(picture, path, source)


def data_uri(content: bytes, kind: str) -> str:
    """Return a picture as the text that a page embeds."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _smallest(picture: np.ndarray) -> bytes:
    """Return a picture as WebP; lossless unless that is large."""
    content = encode_picture(picture, lossless=True)
    return content if len(content) <= LOSSLESS else encode_picture(picture, lossless=False)


def find_pictures(report: Report) -> Iterator[Picture]:
    """Yield the pictures of a report, in the order of the page."""
    if report.selected is None:
        return
    yield from _traversals(report)
    yield from _classes(report)
    yield from _worst_classes(report)
    yield from _identities(report)


def _traversals(report: Report) -> Iterator[Picture]:
    """Yield the selected model's traversals, as strips and animation, beside real images."""
    if report.selected is None:
        return
    path = report.export(report.selected).traversals
    if not path.exists():
        return
    traversals = read_traversals(path)
    yield Picture(
        "selected_traversals",
        "traversals",
        f"{report.selected}: each row moves one code from its lowest to its highest value while "
        "everything else stays as it is.",
        [
            pictures.traversal_strips(
                traversals.images, names=traversals.names, values=traversals.values
            )
        ],
    )
    yield Picture(
        "selected_traversals",
        "traversals",
        "The same, moving: one image for each code.",
        pictures.traversal_frames(
            traversals.images, names=traversals.names, num_frames=report.options.traversal_frames
        ),
    )
    for name, images, caption in (
        ("real", traversals.real, "Real images."),
        ("samples", traversals.samples, "Random samples of the selected model."),
    ):
        if len(images):
            grid = pictures.image_grid(images)
            yield Picture(f"selected_{name}", "traversals", caption, [grid], is_small=True)


def _classes(report: Report) -> Iterator[Picture]:
    """Yield samples and members of the classes of models whose metric stage left them."""
    for number, (model_id, arrays) in enumerate(class_arrays(report), start=1):
        if "grid" in arrays:
            caption = f"{model_id}: each row is a class, each column one noise vector."
            yield Picture(
                f"classes_{number}_samples",
                "classes",
                caption,
                [_class_strips(arrays["grid"])],
                is_small=True,
            )
        if "members" in arrays:
            classes = report.directory.image_classes(model_id).relative_to(report.directory.root)
            caption = (
                f"{model_id}: real images, ten drawn at random of each class that the model puts "
                f"them in. {classes} has the class of every image."
            )
            yield Picture(
                f"classes_{number}_members",
                "classes",
                caption,
                [_class_strips(arrays["members"])],
                is_small=True,
            )


def _worst_classes(report: Report) -> Iterator[Picture]:
    """Yield the worst class at each weight of each trade-off, by the first model of the weight."""
    for number, curve in enumerate(trade_offs(report), start=1):
        names, rows = [], []
        for value, models in curve.settings.items():
            worst = worst_class(report, models[0])
            if worst is not None:
                names.append(f"{value:g}: class {worst.code}, {worst.share:.2f} {worst.kind}")
                rows.append(worst.images)
        if rows:
            yield Picture(
                f"trade_off_{number}_worst",
                "classes",
                f"{curve.label}: the worst class at each weight, of the first seed. Worst is the "
                "class of which the smallest share shows one kind, by the classifier's judgement; "
                "the share and that kind are named.",
                [pictures.traversal_strips(np.stack(rows), names=names)],
                is_small=True,
            )


def _class_strips(rows: np.ndarray) -> np.ndarray:
    """Return a picture with a row of images `[classes, columns, h, w, c]` for each class."""
    names = [f"class {number}" for number in range(len(rows))]
    return pictures.traversal_strips(rows, names=names)


def _identities(report: Report) -> Iterator[Picture]:
    """Yield swapped codes: all pictures of the selected model, one of each other setting."""
    if report.selected is None:
        return
    shown = report.model(report.selected)
    of_selected = _identity_arrays(report, report.selected)
    for part, which in PARTS.items():
        for kind, caption in SWAPS.items():
            images = of_selected.get(f"{kind}_{part}")
            if images is not None:
                caption = f"{report.selected}: {caption}; {which}."
                stem = f"selected_identity_{kind}_{part}"
                yield Picture(stem, "identities", caption, [_grid(images)])
    others = report.finished[report.finished["setting"] != shown["setting"]]
    others = others.sort_values(["setting", "seed"])
    for setting, models in list(others.groupby("setting"))[:MAX_SETTINGS]:
        model_id = models.iloc[0]["model_id"]
        images = _identity_arrays(report, model_id).get("swap_seen")
        if images is not None:
            yield Picture(
                f"identity_swap_{setting}",
                "identities",
                f"{model_id}: {SWAPS['swap']}.",
                [_grid(images)],
                is_small=True,
            )


def _identity_arrays(report: Report, model_id: str):
    path = report.export(model_id).traversals
    return read_traversals(path).identities if path.exists() else {}


def _grid(images: np.ndarray) -> np.ndarray:
    """Return images `[rows, columns, h, w, c]` as one picture."""
    rows, columns = images.shape[:2]
    flat = images.reshape(rows * columns, *images.shape[2:])
    scale = pictures.enlargement(flat, 48)
    return pictures.image_grid(flat, columns=columns, scale=scale)
