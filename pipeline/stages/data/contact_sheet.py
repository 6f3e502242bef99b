"""A contact sheet of a data set: random images, and a row for each factor."""

import numpy as np

from pipeline.datasets.interface import Dataset
from pipeline.datasets.own_values import named
from pipeline.pictures import image_grid, titled_column, to_uint8

NUM_COLUMNS = 10
NUM_SAMPLE_ROWS = 3
NUM_FACTORS = 40  # Factors shown at most.


def contact_sheet(dataset: Dataset, *, seed: int = 0) -> np.ndarray:
    """Draw random training images, and below them one row for each factor that moves alone.

    All rows start from one image. A factor of more values than a row has room for moves in even
    steps from its first value to its last.

    Args:
        dataset: The opened data set.
        seed: Of the images drawn.

    Returns:
        A picture, uint8 `[height, width, 3]`.
    """
    rng = np.random.default_rng(seed)
    count = min(NUM_COLUMNS * NUM_SAMPLE_ROWS, dataset.num_images)
    rows = rng.choice(dataset.num_images, count, replace=False)
    height, width, channels = dataset.image_shape
    titles = [f"{dataset.name}: {dataset.num_images:,} images of {height}x{width}x{channels}"]
    pictures = [_row(dataset, dataset.train_images(rows))]
    shown = list(enumerate(dataset.factor_names))[:NUM_FACTORS]
    for factor, name in shown:
        size = dataset.factor_sizes[factor]
        values = f"{size} values" if size else "continuous"
        order = ", no order" if name in dataset.nominal_factors else ""
        own = named(dataset.factor_values[factor] or (), NUM_COLUMNS)
        titles.append(f"{name} ({values}{order}{': ' if own else ''}{own})")
        keys = dataset.traversal_keys(factor, NUM_COLUMNS, seed)
        pictures.append(_row(dataset, dataset.images_of(keys)))
    return titled_column(pictures, titles)


def _row(dataset: Dataset, images: np.ndarray) -> np.ndarray:
    return image_grid(to_uint8(images, max_value=dataset.max_value), columns=NUM_COLUMNS)
