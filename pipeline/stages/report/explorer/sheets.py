"""Many small images as one compressed picture, from which a script cuts its tiles."""

import io
import math

import numpy as np
from PIL import Image

QUALITY = 82  # of lossy WebP, out of 100
EFFORT = 4  # of the encoder, 0 to 6


def shrink(images: np.ndarray, longest_side: int) -> np.ndarray:
    """Return images uint8 `[n, h, w, c]`, made smaller where a side is longer than that."""
    height, width = images.shape[1:3]
    share = longest_side / max(height, width)
    if share >= 1.0:
        return images
    size = max(1, round(width * share)), max(1, round(height * share))
    shrunk = []
    for image in images:
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        shrunk.append(np.asarray(picture.resize(size, Image.Resampling.BOX)))
    return np.stack(shrunk).reshape(len(images), size[1], size[0], images.shape[-1])


def num_columns(count: int) -> int:
    """Return the columns of a sheet of so many tiles; about as many as rows."""
    return math.ceil(math.sqrt(count))


def encode_sheet(images: np.ndarray, *, lossless: bool) -> bytes:
    """Return images uint8 `[n, h, w, c]` side by side as WebP, row by row in `num_columns`."""
    count, height, width, channels = images.shape
    columns = num_columns(count)
    rows = -(-count // columns)
    tiles = np.zeros((rows * columns, height, width, channels), np.uint8)
    tiles[:count] = images
    sheet = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    if channels == 1:
        sheet = np.repeat(sheet, 3, axis=2)
    return encode_picture(sheet, lossless=lossless)


def encode_picture(picture: np.ndarray, *, lossless: bool) -> bytes:
    """Return a picture uint8 `[h, w, 3]` as WebP."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(
        buffer, format="WEBP", lossless=lossless, quality=QUALITY, method=EFFORT
    )
    return buffer.getvalue()


def bytes_of_tile(images: np.ndarray) -> tuple[float, bool]:
    """Return what a tile like these images takes, in bytes, and whether lossless is the smaller."""
    sizes = {kind: len(encode_sheet(images, lossless=kind)) for kind in (False, True)}
    lossless = sizes[True] <= sizes[False]
    return sizes[lossless] / len(images), lossless
