"""Rows of images out of an array whose axes are factors and the sides of an image, in any order."""

import math
from collections.abc import Sequence
from typing import SupportsInt

import numpy as np

from pipeline.datasets.grid_files.stored_arrays import StoredArray

ROW = "row"  # An axis that runs over all combinations of factors.
IMAGE_AXES = ("height", "width", "channel")


class GridRows:
    """An array seen as rows of images, one for each combination of the factors on its axes.

    Attributes:
      factors: The factors in the order of the rows, the last one changing fastest; or ``("row",)``.
      sizes: How many values each has.
      image_shape: ``(height, width, channels)``.
    """

    def __init__(self, array: StoredArray, axes: Sequence[str] | None, where: str):
        """Look at shape and dtype; read nothing.

        Args:
          array: The array.
          axes: A name for each axis, as in NumPy, or as in MATLAB for MATLAB's files: "height",
            "width", "channel" (which may be missing), and factors, or "row" for all of them in
            one. None means row, height, width, channel; in MATLAB's files height, width, channel,
            row.
          where: Names file and array in errors.

        Raises:
          ValueError: The axes do not fit the array, or it does not hold images.
        """
        self._values, self._where = array.values, where
        num_axes = len(array.values.shape)
        if axes is None:
            axes = IMAGE_AXES[: num_axes - 1]
            axes = (*axes, ROW) if array.is_reversed else (ROW, *axes)
        stored = tuple(axes)[::-1] if array.is_reversed else tuple(axes)
        if len(stored) != num_axes or not {"height", "width"} <= set(stored):
            shape = array.values.shape[::-1] if array.is_reversed else array.values.shape
            raise ValueError(
                f"The axes of {where} do not fit. Expected a name for each of {num_axes} axes, "
                f"'height' and 'width' among them. Received: axes={tuple(axes)}, shape={shape}"
            )
        if array.values.dtype.kind not in "buf" or (
            array.values.dtype.kind == "u" and array.values.dtype != np.uint8
        ):
            raise ValueError(
                f"The images of {where} are of an unusable type. Expected uint8, bool or floating "
                f"point in [0, 1]. Received: dtype={array.values.dtype}"
            )
        size = dict(zip(stored, array.values.shape, strict=True))
        self.factors = tuple(name for name in stored if name not in IMAGE_AXES)
        self.sizes = tuple(size[name] for name in self.factors)
        self.image_shape = (size["height"], size["width"], size.get("channel", 1))
        if 0 in size.values() or self.image_shape[-1] not in (1, 3):
            raise ValueError(
                f"{where} does not hold images. Expected 1 or 3 channels and nothing empty. "
                f"Received: {size}"
            )
        self._places = [stored.index(name) for name in self.factors]
        if not self.factors or (array.is_streamed and self._places != [0]):
            raise ValueError(
                f"{where} cannot be read image by image. Expected an axis of factors"
                + (
                    " and only one, the first: a .npz file is read from front to back (save the "
                    "array with numpy.save as a .npy file instead)"
                    if array.is_streamed
                    else ""
                )
                + f". Received: axes={tuple(axes)}"
            )
        # Where height, width and channel are once the factors' axes are indexed away.
        rest = [name for name in stored if name in IMAGE_AXES]
        self._order = [rest.index(name) for name in IMAGE_AXES if name in rest]

    @property
    def num_rows(self) -> int:
        """Number of images."""
        return math.prod(self.sizes)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the rows ``[start, stop)`` as uint8 ``[n, height, width, channels]``.

        Raises:
          ValueError: Floating-point values lie outside [0, 1].
        """
        last = self.sizes[-1]
        images = np.empty((stop - start, *self.image_shape), np.uint8)
        for prefix in range(start // last, -(-stop // last)):
            first = max(start, prefix * last)
            end = min(stop, (prefix + 1) * last)
            outer = np.unravel_index(prefix, self.sizes[:-1]) if len(self.sizes) > 1 else ()
            run = self._run(outer, first - prefix * last, end - prefix * last)
            images[first - start : end - start] = self._to_bytes(run).reshape(-1, *self.image_shape)
        return images

    def _run(self, outer: Sequence[SupportsInt], start: int, stop: int) -> np.ndarray:
        """Return images ``[n, height, width(, channels)]`` of one run along the last factor."""
        selection: list[int | slice] = [slice(None)] * len(self._values.shape)
        for axis, value in zip(self._places, outer, strict=False):
            selection[axis] = int(value)
        selection[self._places[-1]] = slice(start, stop)
        is_flat = self._places == [0]
        run = np.asarray(self._values[selection[0] if is_flat else tuple(selection)])
        run = np.moveaxis(run, self._places[-1] - len(outer), 0)
        return run.transpose(0, *[1 + axis for axis in self._order])

    def _to_bytes(self, run: np.ndarray) -> np.ndarray:
        if run.dtype.kind != "f":
            return run
        # Written so that not-a-number fails.
        if not (run.min() >= 0 and run.max() <= 1):
            raise ValueError(
                f"The images of {self._where} are out of range. Expected floating point in [0, 1], "
                f"or uint8. Received: values from {run.min()} to {run.max()}"
            )
        return np.rint(255 * run.astype(np.float32))
