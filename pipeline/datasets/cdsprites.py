"""CdSprites: one disc on a polar grid of positions, 1,080 binary images of 64 x 64.

The two factors are polar: moving along x or y changes both, which is why the set is a test of
whether a method finds the factors that generated the images.
"""

import dataclasses
import functools
from typing import ClassVar

import numpy as np

from pipeline.datasets.grid import GridRecipe, check_factors

NUM_ANGLES = 40
NUM_RADII = 27
DISC_RADIUS = 5.6  # Pixels; pixel centres inside.


@dataclasses.dataclass(frozen=True)
class CdSprites(GridRecipe):
    """The disc at radius 0 .. 26 pixels and 40 angles around the middle; see GridRecipe."""

    gin_name: ClassVar[str] = "cdsprites"

    name = "CdSprites (re-rendered)"
    factor_names = ("angle", "radius")
    factor_sizes = (NUM_ANGLES, NUM_RADII)
    image_shape = (64, 64, 1)
    max_value = 1

    def render(self, factors: np.ndarray) -> np.ndarray:
        """See the function of the same name."""
        return render(factors)


def render(factors: np.ndarray) -> np.ndarray:
    """Draw discs.

    Args:
      factors: int ``[n, 2]``: angle 0 .. 39 (in 40ths of a turn, clockwise on the screen from the
        right), radius 0 .. 26 (pixels from the middle).

    Returns:
      uint8 ``[n, 64, 64, 1]``, 0 or 1.
    """
    factors = check_factors(factors, (NUM_ANGLES, NUM_RADII))
    return _all_images()[factors[:, 0], factors[:, 1]]


@functools.cache
def _all_images() -> np.ndarray:
    """Return all images, uint8 ``[angle, radius, 64, 64, 1]``; 4 MB."""
    angles = 2 * np.pi * np.arange(NUM_ANGLES)[:, None, None] / NUM_ANGLES
    radii = np.arange(NUM_RADII)[:, None]
    pixels = np.arange(64) + 0.5
    across = (pixels - (32 + radii * np.cos(angles))) ** 2  # [angle, radius, column]
    down = (pixels - (32 + radii * np.sin(angles))) ** 2  # [angle, radius, row]
    inside = down[..., :, None] + across[..., None, :] < DISC_RADIUS**2
    return inside.astype(np.uint8)[..., None]
