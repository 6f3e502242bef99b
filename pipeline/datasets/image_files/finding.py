"""Finding the image files of a folder: whatever Pillow reads, through links, and saying what not.

Nothing is left out without a word: files that are no images, folders without any, links to nothing.
"""

import collections
import dataclasses
import functools
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from PIL import EpsImagePlugin, Image, ImageFile

from pipeline.datasets.own_values import natural_key
from pipeline.datasets.paths import readable

USUAL = (".png", ".jpg", ".tif", ".webp", ".bmp", ".gif")  # named in messages
HIDDEN, NO_EXTENSION, SPECIAL = "hidden", "without an extension", "pipes or devices"
NUM_NAMED = 5  # folders and kinds named in one message


@dataclasses.dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
      root: The folder.
      files: The image files, in natural order of their paths.
      passed_over: How many other files there are of each kind, such as ".txt".
      empty: Sub-folders of `root` without any image below them.
    """

    root: Path
    files: list[Path]
    passed_over: dict[str, int]
    empty: list[str]

    def inner(self, file: Path) -> tuple[str, ...]:
        """Return the names of the folders between `root` and a file, as text."""
        return tuple(readable(part) for part in file.relative_to(self.root).parts[:-1])

    def notes(self) -> list[str]:
        """Return what was passed over, in sentences."""
        notes = []
        if self.passed_over:
            total = sum(self.passed_over.values())
            notes.append(f"passed over {total} files that are no images: {self._kinds()}")
        if self.empty:
            named = ", ".join(self.empty[:NUM_NAMED])
            more = f" and {len(self.empty) - NUM_NAMED} more" if len(self.empty) > NUM_NAMED else ""
            notes.append(f"folders without any image: {named}{more}")
        return notes

    def _kinds(self) -> str:
        kinds = sorted(self.passed_over.items(), key=lambda kind: (-kind[1], kind[0]))
        return ", ".join(f"{count} {kind}" for kind, count in kinds)


@functools.cache
def extensions() -> frozenset[str]:
    """Return the endings of the files of pixels that Pillow reads here, such as ".jpg"."""
    Image.init()
    left_out = {"MPEG", "IPTC"}  # it reads their headers only
    if not EpsImagePlugin.has_ghostscript():
        left_out.add("EPS")
    for name, (plugin, _) in Image.OPEN.items():
        if isinstance(plugin, type) and issubclass(plugin, ImageFile.StubImageFile):
            left_out.add(name)
    read = {*Image.OPEN, "MPO"} - left_out  # MPO through JPEG
    return frozenset(
        ending for ending, name in Image.registered_extensions().items() if name in read
    )


def is_image(path: Path) -> bool:
    """Whether a file is taken for an image, by its name."""
    return path.suffix.lower() in extensions() and not path.name.startswith(".")


def find(folder: Path) -> Found:
    """Find all image files of a folder and of what it links to; hidden ones are passed over.

    Raises:
      ValueError: There are none, or images lie beside sub-folders with images, or a link leads to
        nothing or in a circle.
      OSError: There is no such folder, or one cannot be read.
    """
    if not folder.is_dir():
        hint = ": for an .npz file, there is image_arrays" if folder.is_file() else ""
        raise FileNotFoundError(
            f"There is no folder {str(folder)!r}. Expected one with images{hint}"
        )
    files, passed_over, held = [], collections.Counter(), set()
    for path, is_there in _walk(folder, [os.path.realpath(folder)]):
        if is_there and is_image(path):
            files.append(path)
            held.add(path.relative_to(folder).parts[0])
        else:
            passed_over[_kind(path, is_there)] += 1
    inner = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    empty = sorted(readable(path.name) for path in inner if path.name not in held)
    found = Found(folder, sorted(files, key=_sort_key), dict(passed_over), empty)
    if not files:
        received = found._kinds() or "no files"
        raise ValueError(
            f"{folder} holds no images. Expected files ending in {', '.join(USUAL)} or another "
            f"ending of what Pillow reads. Received: {received}"
        )
    _refuse_loose(found)
    return found


def listing_digest(folder: Path) -> str:
    """Digest of names, sizes and times of all images: tells one state of a folder from another."""
    digest = hashlib.sha256()
    for file in find(folder).files:
        status = file.stat()
        numbers = f"{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\n"
        digest.update(os.fsencode(file.relative_to(folder)) + b"\0" + numbers.encode())
    return digest.hexdigest()


def _walk(folder: Path, above: list[str]) -> Iterator[tuple[Path, bool]]:
    """Yield every file below a folder, and whether it is a regular one.

    Args:
      folder: The folder.
      above: The real paths of it and of what it lies in, from which a circle is told.
    """
    with os.scandir(folder) as entries:
        entries = sorted(entries, key=lambda entry: entry.name)
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            if not entry.is_dir(follow_symlinks=False):
                yield path, True
            continue
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            if not entry.is_symlink():
                raise
            raise ValueError(
                f"{path} is a link to {os.readlink(path)!r}, which cannot be followed "
                f"({error.strerror}). Expected a link to a file or folder that is there: put it "
                "back, or remove the link"
            ) from error
        if not stat.S_ISDIR(mode):
            yield path, stat.S_ISREG(mode)
            continue
        real = os.path.realpath(path)
        if any(os.path.commonpath((real, one)) == real for one in above):
            raise ValueError(
                f"{path} leads in a circle, to {real!r}, which it lies in. Expected links to "
                "folders elsewhere: remove the link"
            )
        yield from _walk(path, [*above, real])


def _kind(path: Path, is_regular: bool) -> str:
    if path.name.startswith("."):
        return HIDDEN
    if not is_regular:
        return SPECIAL
    return readable(path.suffix.lower()) or NO_EXTENSION


def _sort_key(path: Path) -> tuple:
    return tuple(natural_key(part) for part in path.parts)


def _refuse_loose(found: Found) -> None:
    """Refuse images beside sub-folders with images: are the folders classes or not?"""
    loose = [file for file in found.files if file.parent == found.root]
    if loose and len(loose) < len(found.files):
        other = next(file for file in found.files if file.parent != found.root)
        raise ValueError(
            f"{found.root} holds images both directly and in sub-folders. Expected one of the two; "
            f"sub-folders are classes. Received: {len(loose)} images such as {loose[0].name} "
            f"beside {other.relative_to(found.root)}"
        )
