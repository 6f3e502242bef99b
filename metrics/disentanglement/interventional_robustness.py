"""Interventional robustness score (Suter et al. 2019, arXiv 1811.00007, section 4)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.information import bin_codes
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import (
    check_codes_and_factors,
    check_integer,
    check_number,
    varying_columns,
    varying_factors,
)


def irs(
    codes: ArrayLike, factors: ArrayLike, *, quantile: float = 0.99, factor_bins: int | None = None
) -> dict[str, float]:
    """Return how little each code moves while one factor is held and all others change.

    For a code and a factor: the `quantile` of |z - mean| among the points of one factor value,
    averaged over the values, over the largest |z - mean| of the code. One minus that, at its best
    factor, averaged over codes with the largest deviation as weight. Codes that are constant are
    dropped. 1 where each code stands still with its factor; noise codes score about .2 to .4,
    since a quantile lies below the maximum. 0 where no code is active.

    The scalable form, which assumes independent factors. A factor with one value is left out.

    Args:
        codes: float `[points, code_dim]`.
        factors: int `[points, num_factors]`.
        quantile: which deviation stands for a factor value; 1 is the maximum, as in the paper.
        factor_bins: None takes factor values as they are. A number re-bins every factor to that
            many equal-width bins first, as dlib's wrapper does with 20, which merges neighbours
            of factors with more values.

    Returns:
        dict: `irs`, at most 1.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies.
    """
    return irs_resampling(codes, factors, quantile=quantile, factor_bins=factor_bins).scores()


def irs_resampling(
    codes: ArrayLike, factors: ArrayLike, *, quantile: float = 0.99, factor_bins: int | None = None
) -> Resampling:
    """Return the `Resampling` of `irs` over points."""
    codes, factors = check_codes_and_factors(codes, factors)
    check_number(quantile, "quantile", low=0, high=1, low_included=False)
    factors = factors[:, varying_factors(factors)]
    if factor_bins is not None:
        check_integer(factor_bins, "factor_bins", minimum=2)
        factors = bin_codes(factors.astype(np.float64), factor_bins)

    def score(chosen: np.ndarray) -> dict[str, float]:
        return {"irs": _robustness(codes[chosen], factors[chosen], quantile)}

    return Resampling((len(codes),), score, bounds=(-np.inf, 1.0))


def _robustness(codes: np.ndarray, factors: np.ndarray, quantile: float) -> float:
    """Return the weighted mean over active codes of the robustness towards their best factor."""
    codes = codes[:, varying_columns(codes)]
    if not codes.shape[1]:
        return 0.0
    largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    deviations = np.empty((factors.shape[1], codes.shape[1]))
    for row, factor in enumerate(factors.T):
        order = np.argsort(factor, kind="stable")
        starts = np.flatnonzero(np.diff(factor[order])) + 1
        within = [
            _quantile(np.abs(group - group.mean(axis=0)), quantile)
            for group in np.split(codes[order], starts)  # the points of one factor value
        ]
        deviations[row] = np.mean(within, axis=0)
    robustness = (1.0 - deviations / largest).max(axis=0)
    return float(np.average(robustness, weights=largest))


def _quantile(values: np.ndarray, quantile: float) -> np.ndarray:
    """Return the quantile of each column of `values`, interpolated as `numpy.quantile` does.

    The groups are small and many, so numpy's own checks would cost more than the selection.
    """
    place = quantile * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    selected = np.partition(np.ascontiguousarray(values.T), (below, above), axis=1)
    step = selected[:, above] - selected[:, below]
    return selected[:, below] + (place - below) * step


IRS = Metric(
    name="irs",
    title="IRS",
    function=irs,
    needs=frozenset({"codes", "two factors"}),
    results=(Result("irs", "IRS", low=-np.inf),),
    variants=(Variant(name="irs", protocols=("dlib",)),),
    resampling=irs_resampling,
    bootstrap="Points are drawn again.",
    source="Suter et al. 2019, Robustly Disentangled Causal Mechanisms, section 4 "
    "(arXiv 1811.00007), in the scalable form of Locatello et al. 2019",
    pitfalls="Noise codes score about 0.2 to 0.4, since a quantile lies below the maximum. It "
    "assumes independent factors. The large-scale study's program merges factors of more than 20 "
    "values into 20 bins; here values are taken as they are.",
    place=8,
)
