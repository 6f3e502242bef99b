"""Gaussian Wasserstein correlation of codes (Watters et al. 2019, "Spatial Broadcast Decoder")."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_codes, varying_columns


def gaussian_wasserstein_correlation(codes: ArrayLike) -> dict[str, float]:
    """Return 2 tr Cov - 2 tr (Cov diag(Cov))^(1/2).

    The squared Wasserstein-2 distance between a fitted Gaussian and the product of its marginals,
    in squared units of the codes, with ddof 1. 0 where codes are uncorrelated; it scales with the
    codes' variances. Constant codes add nothing.

    Args:
        codes: float `[points, code_dim]`.

    Returns:
        dict: `gaussian_wasserstein_correlation`, at least 0.

    Raises:
        ValueError: malformed array.
    """
    return gaussian_wasserstein_correlation_resampling(codes).scores()


def gaussian_wasserstein_correlation_resampling(codes: ArrayLike) -> Resampling:
    """Return the `Resampling` of `gaussian_wasserstein_correlation` over points."""
    codes = check_codes(codes)

    def score(chosen: np.ndarray) -> dict[str, float]:
        return {"gaussian_wasserstein_correlation": _distance(codes[chosen])}

    return Resampling((len(codes),), score, bounds=(0.0, np.inf))


def _distance(codes: np.ndarray) -> float:
    """Return the squared distance.

    Cov diag(Cov) has the eigenvalues of the symmetric S Cov S with S = diag(Cov)^(1/2), whose
    square roots exist and are real even where codes are linearly dependent.
    """
    codes = codes[:, varying_columns(codes)]
    if codes.shape[1] < 2:
        return 0.0
    covariance = np.cov(codes, rowvar=False)
    variances = np.diag(covariance)
    deviations = np.sqrt(variances)
    symmetric = deviations[:, np.newaxis] * covariance * deviations
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh(symmetric), 0.0))
    return max(0.0, float(2 * variances.sum() - 2 * roots.sum()))


GAUSSIAN_WASSERSTEIN_CORRELATION = Metric(
    name="gaussian_wasserstein_correlation",
    title="Gaussian Wasserstein correlation",
    function=gaussian_wasserstein_correlation,
    needs=frozenset({"codes"}),
    results=(
        Result(
            "gaussian_wasserstein_correlation",
            "Gaussian Wasserstein correlation",
            "low",
            high=np.inf,
        ),
    ),
    variants=(Variant(name="gaussian_wasserstein_correlation", protocols=("cr", "dlib")),),
    resampling=gaussian_wasserstein_correlation_resampling,
    bootstrap="Points are drawn again.",
    source="Locatello et al. 2019, Challenging Common Assumptions (arXiv 1811.12359)",
    pitfalls="In squared units of the codes: codes of a small scale score low. It sees linear "
    "dependence only.",
    place=2,
)
