"""Mutual information between codes (Locatello et al. 2019, "Challenging Common Assumptions")."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.information import bin_codes, mutual_information
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_codes

NUM_BINS = 20


def pairwise_mutual_information(codes: ArrayLike) -> dict[str, float]:
    """Return the mean mutual information in nats of two different codes, cut into 20 bins each.

    0 where codes are independent (in a finite sample about 361 / (2 points) by chance), the mean
    entropy of the binned codes where all are functions of one another. A constant code shares 0
    with every other; a single code scores 0.

    Args:
        codes: float `[points, code_dim]`.

    Returns:
        dict: `pairwise_mutual_information`, from 0 to log 20.

    Raises:
        ValueError: malformed array.
    """
    return pairwise_mutual_information_resampling(codes).scores()


def pairwise_mutual_information_resampling(codes: ArrayLike) -> Resampling:
    """Return the `Resampling` of `pairwise_mutual_information` over points, the bins fixed."""
    bins = bin_codes(check_codes(codes), NUM_BINS)
    num_pairs = bins.shape[1] * (bins.shape[1] - 1)

    def score(chosen: np.ndarray) -> dict[str, float]:
        information = mutual_information(bins[chosen], bins[chosen])  # [code_dim, code_dim]
        total = information.sum() - information.trace()
        return {"pairwise_mutual_information": float(total / max(1, num_pairs))}

    return Resampling((len(bins),), score, bounds=(0.0, float(np.log(NUM_BINS))))


PAIRWISE_MUTUAL_INFORMATION = Metric(
    name="pairwise_mutual_information",
    title="Pairwise mutual information",
    function=pairwise_mutual_information,
    needs=frozenset({"codes"}),
    results=(
        Result(
            "pairwise_mutual_information",
            "Pairwise mutual information",
            "low",
            high=float(np.log(NUM_BINS)),
        ),
    ),
    variants=(Variant(name="pairwise_mutual_information", protocols=("cr", "dlib")),),
    resampling=pairwise_mutual_information_resampling,
    bootstrap="Points are drawn again; the bins are held fixed.",
    source="Locatello et al. 2019, Challenging Common Assumptions (arXiv 1811.12359)",
    pitfalls="Independent codes score about 361 / (2 points) nats by chance. Dead codes lower it.",
    place=3,
)
