"""Modularity (Ridgeway & Mozer 2018, "... Embeddings with the F-Statistic Loss", section 3)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.information import bin_codes, dense_labels, mutual_information
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_codes_and_factors, check_integer, varying_factors


def modularity(codes: ArrayLike, factors: ArrayLike, num_bins: int = 20) -> dict[str, float]:
    """Return the mean over codes of 1 - (sum_k MI^2 - max_k MI^2) / (max_k MI^2 (K - 1)).

    1 where each code tells of one factor at most; 0 where each tells of all factors equally. It
    does not fall when several codes share a factor, and noise codes score well above 0, since a
    quotient of two small numbers is arbitrary. A dead code counts 0. A factor with one value is
    left out; with one factor left an informative code scores 1.

    Args:
        codes: float `[points, code_dim]`.
        factors: int `[points, num_factors]`.
        num_bins: number of equal-width bins of a code.

    Returns:
        dict: `modularity`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies.
    """
    return modularity_resampling(codes, factors, num_bins).scores()


def modularity_resampling(codes: ArrayLike, factors: ArrayLike, num_bins: int = 20) -> Resampling:
    """Return the `Resampling` of `modularity` over points; bins are those of the full sample."""
    codes, factors = check_codes_and_factors(codes, factors)
    check_integer(num_bins, "num_bins", minimum=2)
    labels = dense_labels(factors[:, varying_factors(factors)])
    bins = bin_codes(codes, num_bins)
    num_other_factors = max(1, labels.shape[1] - 1)

    def score(chosen: np.ndarray) -> dict[str, float]:
        squared = mutual_information(bins[chosen], labels[chosen]) ** 2  # [code_dim, num_factors]
        largest = squared.max(axis=1)
        informative = largest > 0
        others = squared.sum(axis=1) - largest
        spill = others / (np.where(informative, largest, 1.0) * num_other_factors)
        return {"modularity": float(np.mean(np.where(informative, 1.0 - spill, 0.0)))}

    return Resampling((len(codes),), score)


MODULARITY = Metric(
    name="modularity",
    title="Modularity",
    function=modularity,
    needs=frozenset({"codes", "two factors"}),
    results=(Result("modularity", "Modularity", paper_choice=0),),
    variants=(Variant(name="modularity", protocols=("cr", "dlib")),),
    resampling=modularity_resampling,
    bootstrap="Points are drawn again; the bins are held fixed.",
    source="Ridgeway & Mozer 2018, Learning Deep Disentangled Embeddings with the F-Statistic "
    "Loss, section 3 (arXiv 1802.05312)",
    pitfalls="Noise codes score well above 0, since a quotient of two small numbers is arbitrary. "
    "Several codes for one factor cost nothing. With one factor every informative code scores 1.",
    place=5,
)
