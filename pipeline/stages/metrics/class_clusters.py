"""Which of the generator's classes each image belongs to, told without labels.

InfoGAN's Q names a class itself. CoDeGAN's encoder gives features: real images are clustered in
them by k-means, as CoDeGAN is evaluated, and the clusters are numbered like the classes whose
generated images fall into them, one to one; the numbering is ours.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy

from metrics.classes.class_coverage import code_table
from metrics.classes.cluster_agreement import NUM_INITIALIZATIONS
from metrics.classes.clusters import cluster_centres, nearest_centres
from models.codes.joint_code import FeatureCode, JointCode
from pipeline.datasets.interface import Dataset
from pipeline.inference.encoding import row_slices
from pipeline.runs.tables import IMAGE_CLASS_COLUMNS, write_table

IMAGES_PER_READ = 2048


def class_teller(
    codes: JointCode,
    encode: Callable,
    find_features: Callable,
    features: np.ndarray,
    made: Any,
    seed: int,
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of images in [0, 1] to their classes, int `[n]`.

    Args:
        codes: The model's `JointCode`, with one categorical code.
        encode: Images to the encoder's output.
        find_features: Images to the features in which the encoder tells classes.
        features: Those of the real images that are clustered.
        made: `images` that were generated, and their `classes`.
        seed: Of k-means.
    """
    if not isinstance(codes, FeatureCode):
        return lambda images: encode(images)[:, codes.class_features].argmax(axis=1)
    centres = matched_centres(
        features,
        find_features(made.images),
        made.classes,
        num_classes=codes.num_classes,
        seed=seed,
    )
    return lambda images: nearest_centres(find_features(images), centres)


def matched_centres(
    features: np.ndarray,
    made_features: np.ndarray,
    made_classes: np.ndarray,
    *,
    num_classes: int,
    seed: int,
) -> np.ndarray:
    """Return the centres of k-means clusters of real images, in the order of the classes.

    Args:
        features: Of real images, float `[points, feature_dim]`.
        made_features: Of generated images, float `[samples, feature_dim]`.
        made_classes: Their classes, int `[samples]`.
        num_classes: Of the generator.
        seed: Of k-means.

    Returns:
        float64 `[num_classes, feature_dim]`: matched one to one so that as many generated images
        as possible fall into the cluster of their class.

    Raises:
        ValueError: If there are fewer images than classes.
    """
    if len(features) < num_classes:
        raise ValueError(
            f"Images cannot be put into more classes than there are images. Expected a "
            f"categorical_code.num_classes of at most {len(features)}. Received: {num_classes}"
        )
    centres = cluster_centres(features, num_classes, seed, num_initializations=NUM_INITIALIZATIONS)
    found = nearest_centres(made_features, centres)
    table = code_table(made_classes, found, num_classes, num_classes)
    _, cluster_of_class = scipy.optimize.linear_sum_assignment(table, maximize=True)
    return centres[cluster_of_class]


def write_image_classes(
    path: Path, dataset: Dataset, names: list[str] | None, labels: Callable | None, tell: Callable
) -> None:
    """Write the class of every image as a table.

    Args:
        path: The CSV file.
        dataset: The opened data set.
        names: A name for each image, training images first; None: they have none.
        labels: Keys to the labels' names `[n]`; None where they are not known.
        tell: Images in [0, 1] to classes int `[n]`.
    """
    told = np.concatenate([tell(images) for images in _all_images(dataset)])
    num_test = len(told) - dataset.num_images
    table = {
        "image": np.arange(len(told)),
        "part": np.repeat(["train", "test"], [dataset.num_images, num_test]),
        "file": names if names is not None else np.full(len(told), None),
        "class": told,
        "label": np.full(len(told), None),
    }
    if labels is not None:
        parts = (dataset.train_keys(), dataset.test_keys())
        table["label"] = np.concatenate([labels(keys) for keys in parts if len(keys)])
    write_table(
        path, pd.DataFrame(table), IMAGE_CLASS_COLUMNS, may_be_empty=frozenset({"file", "label"})
    )


def _all_images(dataset: Dataset) -> Iterator[np.ndarray]:
    """Yield all images in [0, 1], some at a time: training images, then test images."""
    for rows in row_slices(dataset.num_images, IMAGES_PER_READ):
        images = dataset.train_images(np.arange(rows.start, rows.stop))
        yield images.astype(np.float32) / dataset.max_value
    keys = dataset.test_keys()
    for rows in row_slices(len(keys), IMAGES_PER_READ):
        yield dataset.images_of(keys[rows]).astype(np.float32) / dataset.max_value
