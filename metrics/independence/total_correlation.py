"""Gaussian total correlation of codes (Locatello et al. 2019, "Challenging Common Assumptions")."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_codes, varying_columns


def gaussian_total_correlation(codes: ArrayLike) -> dict[str, float]:
    """Return 0.5 (sum log diag Cov - logdet Cov): the total correlation of a fitted Gaussian.

    In nats. 0 where codes are uncorrelated (independent codes score about d^2 / 4 points by
    chance); it grows without bound as codes become linearly dependent. Constant codes are dropped.
    A direction without any variance, as two equal codes leave one, counts with the rounding error
    of float64 in place of 0, about 17 nats, so that the value stays finite.

    Args:
        codes: float `[points, code_dim]`.

    Returns:
        dict: `gaussian_total_correlation`, at least 0.

    Raises:
        ValueError: malformed array.
    """
    return gaussian_total_correlation_resampling(codes).scores()


def gaussian_total_correlation_resampling(codes: ArrayLike) -> Resampling:
    """Return the `Resampling` of `gaussian_total_correlation` over points."""
    codes = check_codes(codes)

    def score(chosen: np.ndarray) -> dict[str, float]:
        return {"gaussian_total_correlation": _total_correlation(codes[chosen])}

    return Resampling((len(codes),), score, bounds=(0.0, np.inf))


def _total_correlation(codes: np.ndarray) -> float:
    """Return -0.5 logdet of the correlation matrix, which equals the definition on Cov."""
    centred = codes - codes.mean(axis=0)
    spread = np.sqrt(np.mean(centred**2, axis=0))
    active = varying_columns(codes) & (spread > 0)
    if active.sum() < 2:
        return 0.0
    scaled = centred[:, active] / spread[active]
    eigenvalues = np.linalg.eigvalsh(scaled.T @ scaled / len(scaled))
    smallest = np.finfo(np.float64).eps * len(eigenvalues)
    return max(0.0, float(-0.5 * np.sum(np.log(np.maximum(eigenvalues, smallest)))))


GAUSSIAN_TOTAL_CORRELATION = Metric(
    name="gaussian_total_correlation",
    title="Gaussian total correlation",
    function=gaussian_total_correlation,
    needs=frozenset({"codes"}),
    results=(
        Result("gaussian_total_correlation", "Gaussian total correlation", "low", high=np.inf),
    ),
    variants=(Variant(name="gaussian_total_correlation", protocols=("cr", "dlib")),),
    resampling=gaussian_total_correlation_resampling,
    bootstrap="Points are drawn again.",
    source="Locatello et al. 2019, Challenging Common Assumptions (arXiv 1811.12359)",
    pitfalls="It sees linear dependence only. Collapsed models score best: a constant code depends "
    "on nothing.",
    place=1,
)
