"""Pictures of identities: codes swapped between images, interpolated, and drawn from the prior.

Made from images that training did not see, of seen and of unseen identities. Every picture is an
array of images, uint8 `[rows, columns, h, w, c]`, whose borders show the originals.
"""

from collections.abc import Callable

import numpy as np

from models.codes.joint_code import JointCode
from pipeline.datasets.interface import Dataset
from pipeline.inference.swapping import bordered
from pipeline.pictures import to_uint8

PREFIX = "identity_"  # of these arrays' names in traversals.npz
NUM_IMAGES = 10  # rows and columns of a swap grid at most
NUM_PATHS = 5  # interpolations of each code
NUM_STEPS = 8  # images of an interpolation
_POOL = 512  # images from which those of different identities are taken
_SEED = 7  # the same images and draws for every model, so that pictures compare


def identity_pictures(
    encode: Callable[[np.ndarray], np.ndarray],
    generate: Callable[[np.ndarray], np.ndarray],
    codes: JointCode,
    dataset: Dataset,
) -> dict[str, np.ndarray]:
    """Return the pictures by name, for each part of the identities that has two images or more.

    Args:
        encode: uint8 images to codes [s, z], float `[n, code_dim]`.
        generate: latent vectors [s, z] to images in [0, 1].
        codes: s, then z.
        dataset: Split by identity.
    """
    specified = codes.parts[0].dim
    pictures = {}
    for part in ("seen", "unseen"):
        images, identities = dataset.part(part, _POOL, _SEED)
        if len(images) < 2:
            continue
        rows, columns = _pick(identities)
        encoded = encode(images)
        s, z = encoded[:, :specified], encoded[:, specified:]
        shown = to_uint8(images, max_value=dataset.max_value)

        def make(s_of: np.ndarray, z_of: np.ndarray) -> np.ndarray:
            """Return images of codes `[rows, columns, dim]` each."""
            latents = np.concatenate([s_of, z_of], axis=2)
            made = generate(latents.reshape(-1, latents.shape[2]).astype(np.float32))
            return to_uint8(made).reshape(*latents.shape[:2], *made.shape[1:])

        shape = (len(rows), len(columns))
        swapped = make(
            np.broadcast_to(s[columns], (*shape, s.shape[1])),
            np.broadcast_to(z[rows, np.newaxis], (*shape, z.shape[1])),
        )
        pictures[f"{PREFIX}swap_{part}"] = bordered(swapped, shown[rows], shown[columns])
        first, second = columns[:NUM_PATHS], np.roll(columns, -1)[:NUM_PATHS]
        for name, paths in (
            ("s", (_path(s[first], s[second]), _path(z[first], z[first]))),
            ("z", (_path(s[first], s[first]), _path(z[first], z[second]))),
        ):
            between = make(*paths)
            originals = (shown[first][:, np.newaxis], between, shown[second][:, np.newaxis])
            pictures[f"{PREFIX}path_{name}_{part}"] = np.concatenate(originals, axis=1)
        rng = np.random.default_rng(_SEED)
        drawn = rng.standard_normal((NUM_IMAGES, z.shape[1]))
        shape = (len(columns), NUM_IMAGES)
        of_prior = make(
            np.broadcast_to(s[columns, np.newaxis], (*shape, s.shape[1])),
            np.broadcast_to(drawn, (*shape, z.shape[1])),
        )
        originals = shown[columns][:, np.newaxis]
        pictures[f"{PREFIX}prior_{part}"] = np.concatenate([originals, of_prior], axis=1)
    return pictures


def _pick(identities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of the rows and of the columns: of different identities, other images.

    Where there are few identities, each gives as many images as are needed.
    """
    by_turn = []
    for identity in np.unique(identities):
        members = np.flatnonzero(identities == identity)
        by_turn += [(turn, identity, member) for turn, member in enumerate(members)]
    order = np.array([member for _, _, member in sorted(by_turn)])
    count = min(NUM_IMAGES, len(order))
    if len(order) >= 2 * count:
        # The rows in another order: a diagonal of an identity with itself tells little.
        return np.roll(order[count : 2 * count], 1), order[:count]
    return order[:count], order[:count]


def _path(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return codes evenly spaced between rows `[n, dim]` of two arrays, `[n, NUM_STEPS, dim]`."""
    share = np.linspace(0.0, 1.0, NUM_STEPS)[:, np.newaxis]
    return start[:, np.newaxis] * (1.0 - share) + end[:, np.newaxis] * share
