"""The image of a generator that is nearest to a given one: drawn, then descended to.

A generator of noise and codes has no reconstruction: an encoder gives back the codes, and the noise
is searched for. Of CoDeGAN, whose encoder gives features, the class is searched for, too.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from models.codes.joint_code import CategoricalCode, JointCode

NUM_DRAWS = 512  # latent vectors among which the search starts
NUM_STARTS = 8  # of them, the nearest, from which it descends
NUM_STEPS = 120
RATE = 0.05  # of Adam
FARTHEST = 3.0  # standard deviations that a Gaussian column may reach


def nearest_latent(
    generate: Callable[[np.ndarray], np.ndarray],
    codes: JointCode,
    image: np.ndarray,
    known: np.ndarray | None,
    *,
    network: Any | None,
    seed: int = 0,
) -> np.ndarray:
    """Return the latent vector float32 [latent_dim] of the image nearest to a given one.

    Near is what has a small mean squared difference of pixels. Classes of the drawn vectors stay,
    everything else that is not known moves.

    Args:
        generate: Latent vectors [n, latent_dim] to images in [0, 1].
        codes: Of the generator; they can be drawn.
        image: uint8 [h, w, c].
        known: The codes [code_dim] that are kept, as an encoder gives them: of a class the
            likeliest is taken. None: all are searched for.
        network: The generator as a Keras model, to descend in it; None: the nearest draw is taken.
        seed: Of the draws.
    """
    latents = codes.draw(np.random.default_rng(seed), NUM_DRAWS)
    if known is not None:
        latents[:, : codes.code_dim] = likeliest_classes(codes, known)
        if codes.code_dim == codes.latent_dim:
            return latents[0]
    target = image.astype(np.float32) / 255.0
    errors = ((generate(latents) - target) ** 2).mean(axis=(1, 2, 3))
    starts = latents[np.argsort(errors, kind="stable")[:NUM_STARTS]]
    if network is None:
        return starts[0]
    return _descend(network, codes, starts, target, _moves(codes, known is not None))


def likeliest_classes(codes: JointCode, encoded: np.ndarray) -> np.ndarray:
    """Return codes [code_dim] with one-hot vectors in the place of classes' probabilities."""
    latents, start = np.array(encoded, np.float32), 0
    for part in codes.informative:
        if isinstance(part, CategoricalCode):
            place = slice(start, start + part.dim)
            latents[place] = np.eye(part.dim, dtype=np.float32)[np.argmax(encoded[place])]
        start += part.dim
    return latents


def _moves(codes: JointCode, keeps_codes: bool) -> np.ndarray:
    """Return which columns move, float32 [latent_dim] of 0 and 1."""
    flags = [
        np.full(
            part.dim,
            not isinstance(part, CategoricalCode) and (part.is_noise or not keeps_codes),
            np.float32,
        )
        for part in codes.parts
    ]
    return np.concatenate(flags)


def _bounds(codes: JointCode) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest value of each column."""
    lows = [np.full(part.dim, getattr(part, "low", -FARTHEST), np.float32) for part in codes.parts]
    highs = [np.full(part.dim, getattr(part, "high", FARTHEST), np.float32) for part in codes.parts]
    return np.concatenate(lows), np.concatenate(highs)


def _descend(
    network: Any, codes: JointCode, starts: np.ndarray, target: np.ndarray, moves: np.ndarray
) -> np.ndarray:
    """Return the best latent vector on the ways down from some."""
    import keras
    import tensorflow as tf

    latents = tf.Variable(starts)
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build([latents])
    low, high = _bounds(codes)
    keeps = starts * (1.0 - moves)

    @tf.function(jit_compile=False)
    def step() -> Any:
        with tf.GradientTape() as tape:
            images = network(latents, training=False)
            errors = tf.reduce_mean((images - target) ** 2, axis=(1, 2, 3))
        before = tf.identity(latents)
        optimizer.apply_gradients([(tape.gradient(errors, latents) * moves, latents)])
        latents.assign(tf.clip_by_value(latents, low, high) * moves + keeps)
        return errors, before

    best, lowest = starts[0], np.inf
    for _ in range(NUM_STEPS):
        errors, before = (value.numpy() for value in step())
        if errors.min() < lowest:
            best, lowest = before[errors.argmin()], errors.min()
    return best
