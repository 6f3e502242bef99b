"""UDR, unsupervised disentanglement ranking (Duan et al. 2020, arXiv 1905.12614, section 4)."""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from metrics.shared.fitting import quiet_fit, standardize
from metrics.shared.validation import check_array, check_option

LASSO_PENALTY = 0.1
METHODS = ("lasso", "spearman")


def udr(
    codes: ArrayLike, informative: ArrayLike, *, method: str = "lasso"
) -> tuple[np.ndarray, np.ndarray]:
    """Return how well the codes of each model match the codes of the others one to one.

    R[a, b] is the strength with which code a of model i and code b of model j go together, over
    their informative codes: |lasso coefficient| (alpha 0.1) of b's prediction from model i, or
    |Spearman correlation|. A pair's score is the mean of two means of max^2 / sum, over the
    columns and over the rows of R; 0 / 0 counts 0. A model's score is the median over its pairs.
    Near 1 where models differ by permutation and sign only, near 0 where codes are mixed. A model
    without informative codes scores 0.

    Args:
        codes: float `[models, points, code_dim]`, every model's codes of the same points.
        informative: bool `[models, code_dim]`. VAEs: mean KL of the code above 0.01. GANs have no
            KL: standard deviation of the code at least 0.05, an extension of the paper.
        method: "lasso" or "spearman".

    Returns:
        `(scores, pairwise)`: float64 `[models]`, and `[models, models]` with pairwise[i, j] the
        score of model j's codes against model i's; scores[i] is the median of column i without its
        diagonal, which is 0. Both from 0 to about 1.

    Raises:
        ValueError: malformed arrays, unknown method, one single model.
    """
    codes = check_array(codes, "codes", ("models", "points", "code_dim"), minimum=(1, 2, 1))
    informative = _check_informative(informative, codes)
    check_option(method, "method", METHODS)
    num_models = len(codes)
    if num_models < 2:
        raise ValueError(
            "A single model has no others to agree with. Expected: `codes` of at least two models. "
            f"Received: codes.shape={codes.shape}"
        )
    # Uninformative columns stay out altogether: zeroed, they would get zero strength and be cut.
    kept = [
        standardize(model_codes[:, mask].astype(np.float64))[0] if mask.any() else None
        for model_codes, mask in zip(codes, informative, strict=True)
    ]
    if method == "spearman":
        kept = [None if columns is None else _unit_ranks(columns) for columns in kept]
    strength = _lasso_strength if method == "lasso" else _rank_strength

    pairwise = np.zeros((num_models, num_models))
    for row, column in np.ndindex(pairwise.shape):
        first, second = kept[row], kept[column]
        if row != column and first is not None and second is not None:
            pairwise[row, column] = _relative_strength(strength(first, second))
    return udr_scores(pairwise), pairwise


def udr_scores(pairwise: np.ndarray) -> np.ndarray:
    """Return each model's score float64 `[models]`: the median of its column, diagonal left out."""
    others = ~np.eye(len(pairwise), dtype=bool)
    return np.array([np.median(pairwise[others[:, one], one]) for one in range(len(pairwise))])


def _check_informative(informative: ArrayLike, codes: np.ndarray) -> np.ndarray:
    """Return `informative` as bool `[models, code_dim]`."""
    mask = check_array(informative, "informative", ("models", "code_dim"))
    expected = (codes.shape[0], codes.shape[2])
    if mask.shape != expected:
        raise ValueError(
            f"`informative` does not fit `codes`. Expected: shape {expected}, [models, code_dim]. "
            f"Received: informative.shape={mask.shape}, codes.shape={codes.shape}"
        )
    if np.any((mask != 0) & (mask != 1)):
        raise ValueError(
            "`informative` must hold booleans. Expected: True or False for each code. "
            f"Received: informative with values from {mask.min():.4g} to {mask.max():.4g}"
        )
    return mask.astype(bool)


def _lasso_strength(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return |coefficients| `[codes of first, codes of second]` of second predicted from first."""
    from sklearn.linear_model import Lasso

    with quiet_fit():
        coefficients = Lasso(alpha=LASSO_PENALTY).fit(first, second).coef_
    return np.abs(coefficients).reshape(second.shape[1], first.shape[1]).T


def _unit_ranks(columns: np.ndarray) -> np.ndarray:
    """Return each column's ranks, centred and of unit length; zeros for a constant column."""
    ranks = standardize(scipy.stats.rankdata(columns, axis=0))[0]
    return ranks / np.sqrt(len(ranks))


def _rank_strength(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return |Spearman correlation| `[codes of first, codes of second]` of unit ranks."""
    return np.abs(first.T @ second)


def _relative_strength(matrix: np.ndarray) -> float:
    """Return the mean over columns and the mean over rows of max^2 / sum, averaged."""
    means = []
    for axis in (0, 1):
        sums = matrix.sum(axis=axis)
        largest = matrix.max(axis=axis)
        means.append(np.mean(np.where(sums > 0, largest**2 / np.where(sums > 0, sums, 1.0), 0.0)))
    return float(np.mean(means))
