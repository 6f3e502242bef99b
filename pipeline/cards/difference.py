"""What smaller numbers in a model's networks change, as measured."""

import dataclasses

import numpy as np

from pipeline.inference.saved_model import SavedModel

NUM_COMPARED = 256  # latent vectors, and images
_STREAM = 0xCA4D


@dataclasses.dataclass(frozen=True)
class Difference:
    """What smaller numbers change, as measured.

    Attributes:
        pixels: The largest difference of a pixel of generated images, of 255.
        codes: The largest difference of an encoder's output, as a share of its range over images.
    """

    pixels: int
    codes: float


def measure(before: SavedModel, after: SavedModel) -> Difference:
    """Return how far two models of the same codes differ, on samples of the first."""
    latents = before.drawable().draw(np.random.default_rng(_STREAM), NUM_COMPARED)
    images = before.generator()(latents)
    changed = after.generator()(latents)
    pixels = int(np.abs(images.astype(int) - changed.astype(int)).max())
    codes, others = (model.encoder()[0](images) for model in (before, after))
    span = np.maximum(np.ptp(codes, axis=0), 1e-6)
    return Difference(pixels, float((np.abs(codes - others) / span).max()))
