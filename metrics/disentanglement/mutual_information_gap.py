"""Mutual information gap (Chen et al. 2018, "Isolating Sources of Disentanglement", equation 6)."""

import numpy as np

from metrics.shared.information import bin_codes, dense_labels, entropies, mutual_information
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_codes_and_factors, check_integer, varying_factors


def mig(codes, factors, num_bins=20):
    """Returns the mean over factors of the gap between the two most informed codes, over entropy.

    The gap is that of their mutual information with the factor. 1 where each factor can be read
    from one code alone; 0 where two codes know equally much of every factor, and where no code
    knows anything. Codes are cut into equal-width bins between their minimum and maximum. A factor
    with one value is left out. With one single code the second largest information is 0.

    Args:
        codes: float `[points, code_dim]`.
        factors: int `[points, num_factors]`.
        num_bins: number of bins of a code.

    Returns:
        dict: `mig`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies.
    """
    return mig_resampling(codes, factors, num_bins).scores()


def mig_resampling(codes, factors, num_bins=20):
    """Returns the `Resampling` of `mig` over points; the bins are those of the full sample."""
    codes, factors = check_codes_and_factors(codes, factors)
    check_integer(num_bins, "num_bins", minimum=2)
    labels = dense_labels(factors[:, varying_factors(factors)])
    bins = bin_codes(codes, num_bins)

    def score(chosen):
        information = mutual_information(bins[chosen], labels[chosen])  # [code_dim, num_factors]
        entropy = entropies(labels[chosen])
        ranked = np.sort(np.vstack([information, np.zeros(len(entropy))]), axis=0)
        # A resample may have lost all but one value of a factor.
        known = entropy > 0
        if not known.any():
            return {"mig": np.nan}
        return {"mig": float(np.mean((ranked[-1] - ranked[-2])[known] / entropy[known]))}

    return Resampling((len(codes),), score)
