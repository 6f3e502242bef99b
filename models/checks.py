"""Checks of recipe fields; a refusal reads `argument: Expected ... Received: argument=value`."""

import math
import numbers
from collections.abc import Iterable
from typing import NoReturn, TypeVar

Kind = TypeVar("Kind")

# Metadata of a field that came later, with a default that does what was done before: while it holds
# that, descriptions of a recipe leave it out, so that what was made before stays valid.
LATER = {"omitted_at_default": True}


def fail(name: str, value: object, expected: str) -> NoReturn:
    """Raise the `ValueError` that says what `name` should have been and what it was."""
    raise ValueError(f"{name}: Expected {expected}. Received: {name}={value!r}")


def integer(name: str, value: object, minimum: int | None = None) -> int:
    """Return `value` as an int of at least `minimum`; a bool or a float is refused."""
    expected = "an integer" if minimum is None else f"an integer >= {minimum}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        fail(name, value, expected)
    if minimum is not None and value < minimum:
        fail(name, value, expected)
    return int(value)


def number(
    name: str, value: object, minimum: float | None = None, maximum: float | None = None
) -> float:
    """Return `value` as a finite float inside [minimum, maximum]; a bool is refused."""
    expected = "a finite number" + _interval(minimum, maximum)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        fail(name, value, expected)
    too_small = minimum is not None and value < minimum
    too_large = maximum is not None and not value <= maximum
    if not math.isfinite(value) or too_small or too_large:
        fail(name, value, expected)
    return float(value)


def positive_number(name: str, value: object) -> float:
    """Return `value` as a finite float above zero."""
    positive = number(name, value)
    if positive <= 0.0:
        fail(name, value, "a number > 0")
    return positive


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False; 0, 1 and strings are refused."""
    if not isinstance(value, bool):
        fail(name, value, "True or False")
    return value


def label(name: str, value: object) -> str:
    """Return `value` if it is a non-empty word fit for file names and CSV cells."""
    if not isinstance(value, str) or not value.replace("_", "").replace("-", "").isalnum():
        fail(name, value, "a word of letters, digits, '_' and '-'")
    return value


def choice(name: str, value: Kind, choices: Iterable[Kind]) -> Kind:
    """Return `value` if it is one of `choices`."""
    choices = tuple(choices)
    # 1 == True and 0 == False: compare the types as well.
    if not any(value == one and type(value) is type(one) for one in choices):
        fail(name, value, "one of " + ", ".join(repr(one) for one in choices))
    return value


def positive_integers(name: str, value: object, allow_empty: bool = True) -> tuple[int, ...]:
    """Return a list or tuple of positive integers as a tuple."""
    expected = "a tuple of integers >= 1" if allow_empty else "a non-empty tuple of integers >= 1"
    if not isinstance(value, tuple | list) or not (allow_empty or value):
        fail(name, value, expected)
    for one in value:
        if isinstance(one, bool) or not isinstance(one, numbers.Integral) or one < 1:
            fail(name, value, expected)
    return tuple(int(one) for one in value)


def instance(name: str, value: object, kinds: type[Kind] | tuple[type[Kind], ...]) -> Kind:
    """Return `value` if it is an instance of one of `kinds`."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, kinds):
        fail(name, value, "an instance of " + " or ".join(kind.__name__ for kind in kinds))
    return value


def image_shape(name: str, value: object) -> tuple[int, int, int]:
    """Return `(height, width, channels)` as a tuple of three positive integers."""
    shape = positive_integers(name, value, allow_empty=False)
    if len(shape) != 3:
        fail(name, value, "three integers (height, width, channels)")
    height, width, channels = shape
    return height, width, channels


def _interval(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f" between {minimum} and {maximum}"
    if minimum is not None:
        return f" >= {minimum}"
    return "" if maximum is None else f" <= {maximum}"
