"""Checks of what a caller hands to a metric.

Every check either returns an array that is safe to compute with or raises a ``ValueError`` that
names the argument, says what was expected and shows what was received. No metric lets a wrong array
travel on into numpy, scipy or scikit-learn, where it would fail with a message about something else
or come back as a silent NaN.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# Encoders write float32. Beyond its range the squares and fourth powers that metrics take overflow
# float64.
LARGEST_VALUE = float(np.finfo(np.float32).max)
# Above this a float64 no longer holds every integer.
LARGEST_INTEGER = 2.0**53


def check_array(
    values: ArrayLike, name: str, axes: tuple[str, ...], *, minimum: tuple[int, ...] | None = None
) -> np.ndarray:
    """Return `values` as an array of finite real numbers.

    Args:
        values: anything that numpy turns into an array of numbers.
        name: name of the argument, for the message.
        axes: tuple of axis names, which fixes the rank: `("points", "code_dim")`.
        minimum: tuple of the smallest allowed length of each axis; 1 by default.

    Returns:
        The array, with the floating-point type it came with; integers and booleans become float64.

    Raises:
        ValueError: wrong rank or type, too few rows, NaN, infinity or a value beyond the float32
            range.
    """
    shape_text = f"[{', '.join(axes)}]"
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"`{name}` is not a regular array. Expected: numbers of shape {shape_text}. "
            f"Received: {name}={type(values).__name__} ({error})"
        ) from error
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"`{name}` holds something that is not a number. Expected: numbers of shape "
                f"{shape_text}. Received: {name} of type {type(values).__name__} ({error})"
            ) from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"`{name}` has the wrong type. Expected: real numbers of shape {shape_text}. "
            f"Received: {name}.dtype={array.dtype}"
        )
    if array.ndim != len(axes):
        raise ValueError(
            f"`{name}` has the wrong rank. Expected: rank {len(axes)}, shape {shape_text}. "
            f"Received: {name}.shape={array.shape}"
        )
    for axis, length, least in zip(axes, array.shape, minimum or (1,) * len(axes), strict=True):
        if length < least:
            raise ValueError(
                f"`{name}` is too small. Expected: at least {least} along `{axis}` of "
                f"{shape_text}. Received: {name}.shape={array.shape}"
            )
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    # Two reductions instead of an element-wise test: no temporary array as large as the input.
    extremes = np.array([array.min(), array.max()], dtype=np.float64)
    if not np.all(np.isfinite(extremes)):
        raise ValueError(
            f"`{name}` holds NaN or infinity. Expected: finite numbers. "
            f"Received: {name} with {int(np.sum(~np.isfinite(array)))} such values"
        )
    if np.max(np.abs(extremes)) > LARGEST_VALUE:
        raise ValueError(
            f"`{name}` holds values too large to be squared safely. Expected: magnitudes up to "
            f"{LARGEST_VALUE:.3g}. Received: {name} between {extremes[0]:.3g} and {extremes[1]:.3g}"
        )
    return array


def check_codes(codes: ArrayLike, name: str = "codes") -> np.ndarray:
    """Return codes as float64 `[points, code_dim]` with at least two points."""
    array = check_array(codes, name, ("points", "code_dim"), minimum=(2, 1))
    return array.astype(np.float64, copy=False)


def check_groups(groups: ArrayLike, name: str = "groups") -> np.ndarray:
    """Return groups `[num_groups, group_size, code_dim]`, at least two of at least two points."""
    return check_array(groups, name, ("num_groups", "group_size", "code_dim"), minimum=(2, 2, 1))


def check_integers(values: np.ndarray, name: str) -> np.ndarray:
    """Return the finite array `values` as int64; integer-valued floats are taken."""
    if np.any(values != np.floor(values)) or np.max(np.abs(values)) > LARGEST_INTEGER:
        example = values[values != np.floor(values)]
        shown = f"the value {example[0]:.6g}" if example.size else "a value above 2**53"
        raise ValueError(
            f"`{name}` must hold integers. Expected: integers or integer-valued floats. "
            f"Received: {name} with {shown}"
        )
    return values.astype(np.int64)


def check_factors(
    factors: ArrayLike, name: str = "factors", *, continuous: bool = False
) -> np.ndarray:
    """Return factors `[points, num_factors]`, at least two points.

    Args:
        factors: ground-truth factor values.
        name: name of the argument, for the message.
        continuous: True takes real values; False asks for integers.

    Returns:
        int64 `[points, num_factors]`, or float64 where `continuous`.
    """
    array = check_array(factors, name, ("points", "num_factors"), minimum=(2, 1))
    if continuous:
        return array.astype(np.float64, copy=False)
    return check_integers(array, name)


def check_labels(labels: ArrayLike, name: str, axis: str = "points") -> np.ndarray:
    """Return integer labels `[axis]` as int64."""
    return check_integers(check_array(labels, name, (axis,)), name)


def check_same_length(**arrays: np.ndarray) -> None:
    """Raise unless all named arrays have the same number of rows."""
    _check_same_axis(arrays, 0, "length", "the same number of rows")


def check_same_width(**arrays: np.ndarray) -> None:
    """Raise unless all named arrays have the same last dimension."""
    _check_same_axis(arrays, -1, "width", "the same last dimension")


def _check_same_axis(arrays: Mapping[str, np.ndarray], axis: int, what: str, expected: str) -> None:
    if len({array.shape[axis] for array in arrays.values()}) > 1:
        names = " and ".join(f"`{name}`" for name in arrays)
        received = ", ".join(f"{name}.shape={array.shape}" for name, array in arrays.items())
        raise ValueError(f"{names} differ in {what}. Expected: {expected}. Received: {received}")


def check_codes_and_factors(
    codes: ArrayLike, factors: ArrayLike, suffix: str = "", *, continuous: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return checked `(codes, factors)` of one part; `suffix` ("_test") completes the names."""
    codes_name, factors_name = f"codes{suffix}", f"factors{suffix}"
    codes = check_codes(codes, codes_name)
    factors = check_factors(factors, factors_name, continuous=continuous)
    check_same_length(**{codes_name: codes, factors_name: factors})
    return codes, factors


