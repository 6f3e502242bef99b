"""The user's own image files, as an encoder takes them."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.datasets.image_files.decoding import read_files
from pipeline.errors import ConfigurationError


def read_own_images(files: Sequence[Path], shape: tuple[int, int, int]) -> np.ndarray:
    """Return image files as uint8 [files, h, w, c], cut to a square and resized where needed.

    Args:
        files: Whatever Pillow reads; of files with several frames the first.
        shape: Height, width and channels that the encoder takes. Where it takes no squares, the
            images must have its size.

    Raises:
        ConfigurationError: A file is missing, no image, or of a size that does not fit.
    """
    height, width, channels = shape
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise ConfigurationError(
            f"There is no file {', '.join(missing)}. Expected image files. "
            f"Received: {', '.join(map(str, files))}"
        )
    try:
        images = [
            read_files([one], channels, None, height if height == width else None)[0]
            for one in files
        ]
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    for file, image in zip(files, images, strict=True):
        if image.shape != shape:
            raise ConfigurationError(
                f"{file} has another size than the model's images. Expected {height} x {width} "
                f"pixels. Received: {image.shape[0]} x {image.shape[1]}"
            )
    return np.stack(images)


def read_sent_image(name: str, content: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the content of an image file as uint8 [h, w, c]; see `read_own_images`.

    Args:
        name: Of the file, for its ending and for messages.
        content: What it holds.
        shape: Height, width and channels that the encoder takes.

    Raises:
        ConfigurationError: It is no image, or of a size that does not fit.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(name).name or "image")
        path.write_bytes(content)
        try:
            return read_own_images([path], shape)[0]
        except ConfigurationError as error:
            raise ConfigurationError(str(error).replace(str(path), path.name)) from error
