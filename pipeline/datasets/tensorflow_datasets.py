"""Data sets of TensorFlow Datasets, converted once into our cache.

The library needs the internet once, or files placed by hand; it is imported, with TensorFlow, only
while the cache is being made.
"""

import dataclasses
import itertools
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from models import checks
from pipeline.datasets.grid import training_subset
from pipeline.datasets.interface import (
    READING_VERSION,
    CachedRecipe,
    check_num_images,
)
from pipeline.datasets.layout import Contents, Layout
from pipeline.datasets.resizing import check_sizes, resize_array
from pipeline.datasets.table import TableDataset

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class TensorFlowDataset(CachedRecipe):
    """A split of a data set such as ``celeb_a`` or ``shapes3d``, with a held-out split or without.

    Attributes:
      dataset: Its name in TensorFlow Datasets.
      split: Which split, in the library's notation (``"train"``, ``"train+test"``).
      factors: Features that are known factors: integers or booleans, such as ``"label_shape"``;
        ``"attributes/Male"`` names a feature inside another. None for label-free data.
      test_split: The split that is held out as test images; None for none.
      image: The feature that is the image.
      crop: Side of the centred square to cut out, in pixels; see resizing.
      resize: Height and width of the images; None keeps them.
      num_images: Training images taken, a random subset; None means all.
      subset_seed: Seed of that subset.
      factor_names: Other names for the factors, in their order; None keeps those of the features.
      nominal: Which of these names are factors whose values have no order.
    """

    gin_name: ClassVar[str] = "tensorflow_dataset"

    dataset: str
    split: str = "train"
    factors: tuple[str, ...] = ()
    test_split: str | None = None
    image: str = "image"
    crop: int | None = None
    resize: int | None = None
    num_images: int | None = None
    subset_seed: int = 0
    factor_names: tuple[str, ...] | None = None
    nominal: tuple[str, ...] = ()

    def __post_init__(self):
        """Check the fields."""
        for field in ("dataset", "split", "image", "test_split"):
            value = getattr(self, field)
            if field == "test_split" and value is None:
                continue
            if not isinstance(value, str) or not value:
                checks.fail(field, value, "a name")
        if self.dataset == "dsprites":
            checks.fail("dataset", self.dataset, "another set; this one is DSprites(source='tfds')")
        if not isinstance(self.factors, tuple | list):
            checks.fail("factors", self.factors, "a tuple of feature names")
        object.__setattr__(self, "factors", tuple(self.factors))
        if self.factor_names is not None and len(self.factor_names) != len(self.factors):
            checks.fail("factor_names", self.factor_names, f"{len(self.factors)} names")
        if not set(self.nominal) <= set(self._names()):
            checks.fail("nominal", self.nominal, f"some of {', '.join(self._names())}")
        check_sizes(self.crop, self.resize)
        check_num_images(self.num_images)
        checks.integer("subset_seed", self.subset_seed, minimum=0)

    @property
    def name(self) -> str:
        """Name and split."""
        return f"{self.dataset} ({self.split})"

    def cache_identity(self) -> dict[str, Any]:
        """See DatasetRecipe; what the factors are called does not matter."""
        identity = {"version": READING_VERSION, **dataclasses.asdict(self)}
        del identity["factor_names"], identity["nominal"]
        return identity

    def cost(self) -> tuple[int, float]:
        """See DatasetRecipe; unknown before the download, so a common size is assumed."""
        num_images = self.num_images or 200_000
        side = self.resize or self.crop or 64
        return num_images * side * side * 3, num_images / 1_000

    def layout(self, cache_directory: Path) -> Layout:
        """See DatasetRecipe."""
        builder = prepare_builder(self.dataset, cache_directory)
        num_train, num_test = self._num_examples(builder)
        check_num_images(self.num_images, num_train, self.name)
        first = next(examples(builder, self.split))
        arrays = {"images": (self._image_of(first).shape, "uint8")}
        if self.factors:
            self._factors_of(first)
            arrays["factors"] = ((len(self.factors),), "int64")
        num_train = self.num_images or num_train
        names = [factor.split("/")[-1] for factor in self.factors]  # Theirs, whatever ours are.
        details = {
            "factor_names": names,
            "factor_values": [_value_names(builder, factor) for factor in self.factors],
            "num_train": num_train,
        }
        return Layout(arrays, num_train + num_test, 4096, details)

    def make_chunks(
        self, cache_directory: Path, layout: Layout, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, np.ndarray]]:
        """See DatasetRecipe."""
        builder = prepare_builder(self.dataset, cache_directory)
        num_train, num_test = self._num_examples(builder)
        chosen = training_subset(self.num_images, num_train, self.subset_seed)
        kept = range(num_train) if chosen is None else chosen.tolist()
        wanted = itertools.chain(kept, range(num_train, num_train + num_test))
        splits = [self.split, *([self.test_split] if self.test_split else [])]
        every = (examples(builder, split) for split in splits)
        stream = enumerate(itertools.chain.from_iterable(every))
        position = 0  # Of the next wanted row.
        for start, stop in ranges:
            images, factors = [], []
            while position < stop:
                number = next(wanted)
                example = next(example for row, example in stream if row == number)
                if position >= start:
                    images.append(self._image_of(example))
                    factors.append(self._factors_of(example))
                position += 1
            chunk = {"images": self._stack(images)}
            if self.factors:
                chunk["factors"] = np.array(factors, np.int64)
            yield chunk

    def view(self, contents: Contents) -> TableDataset:
        """See DatasetRecipe."""
        data = TableDataset(
            self.name,
            255,
            contents.fingerprint,
            contents.arrays["images"],
            contents.arrays.get("factors"),
            self._names(),
            contents.details.get("num_train"),
            contents.details.get("factor_values"),
        )
        data.nominal_factors = tuple(self.nominal)
        return data

    def _names(self) -> tuple[str, ...]:
        """Return the names of the factors."""
        return tuple(self.factor_names or (factor.split("/")[-1] for factor in self.factors))

    def _num_examples(self, builder: Any) -> tuple[int, int]:
        """Return the sizes of the training split and of the held-out one."""
        splits = builder.info.splits
        test = splits[self.test_split].num_examples if self.test_split else 0
        return splits[self.split].num_examples, test

    def _image_of(self, example: dict[str, Any]) -> np.ndarray:
        image = np.asarray(_feature(example, self.image))
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3):
            checks.fail("image", self.image, "a feature of uint8 images with 1 or 3 channels")
        return resize_array(image, self.crop, self.resize)

    def _factors_of(self, example: dict[str, Any]) -> list[int]:
        values = [np.asarray(_feature(example, factor)) for factor in self.factors]
        for factor, value in zip(self.factors, values, strict=True):
            if value.ndim or value.dtype.kind not in "iub":
                checks.fail("factors", factor, "features that are single integers or booleans")
        return [int(value) for value in values]

    def _stack(self, images: list[np.ndarray]) -> np.ndarray:
        shapes = sorted({image.shape for image in images})
        if len(shapes) > 1:
            raise ValueError(
                f"The images of {self.dataset} are not all of one size. Expected one size, or "
                f"resize=... in the recipe. Received: shapes {shapes[0]} and {shapes[-1]}"
            )
        return np.stack(images)


