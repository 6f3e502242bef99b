"""Cutting and resizing single images, for sources whose images are not of the wanted size."""

import numpy as np
from PIL import Image

from models import checks


def check_sizes(crop: int | None, resize: int | None) -> None:
    """Raise ValueError unless both fields are None or whole numbers of pixels."""
    for field, value in (("crop", crop), ("resize", resize)):
        if value is not None:
            checks.integer(field, value, minimum=1)


def crop_and_resize(image: Image.Image, crop: int | None, resize: int | None) -> Image.Image:
    """Cut out a centred square and resize it bilinearly.

    Args:
      image: The image.
      crop: Side of the square in pixels. None keeps the whole image, or where `resize` is given
        the largest square, so that nothing is distorted.
      resize: Height and width of the result; None keeps them.

    Returns:
      The new image.

    Raises:
      ValueError: The image is smaller than `crop`.
    """
    width, height = image.size
    if crop is None and resize is not None:
        crop = min(width, height)
    if crop is not None:
        if crop > min(width, height):
            raise ValueError(
                f"The image is too small to cut. Expected at least {crop} x {crop} pixels. "
                f"Received: {height} x {width}"
            )
        left, top = (width - crop) // 2, (height - crop) // 2
        image = image.crop((left, top, left + crop, top + crop))
    if resize is not None and image.size != (resize, resize):
        image = image.resize((resize, resize), Image.Resampling.BILINEAR)
    return image


def resize_array(image: np.ndarray, crop: int | None, resize: int | None) -> np.ndarray:
    """Crop and resize as `crop_and_resize`, an array uint8 ``[h, w, c]``, c = 1 or 3."""
    if crop is None and resize is None:
        return image
    channels = image.shape[-1]
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    resized = np.asarray(crop_and_resize(picture, crop, resize))
    return resized.reshape(*resized.shape[:2], channels)
