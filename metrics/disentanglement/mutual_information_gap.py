"""Mutual information gap (Chen et al. 2018, "Isolating Sources of Disentanglement", equation 6)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.information import bin_points, entropies, largest_gaps, mutual_information
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_option

NORMALIZERS = ("factor", "code")


def mig(
    codes: ArrayLike, factors: ArrayLike, num_bins: int = 20, *, normalizer: str = "factor"
) -> dict[str, float]:
    """Return the mean over factors of the gap between the two most informed codes, over entropy.

    The gap is that of their mutual information with the factor. 1 where each factor can be read
    from one code alone; 0 where two codes know equally much of every factor, and where no code
    knows anything. Codes are cut into equal-width bins between their minimum and maximum. A factor
    with one value is left out. With one single code the second largest information is 0.

    Several scores go by this name. Chen et al. divide by the entropy of the factor and estimate the
    information from posteriors (`mig_posterior`); the large-scale study cuts the means into 20
    bins. `normalizer="code"` divides each code's information by the code's own entropy instead
    (Carbonneau et al. 2022, with 10 bins), which stays below 1 wherever a code has more bins than
    the factor has values.

    Args:
        codes: float `[points, code_dim]`.
        factors: int `[points, num_factors]`.
        num_bins: number of bins of a code.
        normalizer: "factor" or "code": whose entropy divides.

    Returns:
        dict: `mig`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies, an
            unknown normalizer.
    """
    return mig_resampling(codes, factors, num_bins, normalizer=normalizer).scores()


def mig_resampling(
    codes: ArrayLike, factors: ArrayLike, num_bins: int = 20, *, normalizer: str = "factor"
) -> Resampling:
    """Return the `Resampling` of `mig` over points; the bins are those of the full sample."""
    check_option(normalizer, "normalizer", NORMALIZERS)
    bins, labels = bin_points(codes, factors, num_bins)

    def score(chosen: np.ndarray) -> dict[str, float]:
        information = mutual_information(bins[chosen], labels[chosen])  # [code_dim, num_factors]
        entropy = entropies(labels[chosen])
        # A resample may have lost all but one value of a factor.
        known = entropy > 0
        if not known.any():
            return {"mig": np.nan}
        if normalizer == "code":
            of_codes = entropies(bins[chosen])[:, np.newaxis]
            shares = np.zeros_like(information)
            np.divide(information, of_codes, out=shares, where=of_codes > 0)
            return {"mig": float(largest_gaps(shares)[known].mean())}
        return {"mig": float(np.mean(largest_gaps(information)[known] / entropy[known]))}

    return Resampling((len(bins),), score)


MIG = Metric(
    name="mig",
    title="MIG",
    function=mig,
    needs=frozenset({"codes", "factors"}),
    results=(Result("mig", "MIG", paper_choice=0),),
    variants=(
        Variant(name="mig", protocols=("cr", "dlib")),
        Variant(
            name="mig_factor_b10",
            protocols=("recent",),
            title="10 bins",
            options={"num_bins": 10},
            suffix="_factor_b10",
        ),
        Variant(
            name="mig_code_b10",
            protocols=("recent",),
            title="over the code's entropy, 10 bins",
            options={"num_bins": 10, "normalizer": "code"},
            suffix="_code_b10",
        ),
        Variant(
            name="mig_code_b20",
            protocols=("recent",),
            title="over the code's entropy, 20 bins",
            options={"num_bins": 20, "normalizer": "code"},
            suffix="_code_b20",
        ),
    ),
    resampling=mig_resampling,
    bootstrap="Points are drawn again; the bins are held fixed.",
    source="Chen et al. 2018, Isolating Sources of Disentanglement, equation 6 (arXiv 1802.04942), "
    "in the binned form of Locatello et al. 2019; over the code's entropy: Carbonneau et al. 2022 "
    "(arXiv 2012.09276)",
    pitfalls="Several scores share this name: compare only the same bins, the same normaliser, and "
    "means with means. A factor in two codes scores 0 however cleanly; a code of two factors costs "
    "nothing (see mig_sup).",
    place=3,
)
