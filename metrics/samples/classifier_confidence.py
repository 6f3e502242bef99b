"""Confidence of a classifier on samples (Lin et al. 2020, "InfoGAN-CR", appendix)."""

from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_probabilities


def confidence(probabilities):
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


def confidence_resampling(probabilities):
    """Return the `Resampling` of `confidence` over points."""
    largest = check_probabilities(probabilities).max(axis=1)
    return Resampling((len(largest),), lambda chosen: {"confidence": float(largest[chosen].mean())})