def check_train_and_test(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike,
    factors_test: ArrayLike,
    *,
    continuous: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return checked `(codes, factors, codes_test, factors_test)` whose widths agree."""
    codes, factors = check_codes_and_factors(codes, factors, continuous=continuous)
    codes_test, factors_test = check_codes_and_factors(
        codes_test, factors_test, "_test", continuous=continuous
    )
    check_same_width(codes=codes, codes_test=codes_test)
    check_same_width(factors=factors, factors_test=factors_test)
    return codes, factors, codes_test, factors_test


def check_groups_and_factor(
    groups: ArrayLike, fixed_factor: ArrayLike, prefix: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Return checked `(groups, fixed_factor)`; `prefix` ("eval_") completes the names."""
    groups_name, factor_name = f"{prefix}groups", f"{prefix}fixed_factor"
    groups = check_groups(groups, groups_name)
    fixed_factor = check_labels(fixed_factor, factor_name, "num_groups")
    check_same_length(**{groups_name: groups, factor_name: fixed_factor})
    return groups, fixed_factor


def check_evaluation_groups(
    groups: np.ndarray, eval_groups: ArrayLike | None, eval_fixed_factor: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Return the checked evaluation part, or `(None, None)` where the caller gave none."""
    if (eval_groups is None) != (eval_fixed_factor is None):
        raise ValueError(
            "`eval_groups` and `eval_fixed_factor` belong together. Expected: both or neither. "
            f"Received: eval_groups={'None' if eval_groups is None else 'given'}, "
            f"eval_fixed_factor={'None' if eval_fixed_factor is None else 'given'}"
        )
    if eval_groups is None or eval_fixed_factor is None:
        return None, None
    eval_groups, eval_fixed_factor = check_groups_and_factor(
        eval_groups, eval_fixed_factor, "eval_"
    )
    check_same_width(groups=groups, eval_groups=eval_groups)
    return eval_groups, eval_fixed_factor


def check_probabilities(probabilities: ArrayLike, name: str = "probabilities") -> np.ndarray:
    """Return float64 `[points, classes]` whose rows are distributions, rescaled to sum to 1."""
    array = check_array(probabilities, name, ("points", "classes"), minimum=(2, 1)).astype(
        np.float64
    )
    sums = array.sum(axis=1, keepdims=True)
    if array.min() < 0 or np.max(np.abs(sums - 1)) > 1e-3:
        raise ValueError(
            f"`{name}` must hold one distribution a row. Expected: values of at least 0 that sum "
            f"to 1. Received: {name} with minimum {array.min():.4g} and row sums from "
            f"{sums.min():.4g} to {sums.max():.4g}"
        )
    return array / sums


def check_integer(value: Any, name: str, *, minimum: int) -> int:
    """Return one integer of at least `minimum`."""
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or value < minimum:
        raise ValueError(
            f"`{name}` is out of range. Expected: an integer of at least {minimum}. "
            f"Received: {name}={value!r}"
        )
    return int(value)


def check_number(
    value: Any, name: str, *, low: float, high: float, low_included: bool = True
) -> float:
    """Return one number between `low` and `high`, which is included."""
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(
        value, bool
    )
    if not is_number or not (low <= value <= high) or (value == low and not low_included):
        bracket = "[" if low_included else "("
        raise ValueError(
            f"`{name}` is out of range. Expected: a number in {bracket}{low}, {high}]. "
            f"Received: {name}={value!r}"
        )
    return float(value)


def check_option(value: str, name: str, options: Iterable[str]) -> str:
    """Raise unless `value` is one of `options`."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(
            f"Unknown `{name}`. Expected: one of {', '.join(options)}. Received: {name}={value!r}"
        )
    return value


def check_flags(value: ArrayLike, name: str, num_factors: int) -> np.ndarray:
    """Return bool `[num_factors]` from one flag for all factors or one for each."""
    flags = np.asarray(value)
    if flags.dtype != bool or flags.shape not in ((), (num_factors,)):
        raise ValueError(
            f"`{name}` does not fit the factors. Expected: a bool, or {num_factors} of them. "
            f"Received: {name}={value!r}"
        )
    return np.broadcast_to(flags, (num_factors,))


def varying_columns(values: np.ndarray) -> np.ndarray:
    """Return bool `[columns]`: which columns take more than one value.

    A constant column has a standard deviation of up to 1e-17 in floating point, so the extremes are
    compared instead.
    """
    return values.max(axis=0) > values.min(axis=0)


def varying_factors(factors: np.ndarray, name: str = "factors") -> np.ndarray:
    """Return bool `[num_factors]`: the factors that enter a mean. Raises where none varies."""
    varying = varying_columns(factors)
    if not varying.any():
        raise ValueError(
            f"No factor of `{name}` varies. Expected: at least one factor with two different "
            f"values. Received: {name} of shape {factors.shape}, every column constant"
        )
    return varying
