"""dSprites: 737,280 binary images of 64 x 64, rendered here or read from an original copy.

Three shapes in 6 scales, 40 orientations (the last equals the first), 32 x and 32 y positions, see
Matthey et al., dSprites, 2017. The images re-rendered here overlap with the original ones by 0.9997
(intersection over union); a copy of the original is read where `source` names one.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pipeline.datasets import paths, tensorflow_datasets
from pipeline.datasets.arrays import file_identity
from pipeline.datasets.dsprites import shapes
from pipeline.datasets.grid import GridDataset, GridRecipe, check_factors, training_subset
from pipeline.datasets.grid_files import stored_arrays
from pipeline.datasets.layout import Contents, Layout

FACTOR_NAMES = ("shape", "scale", "orientation", "x", "y")
FACTOR_SIZES = (3, 6, 40, 32, 32)


@dataclasses.dataclass(frozen=True)
class DSprites(GridRecipe):
    """The grid of dSprites, stored eight pixels a byte (378 MB in all).

    Attributes:
      num_images: See GridRecipe. A copy of the original is always stored whole.
      subset_seed: See GridRecipe.
      source: None renders the images. The path of a ``dsprites_ndarray_*.npz`` or ``.hdf5`` file
        reads the original images, ``"tfds"`` those of TensorFlow Datasets.
    """

    gin_name: ClassVar[str] = "dsprites"

    source: str | None = None

    factor_names = FACTOR_NAMES
    image_shape = (64, 64, 1)
    max_value = 1
    stored_shape = (shapes.PACKED_BYTES,)
    rows_per_chunk = 32 * 32 * 60

    def __post_init__(self):
        """Check the fields; the files are looked at later."""
        super().__post_init__()
        if self.source not in (None, "tfds"):
            expected = "None, 'tfds', or the path of a dsprites_ndarray_*.npz file"
            object.__setattr__(self, "source", paths.absolute("source", self.source, expected))

    @property
    def is_rendered(self) -> bool:
        """See DatasetRecipe."""
        return self.source is None

    @property
    def name(self) -> str:
        """Says whether the images are the original ones."""
        return "dSprites" if self.source else "dSprites (re-rendered)"

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """Values of each factor."""
        return FACTOR_SIZES

    def render(self, factors: np.ndarray) -> np.ndarray:
        """See the function of the same name."""
        return render(factors)

    def render_stored(self, factors: np.ndarray) -> np.ndarray:
        """See GridRecipe."""
        return shapes.render_packed(factors)

    def decode(self, stored: np.ndarray) -> np.ndarray:
        """See GridRecipe."""
        return shapes.unpack(stored)

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe; a stored original serves every number of training images."""
        if self.source is None:
            return super().cache_identity()
        if self.source == "tfds":
            return {"source": "tfds"}
        return {"source": file_identity(Path(self.source))}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        if self.source is None:
            return super().cost()
        return self.num_combinations * shapes.PACKED_BYTES, self.num_combinations / 20_000

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe."""
        layout = super().layout(cache_directory)
        if self.source is None:
            return layout
        return dataclasses.replace(layout, num_rows=self.num_combinations, details={})

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        if self.source is None:
            yield from super().make_chunks(cache_directory, layout, ranges)
        elif self.source == "tfds":
            packed = _pack_from_tensorflow_datasets(cache_directory)
            for start, stop in ranges:
                yield {"images": packed[start:stop]}
        else:
            yield from _pack_from_file(Path(self.source), ranges)

    def view(self, contents: Contents) -> GridDataset:
        """See DatasetRecipe."""
        chosen = training_subset(self.num_images, self.num_combinations, self.subset_seed)
        rows = chosen if self.source is not None else None
        fingerprint = contents.fingerprint
        if rows is not None:
            fingerprint = hashlib.sha256(fingerprint.encode() + rows.tobytes()).hexdigest()
        return GridDataset(
            self.name,
            self.image_shape,
            self.max_value,
            fingerprint,
            self.factor_names,
            self.factor_sizes,
            stored=contents.arrays["images"],
            decode=self.decode,
            render=self.render,
            training_rows=rows,
            stored_rows=chosen,
        )


def render(factors: np.ndarray) -> np.ndarray:
    """Draw sprites.

    Args:
      factors: int ``[n, 5]``: shape (0 square, 1 ellipse, 2 heart), scale 0 .. 5, orientation
        0 .. 39, x 0 .. 31, y 0 .. 31.

    Returns:
      uint8 ``[n, 64, 64, 1]``, 0 or 1.
    """
    return shapes.unpack(shapes.render_packed(check_factors(factors, FACTOR_SIZES)))


def _pack_from_file(
    path: Path, ranges: Sequence[tuple[int, int]]
) -> Iterator[dict[str, np.ndarray]]:
    """Stream the images of the original file, whose rows are in our order."""
    num_rows = int(np.prod(FACTOR_SIZES))
    key = "latents/classes" if path.suffix in stored_arrays.HDF5 else "latents_classes"
    classes = stored_arrays.read_array(path, key)
    grid = np.stack(np.unravel_index(np.arange(num_rows), FACTOR_SIZES), axis=1)
    if classes.shape != (num_rows, 6) or (classes[:, 1:] != grid).any():
        raise ValueError(
            f"{path} is not the original dSprites file. Expected {key!r} of shape "
            f"[{num_rows}, 6] in row-major order. Received: shape={classes.shape}"
        )
    with stored_arrays.open_array(path, "imgs") as array:
        images = array.values
        if images.shape != (num_rows, 64, 64) or images.dtype != np.uint8:
            raise ValueError(
                f"{path} is not the original dSprites file. Expected 'imgs' uint8 [{num_rows}, 64, "
                f"64]. Received: shape={images.shape}, dtype={images.dtype}"
            )
        for start, stop in ranges:
            rows = images[start:stop].reshape(stop - start, -1)
            yield {"images": np.packbits(rows, axis=1)}


def _pack_from_tensorflow_datasets(cache_directory: Path) -> np.ndarray:
    """Return all images, packed and put in our order; uint8 ``[737280, 512]``."""
    columns = [f"label_{factor}" for factor in ("shape", "scale", "orientation")]
    columns += ["label_x_position", "label_y_position"]
    packed = np.zeros((int(np.prod(FACTOR_SIZES)), shapes.PACKED_BYTES), np.uint8)
    is_there = np.zeros(len(packed), bool)
    builder = tensorflow_datasets.prepare_builder("dsprites", cache_directory)
    for example in tensorflow_datasets.examples(builder, "train"):
        row = np.ravel_multi_index([int(example[column]) for column in columns], FACTOR_SIZES)
        packed[row] = np.packbits(example["image"].reshape(-1) > 0)
        is_there[row] = True
    if not is_there.all():
        raise ValueError(
            f"TensorFlow Datasets gave an incomplete dSprites. Expected {len(packed)} factor "
            f"combinations. Received: {int(is_there.sum())}"
        )
    return packed
