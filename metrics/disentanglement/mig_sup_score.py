"""MIG-sup, the gap of a code between factors (Li et al. 2020, arXiv 2002.10549, section 5)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.information import bin_points, entropies, largest_gaps, mutual_information
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_option

NORMALIZERS = ("code", "factor")


def mig_sup(
    codes: ArrayLike, factors: ArrayLike, num_bins: int = 10, *, normalizer: str = "code"
) -> dict[str, float]:
    """Return the mean over codes of the gap between the two factors that a code knows most of.

    The gap is that of the mutual information over the entropy of the code, or of the factor. 1
    where each code tells all of one factor and nothing of the others; the counterpart of `mig`,
    which cannot see two factors in one code. A dead code counts 0. Codes are cut into equal-width
    bins between their minimum and maximum. A factor with one value is left out.

    The paper divides by the factor's entropy and its program by the log of the number of values,
    leaving out codes with a variance of at most 0.01: give only those codes for that form.

    Args:
        codes: float `[points, code_dim]`.
        factors: int `[points, num_factors]`.
        num_bins: number of bins of a code.
        normalizer: "code" or "factor": whose entropy divides.

    Returns:
        dict: `mig_sup`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies, an
            unknown normalizer.
    """
    return mig_sup_resampling(codes, factors, num_bins, normalizer=normalizer).scores()


def mig_sup_resampling(
    codes: ArrayLike, factors: ArrayLike, num_bins: int = 10, *, normalizer: str = "code"
) -> Resampling:
    """Return the `Resampling` of `mig_sup` over points; the bins are those of the full sample."""
    check_option(normalizer, "normalizer", NORMALIZERS)
    bins, labels = bin_points(codes, factors, num_bins)

    def score(chosen: np.ndarray) -> dict[str, float]:
        information = mutual_information(bins[chosen], labels[chosen])  # [code_dim, num_factors]
        if normalizer == "code":
            entropy = entropies(bins[chosen])[:, np.newaxis]
        else:
            entropy = entropies(labels[chosen])
        shares = np.divide(information, entropy, out=np.zeros_like(information), where=entropy > 0)
        return {"mig_sup": float(largest_gaps(shares.T).mean())}

    return Resampling((len(bins),), score)


MIG_SUP = Metric(
    name="mig_sup",
    title="MIG-sup",
    function=mig_sup,
    needs=frozenset({"codes", "two factors"}),
    results=(Result("mig_sup", "MIG-sup"),),
    variants=(
        Variant(name="mig_sup", protocols=("recent",)),
        Variant(
            name="mig_sup_factor",
            protocols=("recent",),
            title="over the factor's entropy",
            options={"normalizer": "factor"},
            suffix="_factor",
        ),
    ),
    resampling=mig_sup_resampling,
    bootstrap="Points are drawn again; the bins are held fixed.",
    source="Li et al. 2020, Progressive Learning and Disentanglement of Hierarchical "
    "Representations (arXiv 2002.10549); over the code's entropy: Carbonneau et al. 2022 "
    "(arXiv 2012.09276)",
    pitfalls="Every dead code counts 0, so more codes than factors lower it. A factor in two codes "
    "costs nothing (see mig).",
    place=12,
)
