"""TAD, total AUROC difference of binary attributes (Yeats et al. 2022, NashAE)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.information import entropies, mutual_information
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_codes, check_factors, check_same_length

SMALLEST_RANGE = 0.2  # a code that moves less tells nothing
NUM_THRESHOLDS = 101
SMALLEST_AREA = 0.75  # of a code that captures an attribute
LARGEST_SHARE = 0.2  # of an attribute's entropy that another attribute may explain


def tad(codes: ArrayLike, attributes: ArrayLike) -> dict[str, float]:
    """Return how far the best code of each captured attribute stands above the second best.

    A code tells an attribute by the area under its ROC curve, of 101 thresholds from its minimum to
    its maximum, in the better of the two directions; a code whose range is at most 0.2 counts 0.5.
    An attribute is captured where the best area is at least 0.75, and where no other attribute
    explains more than a fifth of its entropy. TAD is the *sum* over captured attributes of the best
    area minus the second best, so it grows with the number of attributes: compare it between
    models on the same attributes only, together with that number.

    The authors score one batch of 1,000 images with CelebA's 40 attributes and, for VAEs, sampled
    codes. Their program computes in single precision, which may move the last threshold past the
    largest code and the score by up to 0.005. With one single code the second best is 0.5. An
    attribute with one value is left out.

    Args:
        codes: float `[points, code_dim]`.
        attributes: 0 or 1, `[points, num_attributes]`.

    Returns:
        dict: `tad`, from 0 to half the number of attributes; `tad_captured`, the number of captured
        attributes.

    Raises:
        ValueError: malformed arrays, attributes other than 0 and 1.
    """
    codes = check_codes(codes)
    attributes = check_factors(attributes, "attributes")
    check_same_length(codes=codes, attributes=attributes)
    if attributes.min() < 0 or attributes.max() > 1:
        raise ValueError(
            "`attributes` must be binary. Expected: 0 and 1 only. Received: values from "
            f"{attributes.min()} to {attributes.max()}"
        )
    attributes = attributes[:, np.flatnonzero(_is_independent(attributes))]
    areas = np.vstack([_areas(code, attributes) for code in codes.T])  # [code_dim, num_attributes]
    if len(areas) == 1:
        areas = np.vstack([areas, np.full_like(areas, 0.5)])
    ranked = np.sort(areas, axis=0)
    captured = ranked[-1] >= SMALLEST_AREA
    return {
        "tad": float(np.sum((ranked[-1] - ranked[-2])[captured])),
        "tad_captured": float(captured.sum()),
    }


def _is_independent(attributes: np.ndarray) -> np.ndarray:
    """Return bool `[num_attributes]`: which vary, and are explained by no other attribute."""
    information = mutual_information(attributes, attributes)
    np.fill_diagonal(information, 0.0)
    entropy = entropies(attributes)
    return (entropy > 0) & (information.max(axis=1) <= LARGEST_SHARE * entropy)


def _areas(code: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Return float64 `[num_attributes]`: the area under the ROC curve of one code for each."""
    low, high = code.min(), code.max()
    if high - low <= SMALLEST_RANGE:
        return np.full(attributes.shape[1], 0.5)
    thresholds = np.linspace(low, high, NUM_THRESHOLDS)
    place = np.searchsorted(thresholds, code, side="right")  # how many thresholds a point reaches
    positive = attributes.astype(np.float64)
    rates = []
    for members in (1.0 - positive, positive):
        counts = np.zeros((NUM_THRESHOLDS + 1, attributes.shape[1]))
        np.add.at(counts, place, members)
        above = members.sum(axis=0) - np.cumsum(counts, axis=0)[:-1]  # [thresholds, attributes]
        rates.append(above / members.sum(axis=0))
    false_rate, true_rate = rates
    return np.maximum(_area(false_rate, true_rate), _area(1.0 - false_rate, 1.0 - true_rate))


def _area(false_rate: np.ndarray, true_rate: np.ndarray) -> np.ndarray:
    """Return the area of steps under the points of both rates, each sorted on its own."""
    false_rate, true_rate = np.sort(false_rate, axis=0), np.sort(true_rate, axis=0)
    return np.sum(true_rate[1:] * np.diff(false_rate, axis=0), axis=0)


TAD = Metric(
    name="tad",
    title="TAD",
    function=tad,
    needs=frozenset({"codes", "attributes"}),
    results=(
        Result("tad", "TAD", high=np.inf),
        Result("tad_captured", "Attributes captured", high=np.inf),
    ),
    variants=(Variant(name="tad", protocols=("recent",)),),
    bootstrap="None: it sums over attributes that a resample may cease to capture.",
    source="Yeats et al. 2022, NashAE: Disentangling Representations through Adversarial "
    "Covariance Minimization (arXiv 2209.10677)",
    pitfalls="A sum and not a mean: it grows with the number of attributes, so compare equal "
    "attributes only. The range of a code is compared with the fixed number 0.2, so the scale of "
    "codes matters.",
    place=15,
)
