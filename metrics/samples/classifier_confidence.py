"""Confidence of a classifier on samples (Lin et al. 2020, "InfoGAN-CR", appendix)."""

from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_probabilities


def confidence(probabilities: ArrayLike) -> dict[str, float]:
    """Return the mean probability of each sample's most probable class.

    1 where every sample is surely of one class, 1 / classes where the classifier cannot tell.

    Args:
        probabilities: float `[points, classes]`, a classifier's distribution for each sample.

    Returns:
        dict: `confidence`, from 1 / classes to 1.

    Raises:
        ValueError: malformed array, rows that are not distributions.
    """
    return confidence_resampling(probabilities).scores()


def confidence_resampling(probabilities: ArrayLike) -> Resampling:
    """Return the `Resampling` of `confidence` over points."""
    largest = check_probabilities(probabilities).max(axis=1)
    return Resampling((len(largest),), lambda chosen: {"confidence": float(largest[chosen].mean())})


CONFIDENCE = Metric(
    name="confidence",
    title="Classifier confidence",
    function=confidence,
    needs=frozenset({"samples", "classifier"}),
    results=(Result("confidence", "Classifier confidence"),),
    variants=(Variant(name="confidence", protocols=("samples",)),),
    resampling=confidence_resampling,
    bootstrap="Samples are drawn again; the classifier's probabilities are held fixed.",
    source="Lin et al. 2020, InfoGAN-CR and ModelCentrality, appendix (arXiv 1906.06034)",
    pitfalls="Chance is 1 over the number of classes. A generator that makes one clear image only "
    "scores best.",
    place=4,
)
