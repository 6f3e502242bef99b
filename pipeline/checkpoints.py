"""Checkpoints that are whole or not at all: every variable of a model in one self-verifying file.

The file's name holds the digest of its content, so a truncated or altered file is recognised
without a second file that could be lost, and one rename makes a checkpoint appear.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.files import atomic_path, file_digest

_NAME = re.compile(r"iteration-(\d+)-([0-9a-f]{32})\.npz")
_DETAILS = "details.json"  # no variable is called so
KEPT = 2  # the newest, and one to fall back on


def save_checkpoint(
    folder: Path, iteration: int, state: Mapping[str, np.ndarray], details: Mapping[str, Any]
) -> Path:
    """Write a checkpoint, then remove all but the newest two.

    Args:
        folder: Of the checkpoints of one model.
        iteration: Finished iterations.
        state: Name -> value of each variable that determines the future.
        details: JSON-able, such as the history so far.

    Raises:
        OSError: If it cannot be written; the older checkpoints are untouched.
    """
    text = np.frombuffer(json.dumps(details, allow_nan=False).encode(), np.uint8)
    content = io.BytesIO()
    np.savez(content, **state, **{_DETAILS: text})
    digest = hashlib.blake2b(content.getbuffer(), digest_size=16).hexdigest()
    path = folder / f"iteration-{iteration:09d}-{digest}.npz"
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())
    for old in _checkpoints(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def load_checkpoint(
    folder: Path, report: Callable[[str], None]
) -> tuple[int, dict[str, np.ndarray], dict[str, Any]] | None:
    """Return (iteration, state, details) of the newest whole checkpoint, or None.

    Args:
        folder: Of the checkpoints of one model.
        report: Told the name of each damaged file; it is set aside, not deleted.
    """
    for path in reversed(_checkpoints(folder)):
        match = _NAME.fullmatch(path.name)
        if file_digest(path) != match[2]:
            report(f"the checkpoint {path} is damaged: it is set aside, an older one is used")
            path.replace(path.with_suffix(".damaged"))
            continue
        with np.load(path, allow_pickle=False) as content:
            state = {name: content[name] for name in content.files}
        details = json.loads(state.pop(_DETAILS).tobytes())
        return int(match[1]), state, details
    return None


def _checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoint files, oldest first."""
    if not folder.exists():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
