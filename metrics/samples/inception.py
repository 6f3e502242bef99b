"""Inception score (Salimans et al. 2016, "Improved Techniques for Training GANs", section 4)."""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_probabilities


def inception_score(probabilities: ArrayLike) -> dict[str, float]:
    """Return exp of the mean KL divergence of each point's class distribution from their mean.

    The number of classes where every sample is classified surely and all classes are equally
    frequent; 1 where the classifier says the same of every sample. The value depends on the
    classifier: name it beside the score.

    Args:
        probabilities: float `[points, classes]`, a classifier's distribution for each sample.

    Returns:
        dict: `inception_score`, from 1 to the number of classes.

    Raises:
        ValueError: malformed array, rows that are not distributions.
    """
    return inception_score_resampling(probabilities).scores()


def inception_score_resampling(probabilities: ArrayLike) -> Resampling:
    """Return the `Resampling` of `inception_score` over points."""
    probabilities = check_probabilities(probabilities)

    def score(chosen: np.ndarray) -> dict[str, float]:
        drawn = probabilities[chosen]
        divergence = scipy.special.rel_entr(drawn, drawn.mean(axis=0)).sum(axis=1)
        return {"inception_score": float(np.exp(divergence.mean()))}

    return Resampling((len(probabilities),), score, bounds=(1.0, float(probabilities.shape[1])))


INCEPTION_SCORE = Metric(
    name="inception_score",
    title="Inception score",
    function=inception_score,
    needs=frozenset({"samples", "classifier"}),
    results=(Result("inception_score", "Inception score", low=1.0, high=np.inf),),
    variants=(Variant(name="inception_score", protocols=("samples",)),),
    resampling=inception_score_resampling,
    bootstrap="Samples are drawn again; the classifier's probabilities are held fixed.",
    source="Salimans et al. 2016, Improved Techniques for Training GANs, section 4 "
    "(arXiv 1606.03498)",
    pitfalls="The value depends on the classifier, which here is a small one trained on the data "
    "set and not the Inception network.",
    place=1,
)
