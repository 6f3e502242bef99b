"""What a model drew when it was exported: traversals, samples, and pictures of identities."""

import dataclasses
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

IDENTITY = "identity_"  # how the names of the pictures of identities begin


@dataclasses.dataclass(frozen=True)
class Traversals:
    """What a model drew, as its traversals.npz holds it.

    images: uint8 `[codes, steps, height, width, channels]`; values: `[steps]`; names: `[codes]`;
    samples and real: uint8 `[n, height, width, channels]`; identities: pictures of identities,
    uint8 `[rows, columns, height, width, channels]` by name, of models that tell s from z.
    """

    images: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    samples: np.ndarray
    real: np.ndarray
    identities: Mapping[str, np.ndarray]


def read_traversals(path: Path) -> Traversals:
    """Read a model's traversals.npz.

    Raises:
        ValueError: If the file is missing, truncated or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            traversals = Traversals(
                images=arrays["images"],
                values=arrays["values"].astype(np.float64),
                names=tuple(str(name) for name in arrays["names"]),
                samples=arrays["samples"],
                real=arrays["real"],
                identities={
                    name.removeprefix(IDENTITY): arrays[name]
                    for name in arrays.files
                    if name.startswith(IDENTITY)
                },
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Cannot read the traversals {path}: {error}. Expected the arrays images, values, "
            f"names, samples and real. Run the train stage again."
        ) from error
    return traversals
