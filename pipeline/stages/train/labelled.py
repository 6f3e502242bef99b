"""The few training images whose labels a method is told: drawn from the seed alone."""

import numpy as np

from models import checks
from models.base import Method
from pipeline.datasets.interface import Dataset

_STREAM = 0x1AB5  # keeps these draws apart from others made from the same seed


def labelled_indices(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return training images to be labelled, the same number of each class, in random order.

    Args:
        labels: Of each training image, int `[num_images]`.
        count: Images to choose.
        seed: Of the choice.

    Returns:
        Indices int `[count]`, none twice.

    Raises:
        ValueError: `count` is no multiple of the number of classes, or a class has too few images.
    """
    found, sizes = np.unique(labels, return_counts=True)
    if count % len(found):
        expected = f"a multiple of the {len(found)} classes, which have as many labels each"
        checks.fail("num_labelled", count, expected)
    of_each = count // len(found)
    if sizes.min() < of_each:
        smallest = found[sizes.argmin()]
        expected = f"at most {sizes.min()} of each class: label {smallest} has no more images"
        checks.fail("num_labelled", count, expected)
    rng = np.random.default_rng([_STREAM, seed])
    chosen = [rng.choice(np.flatnonzero(labels == one), of_each, replace=False) for one in found]
    return rng.permutation(np.concatenate(chosen))


def labelled_part(method: Method, dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels that a method is told, uint8 `[n, h, w, c]` and int64 `[n]`.

    Raises:
        ValueError: The data set has no labels, not enough of them, or too many classes.
    """
    labels = dataset.train_labels()
    num_classes, most = method.codes.num_classes, int(labels.max()) + 1
    if most > num_classes:
        expected = f"{most} at least, the classes of {dataset.name}, whose labels it is told"
        checks.fail("num_classes", num_classes, expected)
    chosen = labelled_indices(labels, method.num_labelled, seed)
    return dataset.train_images(chosen), labels[chosen]
