"""3DTeapots, re-rendered: the Utah teapot with continuous factors, 64 x 64 in colour.

Geometry and colour are apart: shade and coverage of 200,000 training poses are rendered once (1.6
GB), and every batch is coloured when it is read. For evaluation any factors are rendered.
"""

import concurrent.futures
import dataclasses
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import checks
from pipeline.datasets.continuous import ContinuousDataset, sample_uniform
from pipeline.datasets.interface import CachedRecipe, check_num_images
from pipeline.datasets.layout import Contents, Layout
from pipeline.datasets.teapots import renderer

PUBLISHED_IMAGES = 200_000
IMAGE_SHAPE = (64, 64, 3)
FIXED_COLOUR = (0.3, 0.5, 0.9)
RENDERER_VERSION = 1
ROWS_PER_CHUNK = 2000
IMAGES_PER_SECOND = 450  # Rendering, on one core.
ROWS_PER_COLOURING = 64  # Bounds the memory of floating-point pixels.

_TURN = (0.0, 2 * np.pi)
_ABOVE = (0.0, np.pi / 2)
FACTOR_RANGES = {
    "colour": {
        "azimuth": _TURN,
        "elevation": _ABOVE,
        "red": (0.0, 1.0),
        "green": (0.0, 1.0),
        "blue": (0.0, 1.0),
    },
    "rotation": {"azimuth": _TURN, "elevation": (-np.pi / 2, np.pi / 2), "roll": _TURN},
    "rotation_and_light": {
        "azimuth": _TURN,
        "elevation": (-np.pi / 2, np.pi / 2),
        "roll": _TURN,
        "light_azimuth": _TURN,
        "light_elevation": _ABOVE,
    },
}


@dataclasses.dataclass(frozen=True)
class Teapots(CachedRecipe):
    """Teapots in random poses.

    Attributes:
      num_images: Training images; None means the published 200,000. Fewer are the first of more.
      variant: ``"colour"`` has the factors azimuth, elevation, red, green and blue, and light from
        straight above the pot. ``"rotation"`` turns a pot of one colour fully (azimuth, elevation,
        roll) under light from the top of the image. ``"rotation_and_light"`` has light from a
        random direction besides, above the middle of the image (its azimuth around the vertical of
        the image, its elevation).
      seed: Seed of the training poses.
    """

    num_images: int | None = None
    variant: str = "colour"
    seed: int = 0

    image_shape = (64, 64, 3)
    is_rendered = True

    def __post_init__(self):
        """Check the fields."""
        check_num_images(self.num_images)
        checks.choice("variant", self.variant, FACTOR_RANGES)
        checks.integer("seed", self.seed, minimum=0)

    @property
    def name(self) -> str:
        """Name and variant."""
        variant = "" if self.variant == "colour" else f", {self.variant.replace('_', ' ')}"
        return f"3DTeapots (re-rendered{variant})"

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe."""
        return {"renderer": RENDERER_VERSION, **dataclasses.asdict(self)}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        num_rows = self.num_images or PUBLISHED_IMAGES
        row_bytes = 2 * 64 * 64 + 8 * len(FACTOR_RANGES[self.variant])
        return num_rows * row_bytes, num_rows / (IMAGES_PER_SECOND * _num_processes(num_rows))

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe."""
        arrays = {
            "geometry": ((64, 64, 2), "uint8"),
            "factors": ((len(FACTOR_RANGES[self.variant]),), "float64"),
        }
        num_rows = self.num_images or PUBLISHED_IMAGES
        return Layout(arrays, num_rows, ROWS_PER_CHUNK, self.cache_identity())

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe; the images do not depend on the number of processes."""
        factors = sample_uniform(
            np.random.default_rng(self.seed),
            layout.num_rows,
            list(FACTOR_RANGES[self.variant].values()),
        )
        poses = [factors[start:stop] for start, stop in ranges]
        variants = [self.variant] * len(poses)
        num_processes = _num_processes(sum(map(len, poses)))
        if num_processes == 1:
            rendered = map(render_geometry, poses, variants)
            yield from _chunks(poses, rendered)
            return
        context = multiprocessing.get_context("spawn")
        pool = concurrent.futures.ProcessPoolExecutor(num_processes, context)
        try:
            yield from _chunks(poses, pool.map(render_geometry, poses, variants))
        finally:
            pool.shutdown(cancel_futures=True)

    def view(self, contents: Contents) -> "TeapotDataset":
        """See DatasetRecipe."""
        return TeapotDataset(self.name, self.variant, contents)


class TeapotDataset(ContinuousDataset):
    """Opened teapots; keys are factor rows."""

    def __init__(self, name: str, variant: str, contents: Contents):
        """Open the stored geometry.

        Args:
          name: See Dataset.
          variant: See Teapots.
          contents: The cache of the recipe.
        """
        self._variant = variant
        self._geometry = contents.arrays["geometry"]
        self._factors = contents.arrays["factors"]
        ranges = FACTOR_RANGES[variant]
        super().__init__(name, IMAGE_SHAPE, len(self._geometry), contents.fingerprint, ranges)

    def train_images(self, indices: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return colour(self._geometry[indices], _colours(self._factors[indices], self._variant))

    def train_layers(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See Dataset."""
        colours = _colours(self._factors[indices], self._variant)
        return self._geometry[indices], _per_shade(colours)

    def train_keys(self) -> np.ndarray:
        """See Dataset."""
        return np.asarray(self._factors)

    def images_of(self, keys: np.ndarray) -> np.ndarray:
        """See Dataset."""
        return render(keys, self._variant)


