"""All images of a folder, or of one and another that is held out: frames, classes and parts."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from pipeline.datasets.image_files import decoding, splits
from pipeline.datasets.image_files.decoding import Frame, Header
from pipeline.datasets.image_files.finding import Found, find
from pipeline.datasets.paths import readable


@dataclasses.dataclass(frozen=True)
class FolderImages:
    """The images of a folder: those to train on, then those held out.

    Attributes:
      frames: Each image: a file, or a frame of one.
      names: What to call each image: its path inside of the folder that it was found in.
      labels: The class of each image; None where they lie in no class folders.
      num_train: How many are to be trained on.
      files: The files.
      headers: What each file says of its images.
      notes: What was passed over and what was taken for what, in sentences.
    """

    frames: list[Frame]
    names: list[str]
    labels: list[str] | None
    num_train: int
    files: list[Path]
    headers: list[Header]
    notes: list[str]


def files_of(path: str, test_path: str | None) -> tuple[list[Path], int]:
    """Return the files to train on, then those held out, and how many the first are."""
    files, _, held, _ = _placed(path, test_path)
    return files, len(files) - sum(held)


def read_folder(path: str, test_path: str | None, *, needs_sizes: bool) -> FolderImages:
    """Find the images of a folder and read the header of every file.

    Args:
      path: The folder; sub-folders are parts or classes, see `splits`.
      test_path: A folder of the same kind, all of it held out; None for none.
      needs_sizes: See `decoding.read_headers`.

    Raises:
      ValueError: Something is unusable; says what and where.
      OSError: There is no such folder, or it cannot be read.
    """
    files, founds, held, labels = _placed(path, test_path)
    headers = decoding.read_headers(files, needs_sizes=needs_sizes)
    frames, names, frame_labels = [], [], []
    num_train = 0
    for row, (file, header) in enumerate(zip(files, headers, strict=True)):
        root = next(found.root for found in founds if file.is_relative_to(found.root))
        name = readable(file.relative_to(root).as_posix())
        for number in header.frames:
            frames.append(Frame(file, number))
            names.append(name if len(header.frames) == 1 else f"{name} frame {number + 1}")
            frame_labels.append(labels[row] if labels is not None else "")
        num_train += 0 if held[row] else len(header.frames)
    return FolderImages(
        frames,
        names,
        frame_labels if labels is not None else None,
        num_train,
        files,
        headers,
        [note for found in founds for note in found.notes] + _frame_notes(headers),
    )


_Row: TypeAlias = tuple[bool, Path, str | None]  # is held out, file, label


@dataclasses.dataclass(frozen=True)
class _Root:
    root: Path
    notes: list[str]


def _placed(
    path: str, test_path: str | None
) -> tuple[list[Path], list[_Root], list[bool], list[str] | None]:
    """Return files (training ones first), the folders, which files are held out, their labels."""
    roots: list[_Root] = []
    rows: list[_Row] = []
    has_labels: dict[str, bool] = {}
    for folder, is_all_held_out in ((path, False), (test_path, True)):
        if folder is None:
            continue
        found = find(Path(folder))
        inner = [found.inner(file) for file in found.files]
        places = splits.place(inner, folder, is_all_held_out=is_all_held_out)
        roots.append(_Root(found.root, _notes(found, places)))
        labels: Sequence[str | None] = places.labels or [None] * len(found.files)
        rows += zip(places.is_held_out, found.files, labels, strict=True)
        has_labels[folder] = places.labels is not None
    if len(set(has_labels.values())) > 1:
        classed = next(folder for folder, has in has_labels.items() if has)
        loose = next(folder for folder, has in has_labels.items() if not has)
        raise ValueError(
            "The images to train on and those held out do not fit each other. Expected both in "
            f"class folders or both without. Received: class folders in {classed}, none in {loose}"
        )
    rows = _without_doubles(rows)
    rows = [row for row in rows if not row[0]] + [row for row in rows if row[0]]
    held, files, labels = (list(column) for column in zip(*rows, strict=True))
    return files, roots, held, labels if all(has_labels.values()) else None


def _notes(found: Found, places: splits.Places) -> list[str]:
    notes = [*found.notes(), *([places.note] if places.note else [])]
    return [f"{readable(found.root)}: {note}" for note in notes]


def _frame_notes(headers: Sequence[Header]) -> list[str]:
    several = [len(header.frames) for header in headers if len(header.frames) > 1]
    left_out = [header.num_left_out for header in headers if header.num_left_out]
    notes = []
    if several:
        notes.append(f"{len(several)} files of several frames or pages: {sum(several)} images")
    if left_out:
        notes.append(
            f"passed over {sum(left_out)} further frames (previews, layers, smaller copies) in "
            f"{len(left_out)} files"
        )
    return notes


def _without_doubles(rows: Sequence[_Row]) -> list[_Row]:
    """Drop held-out files that are there twice; refuse files that are trained on as well."""
    seen: dict[tuple[int, int], _Row] = {}
    kept = []
    for row in sorted(rows, key=lambda row: row[0]):  # training files first, else in their order
        is_held_out, file, _ = row
        status = os.stat(file)
        key = (status.st_dev, status.st_ino)
        other = seen.setdefault(key, row)
        if other is not row and is_held_out:
            if not other[0]:
                raise ValueError(
                    f"{file} is to be held out, and trained on as {other[1]}. Expected parts that "
                    "share no file: check `path`, `test_path` and links"
                )
            continue
        kept.append(row)
    return kept
