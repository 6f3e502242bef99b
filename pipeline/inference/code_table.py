"""The codes of one exported encoder, by evaluation key: each image is encoded once, ever."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.runs.files import atomic_path


def key_ids(keys: np.ndarray) -> np.ndarray:
    """Return one integer a key, int64 or uint64 `[n]`.

    Keys of a finite data set are integers already. Rows of continuous factors are hashed to 64
    bits: among 10^6 rows two collide with a probability of 3e-8.
    """
    if keys.ndim == 1:
        return keys.astype(np.int64)
    return pd.util.hash_pandas_object(pd.DataFrame(keys), index=False).to_numpy()


def code_files(folder: Path) -> list[Path]:
    """Return the files of a folder of codes, sorted."""
    return sorted(folder.glob("*.npz"))


class CodeTable:
    """Codes by key, in a folder of files that are written once: more codes are one more file.

    A file is named after its content, so that no stage changes what another has written and
    declared.

    Args:
        folder: The files, read now; those that are not whole are left out.

    Attributes:
        damage: Names the files that are not whole; empty if all are.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._damaged: list[Path] = []
        self.damage = ""
        parts = []
        for path in code_files(folder):
            try:
                with np.load(path, allow_pickle=False) as content:
                    parts.append((content["ids"], content["codes"]))
            except Exception as error:  # zipfile, zlib and numpy each have their own for damage
                self._damaged.append(path)
                self.damage += f"{path} is damaged ({error}): its images are encoded again\n"
        self.damage = self.damage.rstrip("\n")
        self._ids: np.ndarray | None = None
        self._codes: np.ndarray | None = None
        if parts:
            self._take(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def missing(self, ids: np.ndarray) -> np.ndarray:
        """Return which of the ids have no codes yet, bool `[n]`."""
        if self._ids is None:
            return np.ones(len(ids), bool)
        places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return self._ids[places] != ids

    def add(self, ids: np.ndarray, codes: np.ndarray) -> None:
        """Take in new codes `[n, code_dim]` and write their file; damaged files go."""
        ids, first = np.unique(ids, return_index=True)
        codes = codes[first].astype(np.float32)
        digest = hashlib.sha256(ids.tobytes() + codes.tobytes()).hexdigest()[:16]
        with atomic_path(self._folder / f"{digest}.npz") as temporary:
            np.savez(temporary, ids=ids, codes=codes)
        for path in self._damaged:
            if path.name != f"{digest}.npz":
                path.unlink(missing_ok=True)
        self._damaged = []
        if self._ids is not None and self._codes is not None:
            ids, codes = np.concatenate([self._ids, ids]), np.concatenate([self._codes, codes])
        self._take(ids, codes)

    def lookup(self, ids: np.ndarray) -> np.ndarray:
        """Return the codes `[n, code_dim]` of ids that are in the table."""
        if self._ids is None or self._codes is None:
            raise ValueError(f"{self._folder} holds no codes. Expected those of {len(ids)} ids.")
        return self._codes[np.searchsorted(self._ids, ids)]

    def _take(self, ids: np.ndarray, codes: np.ndarray) -> None:
        self._ids, first = np.unique(ids, return_index=True)
        self._codes = codes[first]
