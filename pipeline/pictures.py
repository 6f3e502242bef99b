"""Pictures made of images: grids, latent traversals as strips, traversals as an animation.

Pixels are enlarged by whole factors without smoothing, so what a network drew is what one sees.
Images are uint8 (0..255) or floating point in [0, 1], `[..., height, width, channels]` with one
channel (grey) or three (red, green, blue). Pictures are uint8 `[height, width, 3]`.
"""

import functools
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.runs.files import atomic_path

PAPER = 255  # the colour between images: white
INK = 64  # the colour of labels: dark grey
LABEL_SIZE = 13  # height of a label's letters, pixels
SMALLEST_LABEL = 9  # the same, where room is scarce
LABEL_HEIGHT = 20  # room for a line of labels, pixels
SHORTEST_SIDE = 64  # images are enlarged until their shorter side has this many pixels


def to_uint8(images: np.ndarray, *, max_value: int = 255) -> np.ndarray:
    """Return images as uint8 in 0..255.

    Args:
        images: Floating point in [0, 1] (values outside are clipped), or integers.
        max_value: The integer of full intensity, e.g. 1 for data stored as 0 and 1.

    Raises:
        ValueError: If the images hold NaN or infinity, or are neither integers nor floats.
    """
    images = np.asarray(images)
    if images.dtype == np.uint8 and max_value == 255:
        return images
    if np.issubdtype(images.dtype, np.floating):
        if not np.isfinite(images).all():
            raise ValueError(
                "Images must be finite. Expected numbers in [0, 1]. Received: images with NaN or "
                "infinity."
            )
        return np.round(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8)
    if np.issubdtype(images.dtype, np.integer):
        return np.round(np.clip(images / max_value, 0.0, 1.0) * 255.0).astype(np.uint8)
    raise ValueError(
        f"Images must be numbers. Expected integers or floats. Received: dtype={images.dtype}."
    )


