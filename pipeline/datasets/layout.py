"""The layout of a content cache: which arrays it holds, and how they are cut into chunks."""

import dataclasses
import io
import json
from typing import Any, Protocol

import numpy as np


class StoredRows(Protocol):
    """Rows that are read or made when they are indexed: an array, or what is indexed like one."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: np.ndarray, /) -> Any: ...


class StoredImages(StoredRows, Protocol):
    """Stored rows of which the shape ``[n, h, w, c]`` is known, too."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole."""
        ...


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a cache holds.

    Attributes:
      arrays: For each array the shape of one row and the name of the dtype.
      num_rows: Rows of every array.
      rows_per_chunk: Rows that are made, written and verified together.
      details: Whatever else the data set needs to be opened; plain JSON data, part of the content.
    """

    arrays: dict[str, tuple[tuple[int, ...], str]]
    num_rows: int
    rows_per_chunk: int
    details: dict[str, Any] = dataclasses.field(default_factory=dict)

    def ranges(self) -> list[tuple[int, int]]:
        """Return the chunks as ``(start, stop)`` rows."""
        starts = range(0, self.num_rows, self.rows_per_chunk)
        return [(start, min(start + self.rows_per_chunk, self.num_rows)) for start in starts]

    def row_bytes(self, array: str) -> int:
        """Return the bytes of one row of `array`."""
        shape, dtype = self.arrays[array]
        return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize

    def header(self, array: str) -> bytes:
        """Return the ``.npy`` header of `array`."""
        shape, dtype = self.arrays[array]
        description = {
            "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
            "fortran_order": False,
            "shape": (self.num_rows, *shape),
        }
        buffer = io.BytesIO()
        np.lib.format.write_array_header_1_0(buffer, description)
        return buffer.getvalue()

    def file_bytes(self, array: str) -> int:
        """Return the bytes of the whole file of `array`."""
        return len(self.header(array)) + self.num_rows * self.row_bytes(array)

    def to_json(self) -> dict[str, Any]:
        """Return this layout as plain JSON data (lists in the place of tuples)."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Layout":
        """Read back what `to_json` gave."""
        arrays = {name: (tuple(shape), dtype) for name, (shape, dtype) in data["arrays"].items()}
        return cls(arrays, data["num_rows"], data["rows_per_chunk"], data["details"])

    def chunk_bytes(self, array: str, rows: np.ndarray, start: int, stop: int) -> bytes:
        """Return the bytes of `rows` ``[start, stop)`` of `array`, checked against this layout."""
        shape, dtype = self.arrays[array]
        expected = (stop - start, *shape)
        if rows.shape != expected or rows.dtype != np.dtype(dtype):
            raise ValueError(
                f"A chunk of {array!r} does not fit its layout. Expected shape {expected}, dtype "
                f"{dtype}. Received: shape={rows.shape}, dtype={rows.dtype}"
            )
        return rows.tobytes()


@dataclasses.dataclass(frozen=True)
class Contents:
    """An opened cache: read-only memory maps, the layout's details, and the content's digest."""

    arrays: dict[str, np.ndarray]
    details: dict[str, Any]
    fingerprint: str
