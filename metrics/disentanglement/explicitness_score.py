"""Explicitness (Ridgeway & Mozer 2018, "... Embeddings with the F-Statistic Loss", section 3)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.fitting import quiet_fit, standardize
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_train_and_test, varying_columns, varying_factors


def explicitness(
    codes: ArrayLike, factors: ArrayLike, codes_test: ArrayLike, factors_test: ArrayLike
) -> dict[str, float]:
    """Return how well a linear classifier on all codes separates the values of each factor.

    For each factor a multinomial logistic regression (scikit-learn defaults) on codes standardised
    by the training points; the score is the mean over factors of the macro one-vs-rest area under
    the ROC curve. 1 where every factor is a linear function of the codes, 0.5 by chance, 0 where
    every code is constant. A factor with one value is left out; so is, from a factor's average, a
    value that no point (or every point) of the scored part has.

    Args:
        codes: float `[points, code_dim]`, training points.
        factors: int `[points, num_factors]`.
        codes_test: float `[test_points, code_dim]`.
        factors_test: int `[test_points, num_factors]`.

    Returns:
        dict: `explicitness_train`, `explicitness_test`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies in either
            part.
    """
    return explicitness_resampling(codes, factors, codes_test, factors_test).scores()


def explicitness_resampling(
    codes: ArrayLike, factors: ArrayLike, codes_test: ArrayLike, factors_test: ArrayLike
) -> Resampling:
    """Return the `Resampling` of `explicitness` over scored points; the classifiers are fixed."""
    from sklearn.linear_model import LogisticRegression

    codes, factors, codes_test, factors_test = check_train_and_test(
        codes, factors, codes_test, factors_test
    )
    varying = varying_factors(factors)
    has_active_code = varying_columns(codes).any()
    codes, codes_test = standardize(codes, codes_test)

    train_curves, test_curves = [], []
    for factor in np.flatnonzero(varying) if has_active_code else ():
        with quiet_fit():
            classifier = LogisticRegression().fit(codes, factors[:, factor])
            train_probabilities = classifier.predict_proba(codes)
            test_probabilities = classifier.predict_proba(codes_test)
        train_curves.append(
            _RankedClasses(train_probabilities, factors[:, factor], classifier.classes_)
        )
        test_curves.append(
            _RankedClasses(test_probabilities, factors_test[:, factor], classifier.classes_)
        )

    if np.isnan(_mean_area(test_curves, np.arange(len(codes_test)))):
        raise ValueError(
            "No value of any factor can be scored on `factors_test`. Expected: at least one factor "
            "of which some but not all test points have a value that the training points have. "
            f"Received: factors_test of shape {factors_test.shape}"
        )

    def score(chosen: np.ndarray, test_chosen: np.ndarray) -> dict[str, float]:
        return {
            "explicitness_train": _mean_area(train_curves, chosen),
            "explicitness_test": _mean_area(test_curves, test_chosen),
        }

    return Resampling((len(codes), len(codes_test)), score)


class _RankedClasses:
    """Predicted probabilities of one factor's values, ranked once: resamples need counting only."""

    def __init__(self, probabilities: np.ndarray, labels: np.ndarray, classes: np.ndarray) -> None:
        """Rank `probabilities` `[points, classes]`; `labels` `[points]` are the true values."""
        self.num_points = len(labels)
        self.classes = [
            _RankedClass(column, labels == value)
            for column, value in zip(probabilities.T, classes, strict=True)
        ]

    def macro_area(self, counts: np.ndarray) -> float:
        """Return the mean area over the classes that can be scored, NaN where none can.

        Args:
            counts: int `[points]`, how often each point is counted.
        """
        areas = np.array([ranked.area(counts) for ranked in self.classes])
        return np.nanmean(areas) if np.isfinite(areas).any() else np.nan


class _RankedClass:
    """The points ranked by their probability of one value; its members are points that have it."""

    def __init__(self, probabilities: np.ndarray, is_member: np.ndarray) -> None:
        """Rank `probabilities` `[points]`; `is_member` is bool `[points]`."""
        self.order = np.argsort(probabilities)
        ranked = probabilities[self.order]
        self.members = self.order[is_member[self.order]]
        of_members = probabilities[self.members]
        # For each member, how many points, and how many members, lie below it and not above it.
        self.below, self.not_above = _bounds(ranked, of_members)
        self.members_below, self.members_not_above = _bounds(of_members, of_members)

    def area(self, counts: np.ndarray) -> float:
        """Return the area under the ROC curve: NaN without a member, or without another point.

        It is the probability that a member is ranked above another point, ties counting half.

        Args:
            counts: int `[points]`, how often each point is counted.
        """
        weights = counts[self.members]
        points, members = _sums(counts[self.order]), _sums(weights)
        num_members, num_others = members[-1], points[-1] - members[-1]
        if not (num_members and num_others):
            return np.nan
        beaten = points[self.below] - members[self.members_below]
        not_lost = points[self.not_above] - members[self.members_not_above]
        return np.dot(weights, 0.5 * (beaten + not_lost)) / (num_members * num_others)


def _bounds(ranked: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """Return how many of `ranked`, sorted, are below each value, and how many not above it."""
    return [np.searchsorted(ranked, values, side) for side in ("left", "right")]


def _sums(counts: np.ndarray) -> np.ndarray:
    """Return the sum of the first 0, 1, ... counts."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _mean_area(curves: Sequence["_RankedClasses"], chosen: np.ndarray) -> float:
    """Return the mean over factors of the macro area on the chosen points; 0 without factors."""
    if not curves:
        return 0.0
    areas = np.empty(len(curves))
    for number, curve in enumerate(curves):
        counts = np.bincount(chosen, minlength=curve.num_points).astype(np.int32)
        areas[number] = curve.macro_area(counts)
    return float(areas[np.isfinite(areas)].mean()) if np.isfinite(areas).any() else np.nan


EXPLICITNESS = Metric(
    name="explicitness",
    title="Explicitness",
    function=explicitness,
    needs=frozenset({"codes", "test codes", "factors"}),
    results=(
        Result("explicitness_test", "Explicitness", paper_choice=0),
        Result("explicitness_train", "Explicitness (training part)", is_main=False, paper_choice=1),
    ),
    variants=(Variant(name="explicitness", protocols=("cr", "dlib")),),
    resampling=explicitness_resampling,
    bootstrap="The scored points are drawn again; the classifiers are held fixed.",
    scores_test_points=True,
    source="Ridgeway & Mozer 2018, Learning Deep Disentangled Embeddings with the F-Statistic "
    "Loss, section 3 (arXiv 1802.05312)",
    pitfalls="Chance is 0.5 and not 0. It says nothing of disentanglement: a rotation of all codes "
    "leaves it as it is. Other programs rescale it to 2 (area - 0.5).",
    place=6,
)
