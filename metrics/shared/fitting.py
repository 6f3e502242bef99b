"""What the metrics that fit scikit-learn models share."""

import contextlib
import warnings
from collections.abc import Iterator

import numpy as np

from metrics.shared.validation import varying_columns


@contextlib.contextmanager
def quiet_fit() -> Iterator[None]:
    """Silence the warnings of a model fitted exactly as the published protocol says.

    The protocols use scikit-learn's default number of iterations, which some codes do not reach the
    optimum in, and boosted trees divide by a vanishing sum once a class is separated perfectly.
    Both are part of the definition, and a caller can do nothing about them.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def standardize(train: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return all arrays with the column means and standard deviations of `train` taken out.

    A column that is constant in `train` becomes zero everywhere: it carries nothing that a model
    could have learned.

    Args:
        train: float64 `[points, columns]`.
        *others: arrays with the same columns.

    Returns:
        Tuple of arrays of the shapes given.
    """
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    active = varying_columns(train) & (deviation > 0)
    scale = np.where(active, deviation, 1.0)
    return tuple(np.where(active, (array - mean) / scale, 0.0) for array in (train, *others))
