"""How far each code of a GAN's encoder moves over real images: which codes live, without labels."""

from typing import Any

import numpy as np

from pipeline.datasets.interface import Dataset
from pipeline.inference.encoding import BATCH_SIZE, encoder_function

NUM_IMAGES = BATCH_SIZE  # one pass through the encoder
MAX_CODES = 16  # of more, none is written: s and z of a conditional VAE-GAN
_STREAM = 0x57D5  # the same images for every model, so that curves compare


class CodeSpread:
    """The standard deviation of each of a model's codes over a few training images.

    A code that says nothing is constant. Of a code of several columns (the probabilities of
    classes, or their features) it is the root of the columns' variances together.

    Args:
        model: With `encoder` and `codes`.
        dataset: Gives the training images.
    """

    def __init__(self, model: Any, dataset: Dataset):
        codes = model.codes
        self._columns = {"std_classes": codes.class_features} if codes.is_told_by_features else {}
        if not self._columns and codes.num_codes <= MAX_CODES:
            for number, name in enumerate(codes.code_names):
                self._columns[f"std_{name}"] = codes.columns(number)
        count = min(NUM_IMAGES, dataset.num_images)
        rng = np.random.default_rng(_STREAM)
        self._images = dataset.train_images(rng.choice(dataset.num_images, count, replace=False))
        self._encode = encoder_function(model.encoder, dataset.max_value)

    def __call__(self) -> dict[str, float]:
        """Return the standard deviations as they are now, by the names of history.csv."""
        if not self._columns:
            return {}
        variances = self._encode(self._images).astype(np.float64).var(axis=0)
        return {
            name: float(np.sqrt(variances[columns].sum()))
            for name, columns in self._columns.items()
        }
