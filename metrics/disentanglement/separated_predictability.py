"""SAP, separated attribute predictability (Kumar et al. 2018, arXiv 1711.00848, section 3)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.fitting import quiet_fit, standardize
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import (
    check_codes_and_factors,
    check_flags,
    check_integers,
    check_same_width,
    varying_columns,
    varying_factors,
)


def sap(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike,
    factors_test: ArrayLike,
    *,
    continuous: bool = False,
) -> dict[str, float]:
    """Return the mean over factors of the gap between the two codes that predict the factor best.

    A code predicts a discrete factor by the test accuracy of a linear support vector machine on
    that code alone (C = 0.01, balanced classes), a continuous factor by the squared correlation on
    the training points. 1 where one code alone says everything of its continuous factor; for a
    discrete factor at most 1 minus the accuracy of the next code, so well below 1 even for perfect
    codes. 0 where the best two codes say equally much. A code that is constant predicts the most
    frequent class. A factor with one value is left out. With one single code the second best is 0.

    Args:
        codes: float `[points, code_dim]`, training points.
        factors: `[points, num_factors]`, integers for discrete and real numbers for continuous
            factors.
        codes_test: float `[test_points, code_dim]`; used for discrete factors only.
        factors_test: `[test_points, num_factors]`.
        continuous: True, False, or one flag for each factor. The dlib protocol takes all factors as
            discrete, the cr protocol shape as discrete, the others as continuous, and the training
            points for both parts.

    Returns:
        dict: `sap`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, discrete factors that are not integers, no factor that varies.
    """
    return sap_resampling(codes, factors, codes_test, factors_test, continuous=continuous).scores()


def sap_resampling(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike,
    factors_test: ArrayLike,
    *,
    continuous: bool = False,
) -> Resampling:
    """Return the `Resampling` of `sap`; the support vector machines are fitted once.

    Correlations are resampled over training points, accuracies over test points.
    """
    codes, factors = check_codes_and_factors(codes, factors, continuous=True)
    codes_test, factors_test = check_codes_and_factors(
        codes_test, factors_test, "_test", continuous=True
    )
    check_same_width(codes=codes, codes_test=codes_test)
    check_same_width(factors=factors, factors_test=factors_test)
    is_continuous = check_flags(continuous, "continuous", factors.shape[1])
    if not is_continuous.all():
        check_integers(factors[:, ~is_continuous], "factors")
        check_integers(factors_test[:, ~is_continuous], "factors_test")

    varying = varying_factors(factors)
    real_factors = factors[:, varying & is_continuous]
    discrete = np.flatnonzero(varying & ~is_continuous)
    # [test_points, code_dim, num_discrete_factors]: does this code alone predict this test point's
    # value?
    correct = np.zeros((len(codes_test), codes.shape[1], len(discrete)), dtype=bool)
    for position, factor in enumerate(discrete):
        for code in range(codes.shape[1]):
            predicted = _predict_from_one_code(
                codes[:, code], factors[:, factor], codes_test[:, code]
            )
            correct[:, code, position] = predicted == factors_test[:, factor]

    def score(chosen: np.ndarray, test_chosen: np.ndarray) -> dict[str, float]:
        predictability = np.hstack(
            [
                _squared_correlations(codes[chosen], real_factors[chosen]),
                correct[test_chosen].mean(axis=0),
            ]
        )  # [code_dim, num_factors]
        ranked = np.sort(np.vstack([predictability, np.zeros(predictability.shape[1])]), axis=0)
        return {"sap": float(np.mean(ranked[-1] - ranked[-2]))}

    return Resampling((len(codes), len(codes_test)), score)


def _predict_from_one_code(
    code: np.ndarray, factor: np.ndarray, code_test: np.ndarray
) -> np.ndarray:
    """Return the predicted factor value of each test point."""
    from sklearn.svm import LinearSVC

    if code.max() == code.min():
        values, counts = np.unique(factor, return_counts=True)
        return np.full(len(code_test), values[np.argmax(counts)])
    with quiet_fit():
        # A fixed random state: the solver shuffles coordinates on some versions and problem sizes.
        classifier = LinearSVC(C=0.01, class_weight="balanced", random_state=0)
        return classifier.fit(code[:, np.newaxis], factor).predict(code_test[:, np.newaxis])


def _squared_correlations(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return float64 `[code_dim, num_factors]`; 0 where either side is constant."""
    (codes,), (factors,) = standardize(codes), standardize(factors)
    correlations = codes.T @ factors / len(codes)
    return np.where(
        varying_columns(codes)[:, np.newaxis] & varying_columns(factors),
        np.minimum(correlations**2, 1.0),
        0.0,
    )


SAP = Metric(
    name="sap",
    title="SAP",
    function=sap,
    needs=frozenset({"codes", "test codes", "factors"}),
    results=(Result("sap", "SAP", paper_choice=0),),
    variants=(Variant(name="sap", protocols=("cr", "dlib")),),
    resampling=sap_resampling,
    bootstrap="Training points are drawn again for continuous factors, test points for discrete "
    "ones; the fitted machines are held fixed.",
    takes_real_factors=True,
    scores_test_points=True,
    source="Kumar et al. 2018, Variational Inference of Disentangled Latent Concepts, section 3 "
    "(arXiv 1711.00848)",
    pitfalls="Which factors are taken as continuous changes the score more than most models do. "
    "A discrete factor stays well below 1 even for perfect codes. A code that tells a continuous "
    "factor, but not linearly, counts as telling little.",
    place=4,
)
