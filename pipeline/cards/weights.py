"""Networks in smaller files: weights with fewer bits, which Keras reads like any others."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

from pipeline.errors import StageError
from pipeline.runs.files import atomic_path

PRECISIONS = ("float32", "float16")
_WEIGHTS = "model.weights.h5"  # inside of a .keras file
_DATE = (1980, 1, 1, 0, 0, 0)  # of every part: the same weights give the same bytes


def write_network(source: Path, target: Path, precision: str) -> None:
    """Write an exported network once more, its matrices and filters in a precision.

    Biases and the statistics of batch norm, which are few, stay as they are. The layers are not
    changed: Keras turns the numbers into those of the network (float32) when it loads them.

    Args:
        source: A .keras file.
        target: Another.
        precision: "float32": the same bytes; "float16": half of them.

    Raises:
        StageError: The file is damaged, or a weight is too large for the precision.
    """
    try:
        if precision == "float32":
            content = source.read_bytes()
        else:
            content = _converted(source, np.dtype(precision))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise StageError(
            f"Cannot write {source} as {precision}: {error}. Expected a network that the train "
            "stage wrote, with weights that fit; run the stage again, or take --precision float32."
        ) from error
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def _converted(source: Path, dtype: np.dtype) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as converted:
        for part in archive.infolist():
            content = archive.read(part)
            if part.filename == _WEIGHTS:
                content = _converted_weights(content, dtype)
            converted.writestr(zipfile.ZipInfo(part.filename, _DATE), content)
    return target.getvalue()


def _converted_weights(content: bytes, dtype: np.dtype) -> bytes:
    """Return an HDF5 file with the same groups, attributes and arrays, the large ones converted."""
    target = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as weights, h5py.File(target, "w") as converted:

        def write(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                values = item[()]
                if values.dtype == np.float32 and values.ndim >= 2:
                    values = _fitting(name, values, dtype)
                place = converted.create_dataset(name, data=values, **_packing(values))
            else:
                place = converted.require_group(name)
            for key, value in item.attrs.items():
                place.attrs[key] = value

        weights.visititems(write)
    return target.getvalue()


def _fitting(name: str, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    limit = float(np.finfo(dtype).max)
    largest = float(np.abs(values).max(initial=0.0))
    if not largest <= limit:
        raise ValueError(f"{name} holds {largest:.6g}, and {dtype} ends at {limit:.6g}")
    return values.astype(dtype)


def _packing(values: np.ndarray) -> dict[str, object]:
    """Return how an array is compressed: bytes of one rank beside each other, then deflated."""
    return {"compression": "gzip", "compression_opts": 9, "shuffle": True} if values.ndim else {}
