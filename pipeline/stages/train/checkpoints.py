"""Checkpoints that are whole or not at all: every variable of a model in one self-verifying file.

The file's name holds the digest of its content, so a truncated or altered file is recognised
without a second file that could be lost, and one rename makes a checkpoint appear.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.runs.files import atomic_path, file_digest

_NAME = re.compile(r"iteration-(\d+)-([0-9a-f]{32})\.npz")
_DETAILS = "details.json"  # no variable is called so
KEPT = 2  # the newest, and one to fall back on


def save_checkpoint(
    folder: Path,
    iteration: int,
    state: Mapping[str, np.ndarray],
    details: Mapping[str, Any],
    pinned: Collection[int] = (),
) -> Path:
    """Write a checkpoint, then remove all but the newest two of this and earlier iterations.

    Later ones stay: where a training had to go back, they are as good as before.

    Args:
        folder: Of the checkpoints of one model.
        iteration: Finished iterations.
        state: Name -> value of each variable that determines the future.
        details: JSON-able, such as the history so far.
        pinned: Iterations whose checkpoints are never removed.

    Raises:
        OSError: If it cannot be written; the older checkpoints are untouched.
    """
    text = np.frombuffer(json.dumps(details, allow_nan=False).encode(), np.uint8)
    content = io.BytesIO()
    arrays: dict[str, Any] = {**state, _DETAILS: text}
    np.savez(content, **arrays)
    digest = hashlib.blake2b(content.getbuffer(), digest_size=16).hexdigest()
    path = folder / f"iteration-{iteration:09d}-{digest}.npz"
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())
    earlier = [old for old in checkpoint_files(folder) if _iteration(old) <= iteration]
    for old in earlier:
        is_doubled = _iteration(old) == iteration and old != path
        if is_doubled or (old not in earlier[-KEPT:] and _iteration(old) not in pinned):
            old.unlink(missing_ok=True)
    return path


def load_checkpoint(
    folder: Path, report: Callable[[str], None], until: int | None = None
) -> tuple[int, dict[str, np.ndarray], dict[str, Any]] | None:
    """Return (iteration, state, details) of the newest whole checkpoint, or None.

    Args:
        folder: Of the checkpoints of one model.
        report: Told the name of each damaged file; it is set aside, not deleted.
        until: The last iteration to look for; None: any.
    """
    for path in reversed(checkpoint_files(folder)):
        iteration, digest = _parts(path)
        if until is not None and iteration > until:
            continue
        if file_digest(path) != digest:
            report(f"the checkpoint {path} is damaged: it is set aside, an older one is used")
            path.replace(path.with_suffix(".damaged"))
            continue
        with np.load(path, allow_pickle=False) as content:
            state = {name: content[name] for name in content.files}
        details = json.loads(state.pop(_DETAILS).tobytes())
        return iteration, state, details
    return None


def newest_iteration(folder: Path) -> int:
    """Return the iteration of the newest checkpoint, whole or not; 0 if there is none."""
    return max(map(_iteration, checkpoint_files(folder)), default=0)


def checkpoint_files(folder: Path) -> list[Path]:
    """Return the checkpoint files, oldest first."""
    if not folder.exists():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _iteration(path: Path) -> int:
    return _parts(path)[0]


def _parts(path: Path) -> tuple[int, str]:
    """Return the iteration and the digest in the name of a checkpoint file."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path} is no checkpoint. Expected a name such as {_NAME.pattern}")
    return int(match[1]), match[2]
