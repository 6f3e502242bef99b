"""JEMMIG, joint entropy minus mutual information gap (Do & Tran 2020, arXiv 1908.09961)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.information import bin_points, entropies, mutual_information
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling


def jemmig(codes: ArrayLike, factors: ArrayLike, num_bins: int = 10) -> dict[str, float]:
    """Return how surely one single code tells each factor and nothing else.

    For factor k and j the code that knows most of it, in bits:
    raw_k = H(f_k, z_j) - I(f_k; z_j) + max over the other codes of I(f_k; z). Unlike the gap alone
    it grows with whatever else the code j varies with. `jemmig` is the mean over factors of
    1 - raw_k / (H(f_k) + log2 bins): 1 only where the factor's values and the bins of its code are
    the same, so codes with more bins than the factor has values stay below 1 even when perfect.
    Codes are cut into equal-width bins between their minimum and maximum. A factor with one value
    is left out. Where no code varies the score is 0.

    The authors' program differs from this: it leaves out the "1 -", so that lower is better, counts
    in nats, and spreads each posterior q(z|x) over 100 bins between -4 and 4.

    Args:
        codes: float `[points, code_dim]`.
        factors: int `[points, num_factors]`.
        num_bins: number of bins of a code.

    Returns:
        dict: `jemmig`, from 0 to 1, higher is better; `jemmig_raw_bits`, the mean of raw_k, from 0,
        lower is better.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies.
    """
    return jemmig_resampling(codes, factors, num_bins).scores()


def jemmig_resampling(codes: ArrayLike, factors: ArrayLike, num_bins: int = 10) -> Resampling:
    """Return the `Resampling` of `jemmig` over points; the bins are those of the full sample."""
    bins, labels = bin_points(codes, factors, num_bins)
    columns = np.arange(labels.shape[1])

    def score(chosen: np.ndarray) -> dict[str, float]:
        drawn, drawn_labels = bins[chosen], labels[chosen]
        information = mutual_information(drawn, drawn_labels)  # [code_dim, num_factors]
        of_codes, of_factors = entropies(drawn), entropies(drawn_labels)
        # A resample may have lost all but one value of a factor.
        known = of_factors > 0
        if not known.any():
            return {"jemmig": np.nan, "jemmig_raw_bits": np.nan}
        best = information.argmax(axis=0)
        largest = information[best, columns]
        others = np.vstack([information, np.zeros(len(columns))])
        others[best, columns] = 0.0
        joint = of_codes[best] + of_factors - largest
        raw = joint - largest + others.max(axis=0)
        shares = 1.0 - raw / (of_factors + np.log(num_bins))
        return {
            "jemmig": float(shares[known].mean()) if of_codes.any() else 0.0,
            "jemmig_raw_bits": float(raw[known].mean() / np.log(2)),
        }

    return Resampling((len(bins),), score, bounds=(0.0, np.inf))


JEMMIG = Metric(
    name="jemmig",
    title="JEMMIG",
    function=jemmig,
    needs=frozenset({"codes", "factors"}),
    results=(
        Result("jemmig", "JEMMIG"),
        Result("jemmig_raw_bits", "JEMMIG (raw, bits)", "low", high=np.inf, is_main=False),
    ),
    variants=(Variant(name="jemmig", protocols=("recent",)),),
    resampling=jemmig_resampling,
    bootstrap="Points are drawn again; the bins are held fixed.",
    source="Do & Tran 2020, Theory and Evaluation Metrics for Learning Disentangled "
    "Representations (arXiv 1908.09961); normalised as in Carbonneau et al. 2022 "
    "(arXiv 2012.09276)",
    pitfalls="Codes finer than the factor's values stay below 1 even when perfect, and the more "
    "bins the lower. The authors' program prints 1 minus the normalised value.",
    place=13,
)
