"""The CSV tables of a run: their columns, and the only way they are written and read.

Stages talk to each other through these tables, so a table is either complete or an error: it is
written under a temporary name and renamed, it has exactly the columns of its schema, numbers keep
their full precision, and rows are sorted so that the same results give the same bytes.
"""

import csv
import io
import math
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.runs.files import atomic_path

# fmt: off
MODEL_COLUMNS = (
    "model_id", "setting", "method", "seed", "iteration", "export", "directory", "status",
    "reason", "train_seconds", "parameters", "model_fingerprint",
)
SCORE_COLUMNS = (
    "model_id", "setting", "method", "seed", "iteration", "metric", "value", "ci_low",
    "ci_high", "protocol", "representation", "num_points", "dataset", "data_fingerprint",
    "model_fingerprint", "versions",
)
CROSS_SCORE_COLUMNS = (
    "encoder_id", "generator_id", "score", "num_groups", "group_size", "num_fixed_codes",
    "seed", "encoder_fingerprint", "generator_fingerprint", "versions",
)
SELECTION_COLUMNS = (
    "pool", "model_id", "setting", "method", "seed", "selection_method", "score", "rank",
    "selected", "confidence", "num_compared", "num_informative", "versions",
)
SELECTION_SUMMARY_COLUMNS = (
    "pool", "selection_method", "model_id", "selected_score", "confidence", "supervised_metric",
    "supervised_value", "pool_best", "pool_median", "regret_to_best", "gain_over_median",
    "rank_correlation", "protocol", "factor_vae", "dci", "dci_learner", "sap", "explicitness",
    "modularity", "mig", "beta_vae", "num_models", "num_cells", "num_informative",
    "usual_num_informative", "warnings",
)
IMAGE_CLASS_COLUMNS = ("image", "part", "file", "class", "label")

# Columns that may hold empty cells, by schema. Everything else must have a value in every row.
MAY_BE_EMPTY = {
    MODEL_COLUMNS: frozenset(
        {"iteration", "directory", "reason", "train_seconds", "parameters", "model_fingerprint"}
    ),
    SCORE_COLUMNS: frozenset({"ci_low", "ci_high"}),
    CROSS_SCORE_COLUMNS: frozenset(),
    SELECTION_COLUMNS: frozenset({"confidence", "num_compared", "num_informative"}),
    SELECTION_SUMMARY_COLUMNS: frozenset(SELECTION_SUMMARY_COLUMNS)
    - {"pool", "selection_method", "model_id", "selected_score", "num_models"},
}

# What a column holds; a name that is in none of the three is a number.
# Text must be listed: a fingerprint such as "12e4567" would otherwise be read as infinity.
TEXT_COLUMNS = frozenset({
    "model_id", "setting", "method", "export", "directory", "status", "reason",
    "model_fingerprint", "metric", "protocol", "representation", "dataset", "data_fingerprint",
    "scored_on", "file", "file_digest", "versions", "encoder_id", "generator_id",
    "encoder_fingerprint", "generator_fingerprint", "selection_method", "supervised_metric",
    "pool", "row", "dci_learner", "warnings", "part", "label", "other_id", "group", "column",
    "kind", "run", "selected_by",
})
INTEGER_COLUMNS = frozenset({
    "seed", "iteration", "parameters", "num_points", "num_groups", "group_size",
    "num_fixed_codes", "num_models", "num_seeds", "rank", "num_compared", "num_cells",
    "num_informative", "usual_num_informative", "image", "class",
})
FLAG_COLUMNS = frozenset({"selected"})
# fmt: on

WRITTEN_BY = {
    "models.csv": "train",
    "history.csv": "train",
    "scores.csv": "metrics",
    "cross_scores.csv": "select",
    "selection.csv": "select",
    "selection_summary.csv": "select",
}


