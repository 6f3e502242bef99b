"""The files that say what is finished: from which inputs, and giving which files."""

import importlib.metadata
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pipeline
from pipeline.errors import StageError
from pipeline.runs.files import file_digest, read_signed_json, write_signed_json

RECORDED_PACKAGES = ("keras", "tensorflow", "numpy", "scipy", "scikit-learn")


@cache
def versions() -> str:
    """Return the versions that stand in every result row, as one string."""
    names = [f"pipeline {pipeline.__version__}"]
    names += [f"{name} {importlib.metadata.version(name)}" for name in RECORDED_PACKAGES]
    return "; ".join(names)


def write_manifest(
    path: Path,
    fingerprint: str,
    outputs: Iterable[Path],
    details: Mapping[str, Any] | None = None,
    *,
    kept: Iterable[Path] = (),
) -> None:
    """Declare work finished: from which inputs, giving which files with which content.

    Args:
        path: The manifest.
        fingerprint: Of the inputs.
        outputs: Files without which the work must be done again.
        details: More that belongs to the result, as JSON-able data.
        kept: Files that may go: pictures, and what only saves time.
    """
    write_signed_json(
        path,
        {
            "fingerprint": fingerprint,
            "outputs": _digests(path, outputs),
            "kept": _digests(path, kept),
            "versions": versions(),
            **(details or {}),
        },
    )


def _digests(manifest: Path, files: Iterable[Path]) -> dict[str, str]:
    return {os.path.relpath(file, manifest.parent): file_digest(file) for file in sorted(files)}


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return the content of a manifest, or None if it is absent or not whole."""
    content = read_signed_json(path)
    if content is None or not {"fingerprint", "outputs", "kept"} <= content.keys():
        return None
    return content


def why_stale(path: Path, fingerprint: str, result: Path | None = None) -> str | None:
    """Return why the work that `path` declares must be done (again), or None if it is valid.

    Files that are damaged or missing are named, each with its path.

    Args:
        path: The manifest.
        fingerprint: Of the inputs.
        result: A file that the work leaves: where it is there and the manifest is not, that one
            is missing, and the work not new.
    """
    content = read_manifest(path)
    if content is None:
        if path.exists():
            return f"{path} is damaged"
        return f"{path} is missing" if result is not None and result.exists() else "new"
    if content["fingerprint"] != fingerprint:
        return "a binding or an input changed"
    damaged = damaged_files(path, content["outputs"])
    return "; ".join(f"{file} is {state}" for file, state in damaged.items()) or None


def is_damage(reason: str | None) -> bool:
    """Say whether `why_stale` gave damage as the reason, and not new or changed work."""
    return reason is not None and reason.endswith((" is damaged", " is missing"))


def damaged_files(manifest: Path, digests: Mapping[str, str]) -> dict[Path, str]:
    """Return the files that are not as `digests` of a manifest say: "damaged" or "missing"."""
    states = {}
    for name, digest in digests.items():
        file = Path(os.path.normpath(manifest.parent / name))
        if not file.exists():
            states[file] = "missing"
        elif file_digest(file) != digest:
            states[file] = "damaged"
    return states


def drop_damaged(manifest: Path) -> list[str]:
    """Remove what is damaged of the files that may go, from disk and manifest.

    Returns:
        A sentence for each. No result depends on them: what only saves time is made again when
        it is needed.
    """
    content = read_manifest(manifest)
    damaged = damaged_files(manifest, content["kept"]) if content else {}
    if content is None or not damaged:
        return []
    for file in damaged:
        file.unlink(missing_ok=True)
    names = {os.path.relpath(file, manifest.parent) for file in damaged}
    kept = {name: digest for name, digest in content["kept"].items() if name not in names}
    write_signed_json(manifest, {**content, "kept": kept})
    return [f"{file} is {state}: no result depends on it" for file, state in damaged.items()]


def declare(manifest: Path, file: Path) -> None:
    """Add a file to those that finished work has left."""
    content = read_manifest(manifest)
    if content is None:
        raise FileNotFoundError(f"{manifest} is no whole manifest. Expected that of finished work")
    write_signed_json(
        manifest, {**content, "outputs": content["outputs"] | _digests(manifest, [file])}
    )


def not_declared(files: Iterable[Path], manifest: Path) -> list[Path]:
    """Return those of some files that the manifest of other work does not declare its own."""
    content = read_manifest(manifest)
    names = content["outputs"] | content["kept"] if content else {}
    return [file for file in files if os.path.relpath(file, manifest.parent) not in names]


def reopen(manifest: Path, tables: Iterable[Path]) -> None:
    """Take back that work is finished, before it is done again.

    What was written before stays until it is replaced; of it, the manifest goes on declaring
    `tables`, which other stages read.
    """
    content = read_manifest(manifest)
    if content is not None:
        names = {os.path.relpath(table, manifest.parent) for table in tables}
        outputs = {name: digest for name, digest in content["outputs"].items() if name in names}
        write_signed_json(
            manifest, {**content, "fingerprint": "reopened", "outputs": outputs, "kept": {}}
        )


def refuse_damaged(manifest: Path, file: Path, stage: str) -> None:
    """Make sure that a file which another stage wrote is as it wrote it.

    Args:
        manifest: Of the work that wrote it.
        file: One of its outputs.
        stage: To be run again otherwise.

    Raises:
        StageError: If the file is damaged or missing, or its manifest is, so that nobody can tell.
    """
    content = read_manifest(manifest)
    name = os.path.relpath(file, manifest.parent)
    if content is None:
        state = "damaged" if manifest.exists() else "missing"
        problem = f"{manifest} is {state}, so {file} cannot be verified"
    elif name not in content["outputs"]:
        problem = f"{file} is not what {manifest} declares"
    elif damaged := damaged_files(manifest, {name: content["outputs"][name]}):
        problem = f"{file} is {damaged[file]}"
    else:
        return
    raise StageError(
        f"{problem}. Run the {stage} stage again, which restores it: --stages {stage}, or leave "
        "--stages out."
    )
