"""Decoding image files as a viewer shows them: turned as they say, every frame of an animation."""

import contextlib
import dataclasses
import itertools
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

from pipeline.datasets.resizing import crop_and_resize

GREY_MODES = ("1", "L")
MODES = (*GREY_MODES, "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
NUM_NAMED = 5  # files named in one error
# Formats whose further frames are images like the first; those of others are previews or layers.
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF", "TIFF", "FLI", "DCX")
ORIENTATION, SUBFILE_TYPE = 0x0112, 0x00FE  # tags of EXIF and TIFF
REDUCED_OR_MASK = 0b101  # of a page's subfile type: a smaller copy, a mask of another page
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPPED = (5, 6, 7, 8)  # orientations in which width and height change places


class Frame(NamedTuple):
    """One image of a file: the only one, or one of an animation or of several pages."""

    file: Path
    number: int


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file says of its images without decoding them.

    Attributes:
      frames: Numbers of the frames that are images of their own.
      sizes: Width and height of these frames, as a viewer shows them.
      is_grey: Whether none of them has colour.
      num_left_out: Further frames, which are no images of their own.
    """

    frames: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    is_grey: bool
    num_left_out: int = 0


def read_headers(files: Sequence[Path], *, needs_sizes: bool) -> list[Header]:
    """Read what the files say of their images.

    Args:
      files: The files.
      needs_sizes: Whether sizes must be those that a viewer shows; else width and height may have
        changed places, which is cheaper.

    Raises:
      ValueError: Some files cannot be read; names them.
    """
    headers, failures = [], []
    for file in files:
        try:
            with _opened(file) as image:
                header, modes = _header_of(image, needs_sizes)
        except Exception as error:  # Pillow's many readers raise whatever they stumble on.
            failures.append(f"{file} ({_reason(error)})")
            continue
        unusable = sorted(set(modes) - set(MODES))
        if unusable:
            failures.append(f"{file} (pixels of kind {', '.join(map(repr, unusable))})")
        headers.append(header)
    _raise_failures(failures)
    return headers


def common_shape(
    files: Sequence[Path], headers: Sequence[Header], crop: int | None, resize: int | None
) -> tuple[int, int, int]:
    """Return the height, width and channels that all images have after cutting and resizing.

    Raises:
      ValueError: Some images are too small, or differ in size; names their files.
    """
    sizes: dict[tuple[int, int], Path] = {}
    failures: list[str] = []
    for file, header in zip(files, headers, strict=True):
        for size in header.sizes:
            sizes.setdefault(size, file)
        if crop is not None and crop > min(itertools.chain(*header.sizes)):
            failures.append(f"{file} (smaller than crop={crop})")
    _raise_failures(failures)
    side = resize or crop
    if side is None and len(sizes) > 1:
        (first_size, first_file), (other_size, other_file) = list(sizes.items())[:2]
        raise ValueError(
            "The images are not all of one size. Expected one size, or resize=... in the recipe. "
            f"Received: {first_file} of {first_size[1]} x {first_size[0]} and {other_file} of "
            f"{other_size[1]} x {other_size[0]} pixels (height x width, as a viewer shows them)"
        )
    width, height = next(iter(sizes)) if side is None else (side, side)
    return (height, width, 1 if all(header.is_grey for header in headers) else 3)


def read(
    frames: Sequence[Frame], channels: int, crop: int | None, resize: int | None
) -> np.ndarray:
    """Decode images.

    Args:
      frames: The images; those of one file one after another.
      channels: 1 for grey, 3 for colour.
      crop: See resizing.crop_and_resize.
      resize: See resizing.crop_and_resize.

    Returns:
      uint8 ``[len(frames), h, w, channels]``.

    Raises:
      ValueError: Some files cannot be decoded; names them.
    """
    images, failures = [], []
    for file, of_file in itertools.groupby(frames, key=lambda frame: frame.file):
        try:
            with _opened(file) as image:
                for frame in of_file:
                    flat = _as_shown(image, frame.number)
                    flat = _on_white(flat).convert("L" if channels == 1 else "RGB")
                    pixels = np.asarray(crop_and_resize(flat, crop, resize))
                    images.append(pixels.reshape(*pixels.shape[:2], channels))
        except Exception as error:  # Pillow's many readers raise whatever they stumble on.
            failures.append(f"{file} ({_reason(error)})")
    _raise_failures(failures)
    return np.stack(images)


def shape_of_files(
    files: Sequence[Path], crop: int | None, resize: int | None
) -> tuple[int, int, int]:
    """Return the height, width and channels of files of one image each, see `common_shape`."""
    headers = read_headers(files, needs_sizes=crop is None and resize is None)
    return common_shape(files, headers, crop, resize)


def read_files(
    files: Sequence[Path], channels: int, crop: int | None, resize: int | None
) -> np.ndarray:
    """Decode files of one image each, see `read`."""
    return read([Frame(file, 0) for file in files], channels, crop, resize)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """Open an image; Pillow's warnings about large or odd files name none of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(file) as image:
            yield image


def _header_of(image: Image.Image, needs_sizes: bool) -> tuple[Header, list[str]]:
    """Return what an opened file says, and the modes of its frames."""
    total = getattr(image, "n_frames", 1)
    count = total if image.format in ANIMATED else 1
    frames, sizes, modes = [], [], []
    for number in range(count):
        if count > 1:
            image.seek(number)
        if (
            number
            and isinstance(image, TiffImagePlugin.TiffImageFile)
            and _subfile_type(image) & REDUCED_OR_MASK
        ):
            continue
        frames.append(number)
        sizes.append(_shown_size(image) if needs_sizes else image.size)
        modes.append(image.mode)
    is_grey = set(modes) <= set(GREY_MODES)
    return Header(tuple(frames), tuple(sizes), is_grey, total - len(frames)), modes


def _shown_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    if width == height or _orientation(image) not in _SWAPPED:
        return width, height
    if image.format == "TIFF":  # turned by Pillow itself
        image.load()
        return image.size
    return height, width


def _as_shown(image: Image.Image, number: int) -> Image.Image:
    """Decode one frame, turned as its file says."""
    if number or image.tell():
        image.seek(number)
    image.load()
    turn = _TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """Return the orientation that a file gives, 1 where it gives none or none that is readable."""
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Damaged notes beside an image that is whole: viewers show it as it is.
        return 1
    return orientation if orientation in _TURNS else 1


def _subfile_type(image: TiffImagePlugin.TiffImageFile) -> int:
    value = image.tag_v2.get(SUBFILE_TYPE, 0)
    return value if isinstance(value, int) else 0


def _on_white(image: Image.Image) -> Image.Image:
    """Lay an image with transparency over white; return others as they are."""
    if image.mode not in ("LA", "PA", "RGBA", "RGBa") and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError) and Image.MAX_IMAGE_PIXELS:
        limit = 2 * Image.MAX_IMAGE_PIXELS
        return f"more than the {limit:,} pixels that Pillow reads: make it smaller"
    return f"{type(error).__name__}: {error}"


def _raise_failures(failures: Sequence[str]) -> None:
    if failures:
        named = "; ".join(failures[:NUM_NAMED])
        more = f"; and {len(failures) - NUM_NAMED} more" if len(failures) > NUM_NAMED else ""
        raise ValueError(
            f"{len(failures)} image files cannot be used. Expected readable images of 8 bits a "
            "channel: convert them (Image.convert('L') or 'RGB'), fetch them again, or move them "
            f"away. Received: {named}{more}"
        )
