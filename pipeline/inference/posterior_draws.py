"""Codes drawn from posteriors: the second representation of models that have one.

Lin et al. (2020) score and select variational autoencoders by such draws; their mean tells more.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from models.vaes.chyvae import JITTER


def draw_codes(rng: np.random.Generator, posterior: np.ndarray, form: str) -> np.ndarray:
    """Return one draw a row from Gaussian posteriors, float64 `[n, code_dim]`.

    Args:
        rng: Source of randomness.
        posterior: What the network of this form gives.
        form: "posterior": means, then log variances, `[n, 2 * code_dim]`. "full_posterior", of a
            covariance `L L^T + 1e-4 I`: means, then the entries of the lower triangle L, row by
            row, `[n, code_dim + code_dim * (code_dim + 1) / 2]`.
    """
    posterior = posterior.astype(np.float64)
    if form == "posterior":
        mean, log_variance = np.split(posterior, 2, axis=1)
        return mean + np.exp(0.5 * log_variance) * rng.standard_normal(mean.shape)
    # n + n (n + 1) / 2 columns, solved for n
    code_dim = (math.isqrt(9 + 8 * posterior.shape[1]) - 3) // 2
    mean = posterior[:, :code_dim]
    rows, columns = np.tril_indices(code_dim)
    triangle = np.zeros((len(mean), code_dim, code_dim))
    triangle[:, rows, columns] = posterior[:, code_dim:]
    noise = rng.standard_normal((2, *mean.shape))
    # The sum of two independent draws has the sum of their covariances.
    return mean + np.einsum("nij,nj->ni", triangle, noise[0]) + JITTER**0.5 * noise[1]


def sampling_encoder(
    posterior: Callable[[np.ndarray], np.ndarray], form: str, seed: Sequence[int]
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a posterior as an encoder that draws, from one stream of random numbers.

    Args:
        posterior: Images to what `draw_codes` takes.
        form: See `draw_codes`.
        seed: Of the stream; the same calls in the same order give the same draws.
    """
    rng = np.random.default_rng(seed)
    return lambda images: draw_codes(rng, posterior(images), form).astype(np.float32)