def prepare_builder(dataset: str, cache_directory: Path) -> Any:
    """Return the library's builder of `dataset`, downloaded into our cache directory.

    Raises:
      ImportError: The library is not installed.
      ValueError: It has no such data set.
      OSError: The data could not be downloaded; says how else to get them.
    """
    library = _library()
    if not sys.stderr.isatty():
        library.disable_progress_bar()
    data_directory = Path(cache_directory) / "tensorflow_datasets"
    try:
        builder = library.builder(dataset, data_dir=str(data_directory))
    except library.core.DatasetNotFoundError as error:
        raise ValueError(
            "TensorFlow Datasets has no such data set. Expected a name of its catalogue. "
            f"Received: dataset={dataset!r}"
        ) from error
    if not builder.info.splits:
        logger.warning(
            "TensorFlow Datasets downloads %s to %s (without a connection it gives up only after "
            "some minutes)",
            dataset,
            data_directory,
        )
    try:
        builder.download_and_prepare()
    except Exception as error:  # The library raises whatever its many downloaders raise.
        raise OSError(
            f"{dataset} could not be downloaded or converted ({type(error).__name__}: {error}). "
            f"Expected one of: (1) an internet connection once; (2) a prepared copy from another "
            f"machine in {data_directory / dataset}; (3) the original files placed by hand in "
            f"{data_directory / 'downloads' / 'manual'}; (4) the images in a folder or an .npz "
            "file, with the recipes for those"
        ) from error
    return builder


def examples(builder: Any, split: str) -> Iterator[dict[str, Any]]:
    """Yield the examples of a split in a fixed order, as dictionaries of NumPy values."""
    library = _library()
    # Files in the random-access format are not read by as_dataset, nor others by as_data_source.
    if str(builder.info.file_format.value) == "array_record":
        source = builder.as_data_source(split=split)
        yield from (source[row] for row in range(len(source)))
        return
    one_file_at_a_time = library.ReadConfig(interleave_cycle_length=1)
    dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=one_file_at_a_time)
    yield from library.as_numpy(dataset)


def _library() -> Any:
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ImportError(
            "This data set is read through TensorFlow Datasets, which cannot be imported "
            f"({error}). Expected: pip install tensorflow-datasets importlib_resources"
        ) from error
    return tensorflow_datasets


def _value_names(builder: Any, path: str) -> list[str] | None:
    """Return the library's names of the values of a feature; None where it gives numbers."""
    feature = getattr(builder.info, "features", None)
    for key in path.split("/"):
        feature = feature[key] if feature is not None and key in feature else None
    names = getattr(feature, "names", None)
    if not names or list(names) == [str(number) for number in range(len(names))]:
        return None
    return list(names)


def _feature(example: dict[str, Any], path: str) -> Any:
    """Return the feature of an example, where ``a/b`` is feature b inside feature a."""
    value = example
    for key in path.split("/"):
        if not isinstance(value, dict) or key not in value:
            names = ", ".join(value) if isinstance(value, dict) else "nothing inside"
            raise ValueError(f"There is no feature {path!r}. Expected one of: {names}")
        value = value[key]
    return value
