"""Finding, checking and reading image files of a folder."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from pipeline.datasets.resizing import crop_and_resize

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
GREY_MODES = ("1", "L")
MODES = (*GREY_MODES, "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
NUM_NAMED = 5  # Files named in one error.


def find(folder: Path) -> list[Path]:
    """All image files of `folder` in sorted order; hidden and other files are passed over.

    Raises:
      ValueError: There are none, or images lie beside class sub-folders with images.
      FileNotFoundError: There is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}. Expected one with images")
    files = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [path for name in names if is_image(path := Path(place, name))]
    if not files:
        raise ValueError(
            f"{folder} holds no images. Expected files ending in {', '.join(EXTENSIONS)}"
        )
    files.sort()
    loose = [file for file in files if file.parent == folder]
    if loose and len(loose) < len(files):
        raise ValueError(
            f"{folder} holds images both directly and in sub-folders. Expected one of the two; "
            f"sub-folders are classes. Received: {loose[0].name} beside "
            f"{next(file for file in files if file.parent != folder).relative_to(folder)}"
        )
    return files


def is_image(path: Path) -> bool:
    """Whether a file is taken for an image, by its name."""
    return path.name.lower().endswith(EXTENSIONS) and not path.name.startswith(".")


def has_class_folders(folder: Path) -> bool:
    """Whether the images lie in sub-folders, which are their classes."""
    return find(folder)[0].parent != folder


def listing_digest(folder: Path) -> str:
    """Digest of names, sizes and times of all images: tells one state of a folder from another."""
    digest = hashlib.sha256()
    for file in find(folder):
        status = file.stat()
        line = f"{file.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def common_shape(
    files: Sequence[Path], crop: int | None, resize: int | None
) -> tuple[int, int, int]:
    """Height, width and channels that all images have after cutting and resizing.

    Reads the headers only.

    Raises:
      ValueError: Some files cannot be read, are too small, or differ in size; names them.
    """
    failures, sizes, is_grey = [], {}, True
    for file in files:
        try:
            with Image.open(file) as image:
                size, mode = image.size, image.mode
        except (OSError, UnidentifiedImageError, ValueError) as error:
            failures.append(f"{file} ({type(error).__name__})")
            continue
        if mode not in MODES:
            failures.append(f"{file} (pixels of kind {mode!r})")
        elif crop is not None and crop > min(size):
            failures.append(f"{file} (smaller than crop={crop})")
        is_grey = is_grey and mode in GREY_MODES
        sizes.setdefault(size, file)
    _raise_failures(failures)
    side = resize or crop
    if side is None and len(sizes) > 1:
        (first_size, first_file), (other_size, other_file) = list(sizes.items())[:2]
        raise ValueError(
            "The images are not all of one size. Expected one size, or resize=... in the recipe. "
            f"Received: {first_file} of {first_size[1]} x {first_size[0]} and {other_file} of "
            f"{other_size[1]} x {other_size[0]} pixels"
        )
    width, height = next(iter(sizes)) if side is None else (side, side)
    return (height, width, 1 if is_grey else 3)


def read(files: Sequence[Path], channels: int, crop: int | None, resize: int | None) -> np.ndarray:
    """Decodes images.

    Args:
      files: The files.
      channels: 1 for grey, 3 for colour.
      crop: See resizing.crop_and_resize.
      resize: See resizing.crop_and_resize.

    Returns:
      uint8 ``[len(files), h, w, channels]``.

    Raises:
      ValueError: Some files cannot be decoded; names them.
    """
    images, failures = [], []
    for file in files:
        try:
            with Image.open(file) as image:
                flat = _on_white(image).convert("L" if channels == 1 else "RGB")
        except (OSError, ValueError, SyntaxError) as error:
            failures.append(f"{file} ({type(error).__name__}: {error})")
            continue
        pixels = np.asarray(crop_and_resize(flat, crop, resize))
        images.append(pixels.reshape(*pixels.shape[:2], channels))
    _raise_failures(failures)
    return np.stack(images)


def _on_white(image: Image.Image) -> Image.Image:
    """Lays an image with transparency over white; returns others as they are."""
    if image.mode not in ("LA", "PA", "RGBA") and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _raise_failures(failures: list[str]) -> None:
    if failures:
        named = "; ".join(failures[:NUM_NAMED])
        more = f"; and {len(failures) - NUM_NAMED} more" if len(failures) > NUM_NAMED else ""
        raise ValueError(
            f"{len(failures)} image files cannot be used. Expected readable images of 8 bits a "
            f"channel. Received: {named}{more}"
        )
