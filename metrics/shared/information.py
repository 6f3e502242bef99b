"""Binned codes and their mutual information with factors, by counting."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.validation import check_codes_and_factors, check_integer, varying_factors

# The mutual information of two finite samples is either zero or far above this; what lies below is
# rounding.
ROUNDING = 1e-12


def bin_codes(codes: np.ndarray, num_bins: int) -> np.ndarray:
    """Return the equal-width bin, between its code's minimum and maximum, of every value.

    The last bin holds its upper edge. A constant code falls into one single bin.

    Args:
        codes: float64 `[points, code_dim]`.
        num_bins: number of bins.

    Returns:
        int64 `[points, code_dim]`, values from 0 to `num_bins` - 1.
    """
    bins = np.zeros(codes.shape, dtype=np.int64)
    for column in range(codes.shape[1]):
        values = codes[:, column]
        low, high = values.min(), values.max()
        if high > low:
            edges = np.linspace(low, high, num_bins + 1)
            bins[:, column] = np.digitize(values, edges[:-1]) - 1
    return bins


def bin_points(
    codes: ArrayLike, factors: ArrayLike, num_bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return checked codes in bins, and the varying factors as labels from 0.

    Args:
        codes: float `[points, code_dim]`.
        factors: int `[points, num_factors]`.
        num_bins: number of equal-width bins of a code, at least 2.

    Returns:
        `(bins, labels)`: int64 `[points, code_dim]` and `[points, num_varying_factors]`.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies.
    """
    codes, factors = check_codes_and_factors(codes, factors)
    check_integer(num_bins, "num_bins", minimum=2)
    return bin_codes(codes, num_bins), dense_labels(factors[:, varying_factors(factors)])


def dense_labels(values: np.ndarray) -> np.ndarray:
    """Return `values` with each replaced by its rank among the distinct ones of its column."""
    labels = np.empty(values.shape, dtype=np.int64)
    for column in range(values.shape[1]):
        labels[:, column] = np.unique(values[:, column], return_inverse=True)[1]
    return labels


def entropies(labels: np.ndarray) -> np.ndarray:
    """Return float64 `[columns]`: the entropy in nats of each column of non-negative integers."""
    return np.array([_entropy(np.bincount(column)) for column in labels.T])


def mutual_information(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the mutual information in nats of each column of `first` with each of `second`.

    Args:
        first: non-negative small integers `[points, columns_1]`.
        second: non-negative small integers `[points, columns_2]`.

    Returns:
        float64 `[columns_1, columns_2]`, never negative.
    """
    information = np.zeros((first.shape[1], second.shape[1]))
    first_entropies, second_entropies = entropies(first), entropies(second)
    widths = second.max(axis=0) + 1
    for row, column in np.ndindex(information.shape):
        # A 2-D histogram as one bincount over the pair's index.
        joint = np.bincount(first[:, row] * widths[column] + second[:, column])
        information[row, column] = first_entropies[row] + second_entropies[column] - _entropy(joint)
    information[information < ROUNDING] = 0.0
    return information


def largest_gaps(values: np.ndarray) -> np.ndarray:
    """Return float64 `[columns]`: the largest minus the second largest of each column.

    Args:
        values: float64 `[rows, columns]`, none negative; of one row, the second largest is 0.
    """
    ranked = np.sort(np.vstack([values, np.zeros(values.shape[1])]), axis=0)
    return ranked[-1] - ranked[-2]


def _entropy(counts: np.ndarray) -> float:
    """Return the entropy in nats of a table of counts."""
    counts = counts[counts > 0]
    total = counts.sum()
    return float(np.log(total) - np.sum(counts * np.log(counts)) / total)
