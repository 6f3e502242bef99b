"""Squares: a small set that renders itself in a moment, for first steps and tests.

Squares on black with independent factors: x, y and, where there are several, size and colour. Edges
that fall between pixels are antialiased by their exact coverage.
"""

import dataclasses

import numpy as np

from models import checks
from pipeline.datasets.grid import GridRecipe, check_factors


@dataclasses.dataclass(frozen=True)
class Squares(GridRecipe):
    """Squares of several sizes and colours at a grid of positions.

    Attributes:
      num_images: See GridRecipe.
      subset_seed: See GridRecipe.
      image_size: Height and width in pixels.
      positions: Positions along each axis, evenly spaced.
      sizes: Side lengths in pixels; a single one makes no factor.
      centre_range: Lowest and highest centre along each axis, as fractions of `image_size`.
      num_colours: Colours, evenly spaced from `first_colour` to `last_colour`; 0: white squares in
        images of one channel, and no factor "colour".
      first_colour: Red, green and blue, each from 0 to 1.
      last_colour: Likewise.
    """

    image_size: int = 32
    positions: int = 16
    sizes: tuple[float, ...] = (4.0, 6.0, 8.0, 10.0, 12.0, 14.0)
    centre_range: tuple[float, float] = (0.25, 0.75)
    num_colours: int = 0
    first_colour: tuple[float, float, float] = (1.0, 0.75, 0.1)
    last_colour: tuple[float, float, float] = (0.1, 0.35, 1.0)

    name = "Squares"

    def __post_init__(self):
        """Check the fields."""
        checks.integer("image_size", self.image_size, minimum=4)
        checks.integer("positions", self.positions, minimum=2)
        checks.integer("num_colours", self.num_colours, minimum=0)
        for field in ("sizes", "centre_range", "first_colour", "last_colour"):
            value = getattr(self, field)
            if not isinstance(value, tuple | list) or not value:
                checks.fail(field, value, "a tuple of numbers")
            object.__setattr__(self, field, tuple(checks.number(field, one) for one in value))
        if min(self.sizes) <= 0 or len(set(self.sizes)) < len(self.sizes):
            checks.fail("sizes", self.sizes, "different side lengths above 0 pixels")
        if len(self.centre_range) != 2 or not 0 <= self.centre_range[0] < self.centre_range[1] <= 1:
            checks.fail("centre_range", self.centre_range, "0 <= lowest < highest <= 1")
        if self.num_colours == 1:
            checks.fail("num_colours", self.num_colours, "0 for white, or at least 2")
        for field in ("first_colour", "last_colour"):
            value = getattr(self, field)
            if len(value) != 3 or not all(0 <= one <= 1 for one in value):
                checks.fail(field, value, "three numbers from 0 to 1")
        super().__post_init__()

    @property
    def factor_names(self) -> tuple[str, ...]:
        """The factors that vary, of x, y, size and colour."""
        varies = (True, True, len(self.sizes) > 1, self.num_colours > 1)
        names = ("x", "y", "size", "colour")
        return tuple(name for name, one in zip(names, varies, strict=True) if one)

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """Values of each factor."""
        values = {"size": len(self.sizes), "colour": self.num_colours}
        return tuple(values.get(name, self.positions) for name in self.factor_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return (self.image_size, self.image_size, 3 if self.num_colours else 1)

    def render(self, factors: np.ndarray) -> np.ndarray:
        """Draw squares.

        Args:
          factors: int ``[n, num_factors]``, in the order of `factor_names`.

        Returns:
          uint8 ``[n, image_size, image_size, channels]``, 0 to 255.
        """
        factors = check_factors(factors, self.factor_sizes)
        low, high = (fraction * self.image_size for fraction in self.centre_range)
        centres = low + (high - low) * factors[:, :2] / (self.positions - 1)
        half_sides = np.asarray(self.sizes)[self._column(factors, "size"), None] / 2
        across = self._coverage(centres[:, :1], half_sides)
        down = self._coverage(centres[:, 1:], half_sides)
        images = np.empty((len(factors), *self.image_shape), np.uint8)
        for start in range(0, len(factors), 1024):  # Bounds the memory of the products.
            rows = slice(start, start + 1024)
            coverage = down[rows, :, None] * across[rows, None, :]  # [rows, h, w]
            colours = self._colours(factors[rows])[:, None, None, :]
            images[rows] = np.rint(255 * coverage[..., None] * colours)
        return images

    def _colours(self, factors: np.ndarray) -> np.ndarray:
        """Colour of each square: ``[n, factors]`` -> ``[n, channels]``."""
        if not self.num_colours:
            return np.ones((len(factors), 1))
        mix = self._column(factors, "colour")[:, None] / (self.num_colours - 1)
        return (1 - mix) * np.asarray(self.first_colour) + mix * np.asarray(self.last_colour)

    def _column(self, factors: np.ndarray, name: str) -> np.ndarray:
        """Return the values ``[n]`` of one factor, 0 where it does not vary."""
        if name not in self.factor_names:
            return np.zeros(len(factors), np.int64)
        return factors[:, self.factor_names.index(name)]

    def _coverage(self, centres: np.ndarray, half_sides: np.ndarray) -> np.ndarray:
        """Return the share of each pixel that an interval of one axis covers, ``[n, size]``."""
        pixels = np.arange(self.image_size)
        first = np.maximum(pixels, centres - half_sides)
        last = np.minimum(pixels + 1, centres + half_sides)
        return np.clip(last - first, 0, 1)
