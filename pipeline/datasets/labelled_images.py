"""Well-known labelled images with a held-out test part: MNIST, Fashion-MNIST and their like.

Read from IDX files, images in folders or an ``.npz`` file where the user has them, or through
TensorFlow Datasets.
"""

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import checks
from pipeline.datasets import idx_files, paths
from pipeline.datasets.arrays import array_names, file_identity
from pipeline.datasets.grid import training_subset
from pipeline.datasets.image_files import finding
from pipeline.datasets.images import ImageArrays, ImageFolder
from pipeline.datasets.interface import (
    READING_VERSION,
    CachedRecipe,
    Dataset,
    check_num_images,
)
from pipeline.datasets.layout import Contents, Layout
from pipeline.datasets.own_values import OwnFactors, own_factors
from pipeline.datasets.table import TableDataset
from pipeline.datasets.tensorflow_datasets import TensorFlowDataset

logger = logging.getLogger(__name__)

FIRST_FILE = "train-images-idx3-ubyte"  # of the IDX files
NUM_NAMED = 8  # files named in one error

PARTS = {"train": ("train",), "test": ("t10k", "test")}  # And how the files of each part begin.
INSTALLED = {"fashion_mnist": "/usr/share/datasets/fashion-mnist"}  # Debian's packages.


@dataclasses.dataclass(frozen=True)
class IdxImages(CachedRecipe):
    """A folder of IDX files, raw or gzip, named as MNIST's are.

    ``train-images-idx3-ubyte`` (bytes ``[n, h, w]``, or ``[n, h, w, 3]`` for colour) and
    ``train-labels-idx1-ubyte`` (numbers ``[n]``); the held-out part, which may be missing, begins
    with ``t10k`` or ``test``. The label is the one factor, named "label"; without files of labels
    the data are label-free.

    Attributes:
      path: The folder.
      part: "train": train on the training part, and the test part is held out; "test": train on
        the test part; "all": train on both. Nothing is held out by the last two.
      num_images: Training images taken, a random subset; None means all.
      subset_seed: Seed of that subset.
    """

    path: str
    part: str = "train"
    num_images: int | None = None
    subset_seed: int = 0

    def __post_init__(self):
        """Check the fields; the files are looked at later."""
        path = paths.absolute("path", self.path, "the folder of the IDX files")
        object.__setattr__(self, "path", path)
        checks.choice("part", self.part, (*PARTS, "all"))
        check_num_images(self.num_images)
        checks.integer("subset_seed", self.subset_seed, minimum=0)

    @property
    def name(self) -> str:
        """Name of the folder."""
        return paths.title(self.path)

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe."""
        files = [file for part in self._stored_parts() for file in self._files(part)]
        identities = [file_identity(file) for file in files if file]
        options = {"part": self.part, "num_images": self.num_images, "subset": self.subset_seed}
        return {"version": READING_VERSION, "idx_files": identities, **options}

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        shapes = [idx_files.read_shape(self._files(part)[0]) for part in self._stored_parts()]
        num_rows = sum(shape[0] for shape in shapes)
        return num_rows * int(np.prod(shapes[0][1:])), num_rows / 50_000

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe."""
        images, factors, num_train = self._read()
        arrays = {"images": (images.shape[1:], "uint8")}
        for name in factors.left_out:
            logger.warning("The factor %r has the same value everywhere and is left out", name)
        if factors.names:
            arrays["factors"] = ((1,), "int64")
        details = {**factors.details, "num_train": num_train}
        return Layout(arrays, len(images), 2**14, details)

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        images, factors, _ = self._read()
        for start, stop in ranges:
            labels = {"factors": factors.numbers[start:stop]} if factors.names else {}
            yield {"images": images[start:stop], **labels}

    def view(self, contents: Contents) -> TableDataset:
        """See DatasetRecipe."""
        return TableDataset(
            self.name,
            255,
            contents.fingerprint,
            contents.arrays["images"],
            contents.arrays.get("factors"),
            tuple(contents.details["factor_names"]),
            contents.details["num_train"],
            contents.details["factor_values"],
        )

    def _stored_parts(self) -> list[str]:
        """Return the parts to read: the training rows, then what is held out, if it is there."""
        if self.part != "train":
            return list(PARTS) if self.part == "all" else ["test"]
        has_test = idx_files.find(Path(self.path), _file_names("test", "images"))
        return ["train", "test"] if has_test else ["train"]

    def _files(self, part: str) -> tuple[Path, Path | None]:
        """Return the files of images and of labels (or None) of a part."""
        folder = Path(self.path)
        images, labels = (
            idx_files.find(folder, _file_names(part, kind)) for kind in ("images", "labels")
        )
        if images is None:
            found = ", ".join(sorted(file.name for file in folder.glob("*"))[:8]) or "nothing"
            raise FileNotFoundError(
                f"{folder} has no IDX file of {part} images. Expected "
                f"{_file_names(part, 'images')[0]}, with or without .gz. Received: "
                f"{found if folder.is_dir() else 'no such folder'}"
            )
        return images, labels

    def _read(self) -> tuple[np.ndarray, OwnFactors, int]:
        """Return images and factors of all rows, and how many rows are training rows."""
        parts = [_read_part(*self._files(part)) for part in self._stored_parts()]
        shapes = [images.shape[1:] for images, _ in parts]
        has_labels = [labels is not None for _, labels in parts]
        if len(set(shapes)) > 1 or len(set(has_labels)) > 1:
            raise ValueError(
                f"The training and test files of {self.path} do not fit each other. Expected "
                f"images of one size, both with labels or both without. Received: {shapes=}, "
                f"{has_labels=}"
            )
        num_train = len(parts[0][0]) if self.part == "train" else sum(len(i) for i, _ in parts)
        check_num_images(self.num_images, num_train, self.path)
        chosen = training_subset(self.num_images, num_train, self.subset_seed)
        kept = np.arange(num_train) if chosen is None else chosen
        total = sum(len(images) for images, _ in parts)
        rows = np.concatenate([kept, np.arange(num_train, total)])
        images = np.concatenate([images for images, _ in parts])[rows]
        if not all(has_labels):
            return images, own_factors([], [], len(rows), self.path), len(kept)
        labels = np.concatenate([labels for _, labels in parts])[rows]
        return images, own_factors([labels], ["label"], len(rows), self.path), len(kept)


