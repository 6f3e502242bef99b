"""Labels and factor values as the user wrote them, and the numbers that stand for them.

Data sets count the values of a factor from 0. Numbers are in the order of their size, text in
natural order ("2" before "10"), and every table, page and setting names the user's own value.
"""

import dataclasses
import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from pipeline.datasets.paths import readable

Value = bool | int | float | str

NUM_LISTED = 20  # values named in one error
_NUMERAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_MISSING = frozenset({"", "nan", "NaN", "NaT", "<NA>"})  # what libraries write where none is known


@dataclasses.dataclass(frozen=True)
class OwnFactors:
    """Factors of images, as numbers and as the user wrote them.

    Attributes:
      numbers: int64 ``[num_images, num_factors]``, from 0 without gaps.
      names: One name a factor.
      values: The values of each factor, in the order of their numbers.
      left_out: Names of the factors that have one value only: nothing can be learnt of them.
    """

    numbers: np.ndarray
    names: list[str]
    values: list[list[Value]]
    left_out: list[str]

    @property
    def details(self) -> dict[str, Any]:
        """What the layout of a cache says of the factors."""
        return {"factor_names": self.names, "factor_values": self.values}


def own_factors(
    columns: Sequence[np.ndarray], names: Sequence[str], num_rows: int, where: str
) -> OwnFactors:
    """Return factors of columns ``[num_rows]``, see `encode`; those that do not vary are left out.

    Args:
      columns: The values of each factor.
      names: One name a factor.
      num_rows: Number of images.
      where: Where the factors are from, for messages.
    """
    numbers, kept, values, left_out = [np.zeros((num_rows, 0), np.int64)], [], [], []
    for column, name in zip(columns, names, strict=True):
        of_column, found = encode(column, f"values of {name!r} in {where}")
        if len(found) < 2:
            left_out.append(name)
            continue
        numbers.append(of_column[:, None])
        kept.append(name)
        values.append(found)
    return OwnFactors(np.concatenate(numbers, axis=1), kept, values, left_out)


def encode(column: np.ndarray, what: str) -> tuple[np.ndarray, list[Value]]:
    """Return the number of each value, and the values in the order of their numbers.

    Args:
      column: Numbers, booleans, text or bytes ``[n]``; whole floats count as integers.
      what: What it is and where from, for messages.

    Returns:
      Numbers int64 ``[n]`` from 0 without gaps, and the values.

    Raises:
      ValueError: A value is not-a-number or infinite, or they are neither numbers nor text.
    """
    column = np.asarray(column)
    if column.dtype.kind not in "biufSU":
        raise ValueError(
            f"The {what} are of a kind that cannot be told apart. Expected numbers or text "
            f"(values.astype(str)). Received: dtype={column.dtype}"
        )
    if column.dtype.kind == "f":
        _refuse_missing(what, ~np.isfinite(column), column)
    found, numbers = np.unique(column, return_inverse=True)
    values = [_own(value) for value in found]
    order = in_order(values)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[numbers.reshape(-1)], [values[number] for number in order]


def refuse_missing_text(column: np.ndarray, what: str) -> None:
    """Raise ValueError if a value is empty text, or what libraries write where there is none."""
    if column.dtype.kind in "SU":
        texts = [_own(value) for value in column]
        _refuse_missing(what, np.array([str(text).strip() in _MISSING for text in texts]), column)


def in_order(values: Sequence[Value]) -> list[int]:
    """Return the places of values in their order: numbers by size, text naturally."""
    key: Callable[[int], Any]
    if not any(isinstance(value, str) for value in values):
        key = values.__getitem__
    elif all(_NUMERAL.fullmatch(str(value)) for value in values):
        key = lambda place: (float(values[place]), str(values[place]))  # noqa: E731
    else:
        key = lambda place: natural_key(str(values[place]))  # noqa: E731
    return sorted(range(len(values)), key=key)


def natural_key(text: str) -> tuple[Any, ...]:
    """Return a key by which text is sorted with the numbers in it by size: "a2" before "a10"."""
    parts = re.split("([0-9]+)", text)
    return tuple(int(part) if odd % 2 else part for odd, part in enumerate(parts)), text


def place_of(wanted: Any, values: Sequence[Value]) -> int | None:
    """Return the place of the value that is meant, None if it is not there.

    A user may write 3 for "3" or "03", and "3" for 3; an exact match comes first.
    """
    for is_meant in (_is_same, _is_same_text, _is_same_number):
        places = [place for place, value in enumerate(values) if is_meant(wanted, value)]
        if places:
            return places[0] if len(places) == 1 else None
    return None


def listed(values: Iterable[Value], wanted: Any = None) -> str:
    """Return values as text for a message, the likeliest first if there are many."""
    texts = [repr(value) for value in values]
    if len(texts) <= NUM_LISTED:
        return ", ".join(texts)
    near = difflib.get_close_matches(repr(wanted), texts, n=1)
    shown = [*near, *(text for text in texts[:NUM_LISTED] if text not in near)]
    return f"{', '.join(shown[:NUM_LISTED])} and {len(texts) - NUM_LISTED} more"


def named(values: Sequence[Value], num_shown: int) -> str:
    """Return the first values as text; "" where they are the numbers from 0 that stand for them."""
    if tuple(values) == tuple(range(len(values))):
        return ""
    more = f" and {len(values) - num_shown} more" if len(values) > num_shown else ""
    return f"{', '.join(str(value) for value in values[:num_shown])}{more}"


def _is_same(wanted: Any, value: Value) -> bool:
    return isinstance(wanted, str) == isinstance(value, str) and wanted == value


def _is_same_text(wanted: Any, value: Value) -> bool:
    """Say whether both look the same; accents may be letters of their own or not."""
    texts = (unicodedata.normalize("NFC", str(one)) for one in (wanted, value))
    return len(set(texts)) == 1


def _is_same_number(wanted: Any, value: Value) -> bool:
    """Say whether a number and a text, in either order, are the same: 3 and "03"."""
    if isinstance(wanted, str) == isinstance(value, str):
        return False
    text, number = (wanted, value) if isinstance(wanted, str) else (value, wanted)
    is_number = bool(_NUMERAL.fullmatch(str(text))) and not isinstance(number, bool)
    return is_number and float(text) == number


def _own(value: np.generic) -> Value:
    """Return a NumPy value as a user would type it."""
    if isinstance(value, bytes):
        return readable(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if not isinstance(value, np.floating):
        return value.item()
    if value == np.rint(value):
        return int(value)
    return float(str(value))  # 0.1 of 32 bits stays 0.1


def _refuse_missing(what: str, missing: np.ndarray, column: np.ndarray) -> None:
    rows = np.flatnonzero(missing)
    if not len(rows):
        return
    raise ValueError(
        f"{len(rows)} of the {what} are missing. Expected a value for every image: leave the "
        f"others out, or give them a value of their own. Received: {column[rows[0]]!s} in row "
        f"{rows[0]}" + (f" and {len(rows) - 1} more rows" if len(rows) > 1 else "")
    )
