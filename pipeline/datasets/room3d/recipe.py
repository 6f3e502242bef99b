"""3D room (ours): 480,000 images of an object in the corner of a room, 64 x 64 in colour.

The factors are those of Shapes3D (Burgess and Kim 2018), the images are not: geometry, light and
colours are our own. Geometry depends on three of the six factors: it is drawn 480 times and cached,
and the hues are laid over it when images are read.
"""

import colorsys
import dataclasses
import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from models import checks
from pipeline.datasets.grid import GridDataset, check_factors, training_subset
from pipeline.datasets.interface import CachedRecipe, check_num_images
from pipeline.datasets.layout import Contents, Layout
from pipeline.datasets.room3d import ray_caster

NUM_HUES = 10
FACTOR_NAMES = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
FACTOR_SIZES = (NUM_HUES, NUM_HUES, NUM_HUES, 8, 4, 15)
NUM_IMAGES = math.prod(FACTOR_SIZES)
GEOMETRY_SIZES = FACTOR_SIZES[3:]
NUM_GEOMETRIES = math.prod(GEOMETRY_SIZES)
IMAGE_SHAPE = (64, 64, 3)
SHADES_SHAPE = (3, 64, 64)
SATURATION, VALUE = 0.8, 1.0
RENDERER_VERSION = 1  # Raise it when the same factors give other pixels than before.
GEOMETRIES_PER_SECOND = 40  # Drawing, on one core.
ROWS_PER_PAINTING = 64  # Bounds the memory of pixels of 16 bits.

PALETTE = np.rint(
    [
        255 * np.array(colorsys.hsv_to_rgb(hue / NUM_HUES, SATURATION, VALUE))
        for hue in range(NUM_HUES)
    ]
).astype(np.uint16)
"""Red, green and blue (0 to 255) of each hue, ``[10, 3]``; floor, walls and object share them."""


@dataclasses.dataclass(frozen=True)
class Room3D(CachedRecipe):
    """The whole grid; its cache has 5.9 MB.

    Attributes:
      num_images: Training images, a random subset; None means all 480,000. Evaluation draws from
        all.
      subset_seed: Seed of that subset.
    """

    gin_name: ClassVar[str] = "room3d"

    num_images: int | None = None
    subset_seed: int = 0

    name = "3D room (ours)"
    image_shape = IMAGE_SHAPE
    is_rendered = True

    def __post_init__(self):
        """Check the fields."""
        check_num_images(self.num_images, NUM_IMAGES)
        checks.integer("subset_seed", self.subset_seed, minimum=0)

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe; one cache serves every number of training images."""
        return {"renderer": RENDERER_VERSION}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        return NUM_GEOMETRIES * math.prod(IMAGE_SHAPE), NUM_GEOMETRIES / GEOMETRIES_PER_SECOND

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe."""
        return Layout({"shades": (SHADES_SHAPE, "uint8")}, NUM_GEOMETRIES, 60)

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        for start, stop in ranges:
            geometries = np.unravel_index(np.arange(start, stop), GEOMETRY_SIZES)
            rows = np.stack(geometries, axis=1).tolist()
            yield {"shades": np.stack([ray_caster.shades(*row) for row in rows])}

    def view(self, contents: Contents) -> GridDataset:
        """See DatasetRecipe."""
        rows = training_subset(self.num_images, NUM_IMAGES, self.subset_seed)
        fingerprint = contents.fingerprint
        if rows is not None:
            fingerprint = hashlib.sha256(fingerprint.encode() + rows.tobytes()).hexdigest()
        data = GridDataset(
            self.name,
            IMAGE_SHAPE,
            255,
            fingerprint,
            FACTOR_NAMES,
            FACTOR_SIZES,
            stored=_Painted(contents.arrays["shades"]),
            decode=np.asarray,
            training_rows=rows,
        )
        data.nominal_factors = ("shape",)
        return data


class _Painted:
    """All images, found by the number of their row and painted when they are asked for."""

    def __init__(self, shades: np.ndarray):
        self._shades = shades

    def __len__(self) -> int:
        return NUM_IMAGES

    def __getitem__(self, keys: np.ndarray) -> np.ndarray:
        hues, geometries = np.divmod(np.asarray(keys), NUM_GEOMETRIES)
        hues = np.stack(np.unravel_index(hues, FACTOR_SIZES[:3]), axis=1)
        return paint(self._shades[geometries], hues)


def render(factors: np.ndarray) -> np.ndarray:
    """Draw rooms.

    Args:
      factors: int ``[n, 6]``: floor hue, wall hue, object hue (0 .. 9, tenths of the colour circle
        from red over green and blue), scale 0 .. 7, shape (0 cube, 1 cylinder, 2 sphere, 3
        capsule), orientation 0 .. 14 (of the camera around the object, -30 to 30 degrees).

    Returns:
      uint8 ``[n, 64, 64, 3]``.

    Raises:
      ValueError: The factors are not rows of six whole numbers, or outside of the grid.
    """
    factors = check_factors(factors, FACTOR_SIZES)
    geometries, places = np.unique(factors[:, 3:], axis=0, return_inverse=True)
    shades = np.stack([ray_caster.shades(*row) for row in geometries.tolist()])
    return paint(shades[places.reshape(-1)], factors[:, :3])


def paint(shades: np.ndarray, hues: np.ndarray) -> np.ndarray:
    """Lay colours over geometry, in whole numbers: the same pixels on every machine.

    Args:
      shades: uint8 ``[n, 3, 64, 64]``, see ray_caster.
      hues: Numbers of the hues of floor, walls and object, int ``[n, 3]``.

    Returns:
      uint8 ``[n, 64, 64, 3]``.
    """
    images = np.empty((len(shades), *IMAGE_SHAPE), np.uint8)
    colours = PALETTE[hues][..., None, None]  # [n, material, channel, 1, 1]
    for start in range(0, len(images), ROWS_PER_PAINTING):
        rows = slice(start, start + ROWS_PER_PAINTING)
        floor, walls, thing = shades[rows].astype(np.uint16).swapaxes(0, 1)
        for channel in range(3):  # One at a time: much faster than an innermost axis of three.
            pixels = floor * colours[rows, 0, channel]
            pixels += walls * colours[rows, 1, channel]
            pixels += thing * colours[rows, 2, channel]
            # The three shades add up to 256 at most, so this stays below 2^16.
            pixels += 255
            pixels >>= 8
            images[rows, ..., channel] = pixels
    return images