def write_table(
    path: Path,
    frame: pd.DataFrame,
    columns: Iterable[str],
    *,
    may_be_empty: Collection[str] | None = None,
) -> None:
    """Write a table with fixed columns, full precision and sorted rows, atomically.

    See `table_text` for the arguments and errors.
    """
    text = table_text(path, frame, columns, may_be_empty=may_be_empty)
    with atomic_path(Path(path)) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def table_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON-able data, in full precision; None in empty cells."""
    plain = table.astype(object).where(table.notna(), None)
    return [
        {name: value.item() if hasattr(value, "item") else value for name, value in row.items()}
        for row in plain.to_dict("records")
    ]


def table_text(
    path: Path,
    frame: pd.DataFrame,
    columns: Iterable[str],
    *,
    may_be_empty: Collection[str] | None = None,
) -> str:
    """Return the text of a table with fixed columns, full precision and sorted rows.

    Rows are sorted by the columns from left to right (empty cells last). Floats are written with
    the fewest digits that read back to the same float. NaN and None are written as empty cells.

    Args:
        path: The CSV file, for messages.
        frame: The rows; its columns are those of `columns` in any order.
        columns: The schema, in the order of the file.
        may_be_empty: Columns in which empty cells are allowed; by default those that
            `MAY_BE_EMPTY` lists for a schema of this module, none for any other.

    Raises:
        ValueError: If the frame has other columns, or a cell is empty or of the wrong kind where
            the schema forbids it.
    """
    columns = tuple(columns)
    if len(set(columns)) != len(columns) or sorted(frame.columns) != sorted(columns):
        raise ValueError(
            f"Cannot write the table {path}: its columns do not fit the schema. "
            f"Expected the columns {columns}. Received: frame.columns={tuple(frame.columns)}."
        )
    if may_be_empty is None:
        may_be_empty = MAY_BE_EMPTY.get(columns, frozenset())
    cells = {
        name: _format_column(path, name, frame[name], name in may_be_empty) for name in columns
    }
    rows = sorted(zip(*cells.values(), strict=True), key=_sort_key)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[cell for _, cell in row] for row in rows])
    return text.getvalue()


def read_table(path: Path, columns: Iterable[str] | None) -> pd.DataFrame:
    """Read a table that `write_table` wrote, checking that it is whole.

    Text stays text ("007" and "None" are not converted), integers become int64 (Int64 where cells
    are empty), flags become bool, anything else float64 with NaN for an empty cell.

    Args:
        path: The CSV file.
        columns: The schema; None takes the columns that the file has (as for history.csv, whose
            losses depend on the method): the first must be filled, the others may be empty.

    Returns:
        The rows in the order of the file, the columns in the order of the schema.

    Raises:
        ValueError: If the file is missing, has other columns, or is truncated or corrupt. The
            message names the file and what to do.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise _unreadable(path, "it does not exist", "a file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, f"it cannot be read ({error})", "a UTF-8 text file") from error
    if not text.endswith("\n"):
        raise _unreadable(path, "it is truncated", "a line break at the end of the file")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = tuple(next(reader))
        if columns is not None and header != tuple(columns):
            raise _unreadable(path, "it has other columns", f"{tuple(columns)}", received=header)
        cells = _parse_rows(path, reader, header, known=columns is not None)
    except csv.Error as error:
        raise _unreadable(path, f"it is corrupt ({error})", "well-formed CSV") from error
    return pd.DataFrame({name: _typed_series(name, values) for name, values in cells.items()})


def _format_column(
    path: Path, name: str, series: pd.Series, may_be_empty: bool
) -> list[tuple[Any, str]]:
    """Return each cell of a column as (the value to sort by, its text)."""
    formatted = []
    for value in series.tolist():
        if value is None or value is pd.NA or value != value:  # only NaN differs from itself
            value = ""
        if value == "" and isinstance(value, str):
            if not may_be_empty:
                raise ValueError(
                    f"Cannot write the table {path}: a cell of the column {name!r} is empty. "
                    f"Expected a value in every row. Received: {name}={series.tolist()[:5]}..."
                )
            formatted.append((None, ""))
            continue
        try:
            formatted.append(_format_cell(name, value))
        except (TypeError, ValueError, OverflowError):
            raise ValueError(
                f"Cannot write the table {path}: a cell of the column {name!r} has the wrong "
                f"kind. Expected {_kind(name)}. Received: {name}={value!r}."
            ) from None
    return formatted


def _format_cell(name: str, value: Any) -> tuple[Any, str]:
    kind = _kind(name)
    if kind == "text":
        return str(value), str(value)
    if kind == "True or False":
        if value not in (True, False):
            raise ValueError
        return bool(value), str(bool(value))
    if isinstance(value, str):
        raise TypeError
    if kind == "an integer":
        if int(value) != value:
            raise ValueError
        return int(value), str(int(value))
    return float(value), repr(float(value))


def _sort_key(row: tuple[tuple[Any, str], ...]) -> tuple[tuple[bool, Any], ...]:
    # A cell without a value must not be compared with one that has a value.
    return tuple((value is None, 0 if value is None else value) for value, _ in row)


def _parse_rows(
    path: Path, reader: Iterable[list[str]], header: tuple[str, ...], *, known: bool
) -> dict[str, list[Any]]:
    optional = MAY_BE_EMPTY.get(header, frozenset()) if known else frozenset(header[1:])
    parsers = [_parser(name) for name in header]
    cells: dict[str, list[Any]] = {name: [] for name in header}
    for number, row in enumerate(reader, start=1):
        if len(row) != len(header):
            raise _unreadable(
                path,
                f"row {number} is truncated or corrupt",
                f"{len(header)} cells",
                received=len(row),
            )
        for name, parse, cell in zip(header, parsers, row, strict=True):
            if cell == "" and name in optional:
                cells[name].append("" if name in TEXT_COLUMNS else None)
                continue
            try:
                cells[name].append(parse(cell))
            except (KeyError, ValueError):
                raise _unreadable(
                    path,
                    f"row {number} is corrupt in the column {name!r}",
                    _kind(name),
                    received=cell,
                ) from None
    return cells


def _parser(name: str) -> Callable[[str], Any]:
    kind = _kind(name)
    if kind == "text":
        return _parse_text
    if kind == "an integer":
        return int
    if kind == "True or False":
        return {"True": True, "False": False}.__getitem__
    return _parse_number


def _parse_text(cell: str) -> str:
    if cell == "":
        raise ValueError
    # A matrix of a thousand models repeats each name a thousand times: keep one copy.
    return sys.intern(cell)


def _parse_number(cell: str) -> float:
    value = float(cell)
    if math.isnan(value):
        raise ValueError
    return value


def _kind(name: str) -> str:
    if name in TEXT_COLUMNS:
        return "text"
    if name in INTEGER_COLUMNS:
        return "an integer"
    if name in FLAG_COLUMNS:
        return "True or False"
    return "a number"


def _typed_series(name: str, values: list[Any]) -> pd.Series:
    kind = _kind(name)
    if kind == "text":
        return pd.Series(values, dtype=object)
    if kind == "an integer":
        return pd.Series(values, dtype="Int64" if None in values else np.int64)
    if kind == "True or False":
        return pd.Series(values, dtype=bool)
    return pd.Series(values, dtype=np.float64)


def _unreadable(path: Path, problem: str, expected: str, *, received: Any = None) -> ValueError:
    stage = WRITTEN_BY.get(path.name)
    remedy = f"Run the {stage} stage again." if stage else "Write it again."
    found = "" if received is None else f" Received: {received!r}."
    return ValueError(
        f"Cannot read the table {path}: {problem}. Expected {expected}.{found} {remedy}"
    )
