"""CelebA: 202,599 aligned photographs of faces with 40 attributes, from the files as published.

Liu, Luo, Wang and Tang, ICCV 2015.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from models import checks
from pipeline.datasets.arrays import file_identity
from pipeline.datasets.grid_files.folders import folder_identity
from pipeline.datasets.grid_files.published import PublishedDataset, RowsOf, rows_per_chunk
from pipeline.datasets.image_files import decoding
from pipeline.datasets.layout import Contents, Layout, StoredImages
from pipeline.datasets.table import TableDataset

IMAGES = "img_align_celeba"
ATTRIBUTES = "list_attr_celeba.txt"


@dataclasses.dataclass(frozen=True)
class CelebA(PublishedDataset):
    """Faces; chosen attributes are binary factors.

    The `path` is the folder with ``img_align_celeba`` (the JPEG files) and
    ``list_attr_celeba.txt``: a line with the number of images, a line with the names of the
    attributes, and a line for each image, its file name and -1 or 1 for each attribute.

    Attributes:
      attributes: Which of the 40 attributes count as factors; () for none.
    """

    gin_name: ClassVar[str] = "celeba"

    title: str | None = "CelebA"
    attributes: tuple[str, ...] = ()

    def __post_init__(self):
        """Check the fields; the files are looked at later."""
        super().__post_init__()
        if not isinstance(self.attributes, tuple | list):
            checks.fail("attributes", self.attributes, "a tuple of names of attributes")
        object.__setattr__(self, "attributes", tuple(self.attributes))

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe; one cache serves all attributes and numbers of training images."""
        sources = [folder_identity(self.files / IMAGES), file_identity(self.files / ATTRIBUTES)]
        return {"sources": sources, "crop": self.crop, "resize": self.resize}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        num_rows = folder_identity(self.files / IMAGES)["files"]
        side = self.resize or self.crop or 178
        return num_rows * side * side * 3, num_rows / 500

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe; verifies that every image is listed and there."""
        names, files, values = read_attributes(self.files / ATTRIBUTES)
        self._check_attributes(names)
        there = {path.name for path in (self.files / IMAGES).iterdir()}
        missing = [name for name in files if name not in there]
        if missing:
            raise ValueError(
                f"{self.files / IMAGES} lacks images that {ATTRIBUTES} lists. Expected "
                f"{len(files)} images. Received: {len(missing)} missing, {missing[0]} first"
            )
        shape = decoding.shape_of_files([self._image(files[0])], self.crop, self.resize)
        arrays = {"images": ((*shape[:2], 3), "uint8"), "factors": ((len(names),), "int64")}
        return Layout(arrays, len(files), rows_per_chunk(shape), {"attributes": names})

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        _, files, values = read_attributes(self.files / ATTRIBUTES)
        for start, stop in ranges:
            paths = [self._image(name) for name in files[start:stop]]
            decoding.shape_of_files(paths, self.crop, self.resize)
            images = decoding.read_files(paths, 3, self.crop, self.resize)
            yield {"images": images, "factors": values[start:stop]}

    def view(self, contents: Contents) -> TableDataset:
        """See DatasetRecipe."""
        names = contents.details["attributes"]
        self._check_attributes(names)
        images: StoredImages = contents.arrays["images"]
        columns = [names.index(name) for name in self.attributes]
        factors = np.asarray(contents.arrays["factors"][:, columns])
        rows, fingerprint = self._chosen(len(images), contents.fingerprint)
        if rows is not None:
            images, factors = RowsOf(images, rows), factors[rows]
        data = TableDataset(self.name, 255, fingerprint, images, factors, self.attributes)
        data.nominal_factors = self.attributes
        return data

    def _check_attributes(self, names: Sequence[str]) -> None:
        if not set(self.attributes) <= set(names):
            checks.fail("attributes", self.attributes, f"some of {', '.join(names)}")

    def _image(self, name: str) -> Path:
        return self.files / IMAGES / name


def read_attributes(path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Read ``list_attr_celeba.txt``.

    Args:
      path: The file.

    Returns:
      Names of the attributes, file names of the images, and values int64 ``[n, attributes]``, 0
      for absent (-1 in the file) and 1 for present.

    Raises:
      ValueError: The file is of another form or cut off; names the line.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) < 3 or not lines[0].strip().isdigit():
        raise ValueError(
            f"{path} is not CelebA's list of attributes. Expected the number of images, the names "
            f"of the attributes, then a line for each image. Received: {lines[:1]}"
        )
    names, num_images = lines[1].split(), int(lines[0])
    files, values = [], np.empty((num_images, len(names)), np.int64)
    rows = [line.split() for line in lines[2:] if line.strip()]
    if len(rows) != num_images:
        raise ValueError(
            f"{path} is cut off. Expected {num_images} images, as its first line says. Received: "
            f"{len(rows)}"
        )
    for row, (file, *marks) in enumerate(rows):
        if len(marks) != len(names) or not set(marks) <= {"-1", "1"}:
            raise ValueError(
                f"{path}, line {row + 3}, is damaged. Expected a file name and {len(names)} times "
                f"-1 or 1. Received: {lines[row + 2][:60]!r}"
            )
        files.append(file)
        values[row] = [mark == "1" for mark in marks]
    return names, files, values