def enlargement(images: np.ndarray, shortest_side: int = SHORTEST_SIDE) -> int:
    """Return the whole factor that brings the shorter side of images to `shortest_side` pixels."""
    return max(1, -(-shortest_side // min(images.shape[-3:-1])))


def image_grid(
    images: np.ndarray,
    *,
    columns: int | None = None,
    padding: int = 2,
    scale: int | None = None,
    labels: Sequence[str] | None = None,
) -> np.ndarray:
    """Lay images out row by row.

    Args:
        images: `[n, height, width, channels]`, n at least 1.
        columns: Images in a row; by default the grid is about square.
        padding: White pixels between images.
        scale: Whole factor of enlargement; by default see `enlargement`.
        labels: One text above each image (cut to the width of the image), or None.

    Returns:
        A picture, uint8 `[height, width, 3]`.

    Raises:
        ValueError: If the shapes do not fit.
    """
    images = _colour_images(images, rank=4)
    n = len(images)
    columns = _positive("columns", columns or int(np.ceil(np.sqrt(n))))
    if labels is not None and len(labels) != n:
        raise ValueError(
            f"There must be one label an image. Expected {n} labels. Received: {len(labels)}."
        )
    tiles = _enlarge(images, enlargement(images) if scale is None else _positive("scale", scale))
    height, width = tiles.shape[1:3]
    header = LABEL_HEIGHT if labels is not None else 0
    rows = -(-n // columns)
    columns = min(columns, n)
    picture = np.full(
        (
            rows * (header + height) + (rows - 1) * padding,
            columns * width + (columns - 1) * padding,
            3,
        ),
        PAPER,
        np.uint8,
    )
    texts = []
    for index, tile in enumerate(tiles):
        top = (index // columns) * (header + height + padding)
        left = (index % columns) * (width + padding)
        picture[top + header : top + header + height, left : left + width] = tile
        if labels is not None:
            texts.append((left + width // 2, top + header // 2, "mm", str(labels[index]), width))
    return _write_texts(picture, texts)


def traversal_strips(
    images: np.ndarray,
    *,
    names: Sequence[str] | None = None,
    values: Sequence[float] | np.ndarray | None = None,
    padding: int = 2,
    scale: int | None = None,
) -> np.ndarray:
    """Lay traversals out: one row a code, one column a step.

    Args:
        images: `[codes, steps, height, width, channels]`.
        names: The name of each code, written to the left of its row, or None.
        values: The value of the code at each step, written above the columns, or None.
        padding: White pixels between images.
        scale: Whole factor of enlargement; by default see `enlargement`.

    Returns:
        A picture, uint8 `[height, width, 3]`.

    Raises:
        ValueError: If the shapes do not fit.
    """
    images = _colour_images(images, rank=5)
    num_codes, num_steps = images.shape[:2]
    for argument, labels, expected in (("names", names, num_codes), ("values", values, num_steps)):
        if labels is not None and len(labels) != expected:
            raise ValueError(
                f"The {argument} must fit the images. Expected {expected}. "
                f"Received: len({argument})={len(labels)}."
            )
    body = image_grid(
        images.reshape(num_codes * num_steps, *images.shape[2:]),
        columns=num_steps,
        padding=padding,
        scale=scale,
    )
    margin = _text_width(names) + 10 if names is not None else 0
    header = LABEL_HEIGHT if values is not None else 0
    picture = np.full((body.shape[0] + header, body.shape[1] + margin, 3), PAPER, np.uint8)
    picture[header:, margin:] = body
    row = (body.shape[0] + padding) / num_codes
    column = (body.shape[1] + padding) / num_steps
    texts = []
    for index, name in enumerate(names if names is not None else ()):
        middle = int(header + index * row + (row - padding) / 2)
        texts.append((margin - 8, middle, "rm", str(name), margin))
    for index, value in enumerate(values if values is not None else ()):
        middle = int(margin + index * column + (column - padding) / 2)
        texts.append((middle, header // 2, "mm", f"{value:.2g}", int(column)))
    return _write_texts(picture, texts)


def titled_column(pictures: Sequence[np.ndarray], titles: Sequence[str]) -> np.ndarray:
    """Lay pictures out one below the other, each below a line of text.

    Args:
        pictures: Pictures `[height, width, 3]`, at least one.
        titles: The line above each.

    Returns:
        A picture, uint8 `[height, width, 3]`.
    """
    width = max(picture.shape[1] for picture in pictures)
    parts = []
    for picture, title in zip(pictures, titles, strict=True):
        header = np.full((LABEL_HEIGHT, width, 3), PAPER, np.uint8)
        parts.append(_write_texts(header, [(0, LABEL_HEIGHT // 2, "lm", title, width)]))
        missing = [(0, 0), (0, width - picture.shape[1]), (0, 0)]
        parts.append(np.pad(picture, missing, constant_values=PAPER))
    return np.concatenate(parts)


def traversal_frames(
    images: np.ndarray,
    *,
    names: Sequence[str] | None = None,
    num_frames: int | None = None,
    padding: int = 2,
    scale: int | None = None,
) -> list[np.ndarray]:
    """Return the frames of an animation: every code side by side, moving from end to end and back.

    Args:
        images: `[codes, steps, height, width, channels]`.
        names: The name of each code, written above its image, or None.
        num_frames: Steps of the way there, evenly chosen; by default all steps.
        padding: White pixels between images.
        scale: Whole factor of enlargement; by default see `enlargement`.

    Returns:
        2 * (num_frames - 1) pictures (one if there is one step): there, and back without
        repeating the ends, so that the animation loops smoothly.

    Raises:
        ValueError: If the shapes do not fit.
    """
    images = _colour_images(images, rank=5)
    num_steps = images.shape[1]
    num_frames = min(num_steps, _positive("num_frames", num_frames or num_steps))
    there = np.round(np.linspace(0, num_steps - 1, num_frames)).astype(int).tolist()
    columns = min(len(images), 10)
    return [
        image_grid(images[:, step], columns=columns, padding=padding, scale=scale, labels=names)
        for step in there + there[-2:0:-1]
    ]


def picture_file(picture: np.ndarray) -> bytes:
    """Return a picture `[height, width, 3]` as PNG, without metadata."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="PNG")
    return content.getvalue()


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture `[height, width, 3]` as PNG, atomically and without metadata."""
    with atomic_path(Path(path)) as temporary:
        temporary.write_bytes(picture_file(picture))


def animation_file(frames: Sequence[np.ndarray], *, duration_ms: int = 90) -> bytes:
    """Return frames `[height, width, 3]` as a GIF that loops forever.

    Args:
        frames: Pictures of one size, at least one.
        duration_ms: How long a frame is shown, milliseconds.

    Raises:
        ValueError: If there is no frame.
    """
    if len(frames) == 0:
        raise ValueError("An animation needs frames. Expected at least one. Received: none.")
    # One palette for all frames: a palette of its own for each lets still areas flicker.
    everything = Image.fromarray(np.concatenate(list(frames), axis=0))
    palette = everything.quantize(colors=256, method=Image.Quantize.MEDIANCUT)
    first, *others = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    ]
    content = io.BytesIO()
    first.save(
        content,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=_positive("duration_ms", duration_ms),
        loop=0,
        optimize=False,
    )
    return content.getvalue()


def save_animation(path: Path, frames: Sequence[np.ndarray], *, duration_ms: int = 90) -> None:
    """Write frames as a GIF, atomically; see `animation_file`."""
    content = animation_file(frames, duration_ms=duration_ms)
    with atomic_path(Path(path)) as temporary:
        temporary.write_bytes(content)


def _colour_images(images: np.ndarray, *, rank: int) -> np.ndarray:
    """Return images as uint8 with three channels, or raise ValueError."""
    images = np.asarray(images)
    shape = images.shape
    if len(shape) != rank or shape[-1] not in (1, 3) or 0 in shape:
        leading = "n, " if rank == 4 else "codes, steps, "
        raise ValueError(
            f"The images do not have the right shape. Expected [{leading}height, width, "
            f"channels], nothing empty, 1 or 3 channels. Received: images.shape={shape}."
        )
    images = to_uint8(images)
    return np.repeat(images, 3, axis=-1) if shape[-1] == 1 else images


def _enlarge(images: np.ndarray, scale: int) -> np.ndarray:
    return images.repeat(scale, axis=-3).repeat(scale, axis=-2)


def _positive(name: str, value: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(f"{name} is not possible. Expected 1 or more. Received: {name}={value}.")
    return int(value)


@functools.cache
def _font(size: int = LABEL_SIZE) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _text_width(texts: Sequence[str]) -> int:
    return max(int(np.ceil(_font().getlength(str(text)))) for text in texts)


def _write_texts(
    picture: np.ndarray, texts: Sequence[tuple[int, int, str, str, int]]
) -> np.ndarray:
    """Write (x, y, anchor, text, room in pixels) on a picture.

    Texts too long for their room make all of them smaller; what is then still too long is cut.
    """
    if not texts:
        return picture
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    for size in range(LABEL_SIZE, SMALLEST_LABEL - 1, -1):
        font = _font(size)
        if all(font.getlength(text) <= room for *_, text, room in texts):
            break
    for x, y, anchor, text, room in texts:
        if font.getlength(text) > room:
            while text and font.getlength(text + "..") > room:
                text = text[:-1]
            text += ".."  # the built-in font has no ellipsis
        draw.text((x, y), text, fill=(INK,) * 3, font=font, anchor=anchor)
    return np.asarray(canvas)