@dataclasses.dataclass(frozen=True)
class LabelledImages(CachedRecipe):
    """A well-known labelled data set, from wherever it can be had.

    With a `folder`: IDX files (see IdxImages), one ``.npz`` file (see ImageArrays), or images, in
    a sub-folder for each class where the classes are known (see ImageFolder), whichever it holds.
    Without: where the operating system's package installs the data set (Fashion-MNIST on Debian),
    or TensorFlow Datasets.

    Attributes:
      dataset: Name of the data set in TensorFlow Datasets, such as ``mnist``; "" where it has none,
        and then a folder is needed.
      folder: Where the files are; None looks in the other places.
      resize: Height and width of the images of a folder of images or of TensorFlow Datasets; None
        keeps them.
      num_images: Training images taken, a random subset; None means all.
      subset_seed: Seed of that subset.
    """

    dataset: str
    folder: str | None = None
    resize: int | None = None
    num_images: int | None = None
    subset_seed: int = 0

    def __post_init__(self):
        """Check the fields; files are looked for later."""
        if not isinstance(self.dataset, str):
            checks.fail("dataset", self.dataset, "a name of TensorFlow Datasets, or ''")
        if self.folder is not None:
            folder = paths.absolute("folder", self.folder, "the folder with the files, or None")
            object.__setattr__(self, "folder", folder)
        if self.folder is None and not self.dataset:
            checks.fail("folder", self.folder, "the folder with the files, for dataset=''")
        check_num_images(self.num_images)
        checks.integer("subset_seed", self.subset_seed, minimum=0)

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.dataset or paths.title(self.folder or "", endings=(".npz",))

    def source(self) -> CachedRecipe:
        """Return the recipe of the place where the data are.

        Raises:
          FileNotFoundError: There is no such folder, or nothing in it that is read.
        """
        subset: dict[str, Any] = {"num_images": self.num_images, "subset_seed": self.subset_seed}
        installed = Path(INSTALLED.get(self.dataset, ""))
        if self.folder is None and self.dataset in INSTALLED and _has_idx_files(installed):
            return IdxImages(str(installed), **subset)
        if self.folder is None:
            return TensorFlowDataset(
                self.dataset, factors=("label",), test_split="test", resize=self.resize, **subset
            )
        folder = Path(self.folder)
        if folder.is_file() and folder.suffix.lower() == ".npz":
            return ImageArrays(self.folder, **subset)
        if _has_idx_files(folder):
            return IdxImages(self.folder, **subset)
        archives, has_images = sorted(folder.glob("*.npz")), _has_images(folder)
        if len(archives) == 1 and (not has_images or "images" in array_names(archives[0])):
            return ImageArrays(str(archives[0]), **subset)
        if has_images:
            return ImageFolder(self.folder, resize=self.resize, **subset)
        there = sorted(paths.readable(path.name) for path in folder.glob("*")) or ["nothing"]
        place = f"is not one of images ({', '.join(there[:NUM_NAMED])})"
        raise FileNotFoundError(
            f"{folder} {place if folder.is_dir() else 'is not there'}. Expected IDX files "
            f"({FIRST_FILE} and so on, with or without .gz), one .npz file, or images, in a "
            "sub-folder for each class where the classes are known; or the path of an .npz file"
        )

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe."""
        return self.source().cache_identity()

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe."""
        return self.source().cost()

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe."""
        try:
            source = self.source()
            if isinstance(source, ImageArrays) and _has_images(Path(source.path).parent):
                logger.warning("%s: took it and not the images and folders beside", source.path)
            return source.layout(cache_directory)
        except (OSError, ImportError) as error:
            raise OSError(self._ways(error)) from error

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        return self.source().make_chunks(cache_directory, layout, ranges)

    def view(self, contents: Contents) -> Dataset:
        """See DatasetRecipe."""
        data = self.source().view(contents)
        data.name = self.name
        return data

    def image_names(self) -> list[str] | None:
        """See DatasetRecipe."""
        return self.source().image_names()

    def _ways(self, error: Exception) -> str:
        package = f"dataset-{self.dataset.replace('_', '-')}"
        installed = (
            f"the Debian package {package}" if self.dataset in INSTALLED else "(no Debian package)"
        )
        return (
            f"There is no {self.name} to train on. Expected one of three: (1) DATA_DIR, a folder "
            f"with its files ({FIRST_FILE} and so on, with or without .gz; one .npz file; "
            f" or a sub-folder of images a class); (2) {installed}; (3) a connection, or a "
            f"prepared copy, for TensorFlow Datasets. Received: folder={self.folder!r}; {error}"
        )


def _has_images(folder: Path) -> bool:
    """Return whether images or folders, which may hold some, lie in a folder."""
    return any(path.is_dir() or finding.is_image(path) for path in folder.glob("*"))


def _has_idx_files(folder: Path) -> bool:
    return idx_files.find(folder, _file_names("train", "images")) is not None


def _file_names(part: str, kind: str) -> list[str]:
    """Return the usual names of the file of images or of labels of a part, the likeliest first."""
    dimensions = {"images": 3, "labels": 1}[kind]
    return [f"{start}-{kind}-idx{dimensions}-ubyte" for start in PARTS[part]]


def _read_part(images_file: Path, labels_file: Path | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return images uint8 ``[n, h, w, c]`` and labels ``[n]`` (or None) of one part."""
    images = idx_files.read(images_file)
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"{images_file} holds no images. Expected bytes of shape [n, height, width] or "
            f"[n, height, width, 3]. Received: dtype={images.dtype}, shape={images.shape}"
        )
    if 0 in images.shape:
        raise ValueError(f"{images_file} holds no image. Received: shape={images.shape}")
    if labels_file is None:
        return images, None
    labels = idx_files.read(labels_file)
    if labels.shape != images.shape[:1]:
        raise ValueError(
            f"{labels_file} does not fit {images_file.name}. Expected {len(images)} labels, "
            f"[n]. Received: shape={labels.shape}"
        )
    return images, labels
