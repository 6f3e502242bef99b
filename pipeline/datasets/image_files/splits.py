"""Which folders are parts of a data set (train, val, test) and which are classes."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# fmt: off
TRAINING = frozenset({"train", "training", "trainset", "trn"})
HELD_OUT = frozenset({
    "val", "valid", "validation", "validate", "valset", "dev", "devel", "development", "devset",
    "test", "tests", "testing", "testset", "tst", "eval", "evaluation", "evaluate", "holdout",
    "heldout",
})
# fmt: on
_FILLERS = frozenset({"set", "split", "part", "data", "images", "image", "imgs", "img"})


class Places(NamedTuple):
    """What the folders of each file say.

    Attributes:
      is_held_out: Of each file, whether it belongs to a part that training does not see.
      labels: The class of each file; None where they lie in no class folders.
      note: What was taken for what, "" where no folder is a part.
    """

    is_held_out: list[bool]
    labels: list[str] | None
    note: str


def part_of(folder: str) -> str | None:
    """Return "train" or "held out" for the usual names of parts in any case, None for others.

    Such as "Train", "val2017", "test_images", "training set".
    """
    words = [word for word in re.split("[^a-z0-9]+", folder.casefold()) if word]
    words = [re.sub("[0-9]{4}$", "", word) for word in words if word not in _FILLERS]
    name = "".join(words)
    if name in TRAINING:
        return "train"
    return "held out" if name in HELD_OUT else None


def place(
    folders: Sequence[tuple[str, ...]], where: str, *, is_all_held_out: bool = False
) -> Places:
    """Tell parts and classes from the folders that files lie in.

    The first folder is the class, unless the folders there are the parts of a data set: then the
    next is. Parts may also lie inside of each class, or below one folder that holds everything.

    Args:
      folders: Of each file, the folders from the root to it.
      where: The root, for messages.
      is_all_held_out: Whether nothing here is to be trained on, whatever a folder is called.

    Raises:
      ValueError: Some folders look like parts and others do not; or nothing is left to train on;
        or only some files lie in class folders.
    """
    note = ""
    for depth in _candidates(folders):
        names = sorted({file[depth] for file in folders})
        parts = {name: part_of(name) for name in names}
        is_lone = depth == 0 or len({file[0] for file in folders}) == 1
        kinds = set(parts.values())
        if None not in kinds and (kinds == {"train", "held out"} or is_lone):
            if "train" not in kinds and not is_all_held_out:
                raise ValueError(
                    f"{where} holds no part to train on. Expected a folder 'train' beside the "
                    f"others, or one of them as `path`. Received: {', '.join(names)}"
                )
            known_parts = {name: part for name, part in parts.items() if part is not None}
            return _in_parts(folders, depth, known_parts, where, is_all_held_out)
        known = [name for name in names if parts[name]]
        if depth == 0 and kinds >= {"train", "held out"}:
            raise ValueError(
                f"{where} holds folders that look like parts of a data set beside others. Expected "
                "parts only (train, val, test) or classes only: move the others away, name one "
                "part as `path` and one as `test_path`, or rename what is a class. Received: "
                f"{', '.join(known)} beside {', '.join(name for name in names if not parts[name])}"
            )
        if depth == 0 and known:
            note = f"took {', '.join(known)} for a class, as the folders beside it are classes"
    labels = _labels([file[:1] for file in folders], where)
    return Places([is_all_held_out] * len(folders), labels, note)


def _candidates(folders: Sequence[tuple[str, ...]]) -> Iterable[int]:
    """Yield the depths at which parts may lie: the first, or the second of every file."""
    for depth in (0, 1):
        if all(len(file) > depth for file in folders):
            yield depth


def _in_parts(
    folders: Sequence[tuple[str, ...]],
    depth: int,
    parts: dict[str, str],
    where: str,
    is_all_held_out: bool,
) -> Places:
    """Return the places of files whose folders at a depth are parts."""
    is_held_out = [is_all_held_out or parts[file[depth]] == "held out" for file in folders]
    # A lone folder above the parts says nothing; several are the classes.
    above = {file[:depth] for file in folders}
    classes = [file[:depth] if len(above) > 1 else file[depth + 1 : depth + 2] for file in folders]
    said = []
    for meaning, value in (("to train on", False), ("held out", True)):
        chosen = [
            file[depth] for file, held in zip(folders, is_held_out, strict=True) if held is value
        ]
        if chosen:
            said.append(f"{', '.join(sorted(set(chosen)))} {meaning} ({len(chosen)} files)")
    note = f"took folders for parts of the data set and not for classes: {'; '.join(said)}"
    return Places(is_held_out, _labels(classes, where), note)


def _labels(classes: Sequence[tuple[str, ...]], where: str) -> list[str] | None:
    """Return the label of each file; None where no file has one."""
    is_in_class = [bool(one) for one in classes]
    if not any(is_in_class):
        return None
    if not all(is_in_class):
        raise ValueError(
            f"{where} has parts with class folders and images without. Expected every image in a "
            "class folder or none: sort them, or name the part with classes as `path`. Received: "
            f"{sum(is_in_class)} images in class folders, {len(classes) - sum(is_in_class)} not"
        )
    return [one[0] for one in classes]
