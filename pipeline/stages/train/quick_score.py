"""A small FactorVAE score, taken while a model trains: where learning stands, not a result."""

from typing import Any

import numpy as np

import metrics
from pipeline.datasets.interface import Dataset
from pipeline.inference.encoding import encoder_function
from pipeline.model_spec import Training

_STREAM = 0x5C0E  # the same images for every model, so that curves compare


def is_meaningful(dataset: Dataset) -> bool:
    """Say whether two factors vary: with fewer, any codes have a score of 1."""
    return sum(size is None or size > 1 for size in dataset.factor_sizes) > 1


class QuickScore:
    """FactorVAE (train-vote form, no pruning) of a model's encoder on few images.

    Args:
        encoder: The encoder in training.
        training: Gives the numbers of groups, images of a group and points.
        dataset: With known factors.
    """

    def __init__(self, encoder: Any, training: Training, dataset: Dataset):
        rng = np.random.default_rng(_STREAM)
        self._group_size = training.score_group_size
        self._fixed_factor = np.arange(training.score_groups) % dataset.num_factors
        group_keys = dataset.sample_group_keys(rng, self._fixed_factor, self._group_size)
        self._group_images = dataset.images_of(group_keys)
        self._point_images = dataset.images_of(dataset.sample_keys(rng, training.score_points))
        self._encode = encoder_function(encoder, dataset.max_value)

    def __call__(self) -> float:
        """Return the score of the encoder as it is now, in [0, 1]."""
        codes = self._encode(self._group_images)
        groups = codes.reshape(-1, self._group_size, codes.shape[-1])
        points = self._encode(self._point_images)
        return metrics.factor_vae(groups, self._fixed_factor, points)["factor_vae"]
