"""Latent vectors for stages that draw from a trained generator, also of codes without a prior."""

from typing import Any

import numpy as np

from models.codes.joint_code import JointCode
from pipeline.datasets.interface import Dataset
from pipeline.errors import StageError
from pipeline.inference.encoding import encoder_function
from pipeline.runs.directory import ExportDirectory

NUM_ENCODED = 4096  # training images whose codes stand for the distribution of a code
ENCODED = "encoded"  # the name under which an export keeps them, in traversals.npz
_STREAM = 0xE2C0  # the same images for every model


def encode_training_images(encoder: Any, dataset: Dataset) -> np.ndarray:
    """Return the codes float32 `[n, code_dim]` of `NUM_ENCODED` training images, or of all."""
    rng = np.random.default_rng(_STREAM)
    count = min(NUM_ENCODED, dataset.num_images)
    chosen = np.sort(rng.choice(dataset.num_images, count, replace=False))
    return encoder_function(encoder, dataset.max_value)(dataset.train_images(chosen))


def drawable_codes(codes: JointCode, folder: ExportDirectory) -> JointCode:
    """Return codes that can be drawn: those without a prior as training images have them.

    Args:
        codes: Of a model.
        folder: Its export, which keeps the codes of training images.

    Raises:
        StageError: If the export does not keep them.
    """
    if codes.has_prior:
        return codes
    try:
        with np.load(folder.traversals, allow_pickle=False) as content:
            return codes.fitted(content[ENCODED])
    except Exception as error:  # zipfile, zlib and numpy each have their own for damage
        raise StageError(
            f"Cannot read the codes of training images in {folder.traversals}: {error}. Expected "
            f"an array {ENCODED!r}; run the train stage again (--stages train) to restore it."
        ) from error
