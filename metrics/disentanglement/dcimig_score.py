"""DCIMIG, the gap of the code that serves a factor alone (Sepliarskaia et al. 2019, 1910.05587)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.information import bin_points, entropies, largest_gaps, mutual_information
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling


def dcimig(codes: ArrayLike, factors: ArrayLike, num_bins: int = 10) -> dict[str, float]:
    """Return the best gaps that codes leave between their two best known factors, over entropy.

    Each code gives the factor that it knows most of the gap to the next one, I(z; f_1) - I(z; f_2).
    The score is the sum over factors of the largest gap that each was given, over the sum of the
    factors' entropies. 1 where every factor is told whole by a code that tells nothing of others; 0
    where every code knows equally much of two factors. Codes are cut into equal-width bins between
    their minimum and maximum. A factor with one value is left out.

    Args:
        codes: float `[points, code_dim]`.
        factors: int `[points, num_factors]`.
        num_bins: number of bins of a code.

    Returns:
        dict: `dcimig`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies.
    """
    return dcimig_resampling(codes, factors, num_bins).scores()


def dcimig_resampling(codes: ArrayLike, factors: ArrayLike, num_bins: int = 10) -> Resampling:
    """Return the `Resampling` of `dcimig` over points; the bins are those of the full sample."""
    bins, labels = bin_points(codes, factors, num_bins)

    def score(chosen: np.ndarray) -> dict[str, float]:
        information = mutual_information(bins[chosen], labels[chosen])  # [code_dim, num_factors]
        best_gap = np.zeros(labels.shape[1])
        np.maximum.at(best_gap, information.argmax(axis=1), largest_gaps(information.T))
        entropy = entropies(labels[chosen]).sum()
        # A resample may have lost all but one value of every factor.
        return {"dcimig": float(best_gap.sum() / entropy) if entropy > 0 else np.nan}

    return Resampling((len(bins),), score)


DCIMIG = Metric(
    name="dcimig",
    title="DCIMIG",
    function=dcimig,
    needs=frozenset({"codes", "two factors"}),
    results=(Result("dcimig", "DCIMIG"),),
    variants=(Variant(name="dcimig", protocols=("recent",)),),
    resampling=dcimig_resampling,
    bootstrap="Points are drawn again; the bins are held fixed.",
    source="Sepliarskaia et al. 2019, How to Not Measure Disentanglement (arXiv 1910.05587), under "
    "the name of Carbonneau et al. 2022 (arXiv 2012.09276)",
    pitfalls="Factors of many values weigh more, since entropies are summed before dividing.",
    place=14,
)
