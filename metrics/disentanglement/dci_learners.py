"""The learners of DCI: each predicts a factor from all codes and says how important each was.

The learner changes the score more than most models do, so its name is part of every key.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

LASSO_PENALTY = 0.02
NUM_TREES = 100


@dataclasses.dataclass(frozen=True)
class Learner:
    """One way to fit a factor.

    Attributes:
        make: `make(seed, max_depth)` returns an unfitted scikit-learn model.
        importance: `importance(model, code_dim)` returns float `[code_dim]`, none negative.
        is_regression: factors are taken as real numbers, codes and factors are standardised, and
            informativeness is a normalised error; otherwise factors are classes and it is the
            accuracy.
        standardize_codes: the codes are standardised before the fit.
        parallel: the factors are worth a process each.
    """

    make: Callable
    importance: Callable
    is_regression: bool = False
    standardize_codes: bool = False
    parallel: bool = False


def _impurity_decrease(model: Any, code_dim: int) -> np.ndarray:
    """Return scikit-learn's importance: the impurity that splits on each code removed."""
    return np.abs(model.feature_importances_)


def _coefficients(model: Any, code_dim: int) -> np.ndarray:
    """Return |coefficient|, averaged over the classes where there are several."""
    return np.abs(np.atleast_2d(model.coef_)).mean(axis=0)


def _summed_gain(model: Any, code_dim: int) -> np.ndarray:
    """Return the gain of all splits on each code, as a share of the model's whole gain.

    scikit-learn gives its histogram trees no importance, so their nodes are read. A share, as in
    `_impurity_decrease`, so that a factor with more classes, hence more trees, weighs no more.
    """
    gain = np.zeros(code_dim)
    for trees in model._predictors:
        for tree in trees:
            splits = tree.nodes[tree.nodes["is_leaf"] == 0]
            np.add.at(gain, splits["feature_idx"].astype(np.int64), splits["gain"])
    return gain / gain.sum() if gain.sum() > 0 else gain


def _gradient_boosting(seed: int, max_depth: int | None) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(random_state=seed)


def _histogram_boosting(seed: int, max_depth: int | None) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed)


def _random_forest(seed: int, max_depth: int | None) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(n_estimators=NUM_TREES, max_depth=max_depth, random_state=seed)


def _lasso(seed: int, max_depth: int | None) -> Any:
    from sklearn.linear_model import Lasso

    return Lasso(alpha=LASSO_PENALTY)


def _logistic(seed: int, max_depth: int | None) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


LEARNERS = {
    "gbt": Learner(make=_gradient_boosting, importance=_impurity_decrease, parallel=True),
    "hist_gbt": Learner(make=_histogram_boosting, importance=_summed_gain, parallel=True),
    "random_forest": Learner(
        make=_random_forest,
        importance=_impurity_decrease,
        is_regression=True,
        standardize_codes=True,
        parallel=True,
    ),
    "lasso": Learner(
        make=_lasso, importance=_coefficients, is_regression=True, standardize_codes=True
    ),
    "logistic": Learner(make=_logistic, importance=_coefficients, standardize_codes=True),
}