def render(factors: np.ndarray, variant: str = "colour") -> np.ndarray:
    """Draw teapots on white.

    Args:
      factors: Floating point ``[n, num_factors]``; for the variant "colour" azimuth and elevation
        in radians, red, green and blue from 0 to 1.
      variant: See Teapots.

    Returns:
      uint8 ``[n, 64, 64, 3]``.

    Raises:
      ValueError: The factors are not rows of the variant's factors, or outside its ranges.
    """
    factors = _check_factors(factors, variant)
    return colour(render_geometry(factors, variant), _colours(factors, variant))


def render_geometry(factors: np.ndarray, variant: str) -> np.ndarray:
    """Return the shade and coverage uint8 ``[n, 64, 64, 2]`` of factor rows, see renderer."""
    azimuths, elevations = factors[:, 0], factors[:, 1]
    if variant == "colour":
        return renderer.render_geometry(azimuths, elevations)
    lights = np.tile([0.0, 1.0, 0.0], (len(factors), 1))
    if variant == "rotation_and_light":
        around, height = factors[:, 3], factors[:, 4]
        level = np.cos(height)
        lights = np.stack([level * np.cos(around), np.sin(height), level * np.sin(around)], axis=1)
    return renderer.render_geometry(azimuths, elevations, factors[:, 2], lights)


def colour(geometry: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Colour teapots and lay them over white.

    Args:
      geometry: uint8 ``[n, 64, 64, 2]``, shade and coverage.
      colours: Red, green and blue from 0 to 1, ``[n, 3]``.

    Returns:
      uint8 ``[n, 64, 64, 3]``.
    """
    images = np.empty((*geometry.shape[:3], 3), np.uint8)
    colours = _per_shade(colours)
    for start in range(0, len(images), ROWS_PER_COLOURING):
        rows = slice(start, start + ROWS_PER_COLOURING)
        shade, coverage = (geometry[rows, ..., part].astype(np.float32) for part in (0, 1))
        for channel in range(3):  # One at a time: much faster than an innermost axis of three.
            pixels = shade * colours[rows, channel, None, None]
            # 1 - a + a min(1, shade colour), in 255ths; the half rounds.
            np.minimum(pixels, 1, out=pixels)
            pixels -= 1
            pixels *= coverage
            pixels += 255.5
            images[rows, ..., channel] = pixels
    return images


def _per_shade(colours: np.ndarray) -> np.ndarray:
    """Return how bright each channel gets with a step of the shade, float32 ``[n, 3]``."""
    return (colours * (renderer.MAX_SHADE / 255)).astype(np.float32)


def _colours(factors: np.ndarray, variant: str) -> np.ndarray:
    if variant == "colour":
        return factors[:, 2:5]
    return np.tile(FIXED_COLOUR, (len(factors), 1))


def _chunks(
    poses: list[np.ndarray], rendered: Iterator[np.ndarray]
) -> Iterator[dict[str, np.ndarray]]:
    for factors, geometry in zip(poses, rendered, strict=True):
        yield {"geometry": geometry, "factors": factors}


def _num_processes(num_images: int) -> int:
    """Return how many processes are worth starting: one for each core, none for a few seconds."""
    if multiprocessing.current_process().daemon:  # It may not start any.
        return 1
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(num_cores or 1, num_images // (2 * ROWS_PER_CHUNK)))


def _check_factors(factors: np.ndarray, variant: str) -> np.ndarray:
    checks.choice("variant", variant, FACTOR_RANGES)
    ranges = FACTOR_RANGES[variant]
    factors = np.asarray(factors, np.float64)
    if factors.ndim != 2 or factors.shape[1] != len(ranges):
        raise ValueError(
            f"factors are rows of {', '.join(ranges)}. Expected shape [n, {len(ranges)}]. "
            f"Received: factors of shape {factors.shape}"
        )
    low, high = np.array(list(ranges.values())).T
    if not np.logical_and(factors >= low, factors <= high).all():
        raise ValueError(
            f"factors lie outside their ranges. Expected from {low} to {high}. Received: from "
            f"{factors.min(axis=0)} to {factors.max(axis=0)}"
        )
    return factors
