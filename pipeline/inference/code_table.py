"""The codes of one exported encoder, by evaluation key: each image is encoded once, ever."""

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


class CodeTable:
    """Codes by key, in a file that grows when more keys are asked for.

    Args:
        path: The file, read now if it is there and whole.
    """

    def __init__(self, path: Path):
        self._path = path
        self._ids: np.ndarray | None = None
        self._codes: np.ndarray | None = None
        self.damage = ""
        try:
            with np.load(path, allow_pickle=False) as content:
                self._ids, self._codes = content["ids"], content["codes"]
        except FileNotFoundError:
            pass
        except Exception as error:  # zipfile, zlib and numpy each have their own for damage
            self.damage = f"{path} is damaged ({error}): its images are encoded again"

    def missing(self, ids: np.ndarray) -> np.ndarray:
        """Return which of the ids have no codes yet, bool `[n]`."""
        if self._ids is None:
            return np.ones(len(ids), bool)
        places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return self._ids[places] != ids

    def add(self, ids: np.ndarray, codes: np.ndarray) -> None:
        """Take in new codes `[n, code_dim]` and write the file."""
        if self._ids is not None:
            ids = np.concatenate([self._ids, ids])
            codes = np.concatenate([self._codes, codes])
        self._ids, first = np.unique(ids, return_index=True)
        self._codes = codes[first].astype(np.float32)
        with atomic_path(self._path) as temporary:
            np.savez(temporary, ids=self._ids, codes=self._codes)

    def lookup(self, ids: np.ndarray) -> np.ndarray:
        """Return the codes `[n, code_dim]` of ids that are in the table."""
        return self._codes[np.searchsorted(self._ids, ids)]
