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
POSTSCRIPT = (".eps", ".ps")
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
            notes.append(f"passed over {total} files that are no images: {self.kinds}")
        if self.empty:
            named = ", ".join(self.empty[:NUM_NAMED])
            more = f" and {len(self.empty) - NUM_NAMED} more" if len(self.empty) > NUM_NAMED else ""
            notes.append(f"folders without any image: {named}{more}")
        return notes

    @property
    def kinds(self) -> str:
        """The kinds of what was passed over, and how many files of each."""
        kinds = sorted(self.passed_over.items(), key=lambda kind: (-kind[1], kind[0]))
        return ", ".join(f"{count} {kind}" for kind, count in kinds)


@functools.cache
def extensions() -> frozenset[str]:
    """Return the endings of the files of pixels that Pillow reads here, such as ".jpg"."""
    Image.init()
    left_out = {"MPEG", "IPTC", "EPS"}  # it reads their headers only, EPS through Ghostscript
    for name, (plugin, _) in Image.OPEN.items():
        if isinstance(plugin, type) and issubclass(plugin, ImageFile.StubImageFile):
            left_out.add(name)
    read = {*Image.OPEN, "MPO"} - left_out  # MPO through JPEG
    return frozenset(
        ending for ending, name in Image.registered_extensions().items() if name in read
    )


def is_image(path: Path | str) -> bool:
    """Return whether a file is taken for an image, by its name."""
    name = os.path.basename(path)
    ending = os.path.splitext(name)[1].lower()
    is_drawing = ending in POSTSCRIPT and EpsImagePlugin.has_ghostscript()
    return (is_drawing or ending in extensions()) and not name.startswith(".")


def find(folder: Path) -> Found:
    """Find all image files of a folder and of what it links to; hidden ones are passed over.

    Raises:
      ValueError: There are none, or images lie beside sub-folders with images, or a link leads to
        nothing or in a circle.
      OSError: There is no such folder, or one cannot be read.
    """
    _refuse_no_folder(folder)
    root = os.fspath(folder)
    files: list[Path] = []
    passed_over: collections.Counter[str] = collections.Counter()
    held: set[str] = set()
    for path, status in _walk(root, [os.path.realpath(root)]):
        if stat.S_ISREG(status.st_mode) and is_image(path):
            files.append(Path(path))
            held.add(_inside(root, path).partition(os.sep)[0])
        else:
            passed_over[_kind(os.path.basename(path), status.st_mode)] += 1
    inner = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    empty = sorted(readable(path.name) for path in inner if path.name not in held)
    found = Found(folder, files, dict(passed_over), empty)
    if not files:
        raise ValueError(
            f"{folder} holds no images. Expected files ending in {', '.join(USUAL)} or another "
            f"ending of what Pillow reads. Received: {found.kinds or 'no files'}"
        )
    _refuse_loose(found)
    return found


def listing_digest(folder: Path) -> str:
    """Return a digest of names, sizes and times of all images: it tells a folder's states apart."""
    _refuse_no_folder(folder)
    root, digest = os.fspath(folder), hashlib.sha256()
    for path, status in _walk(root, [os.path.realpath(root)]):
        if is_image(path):
            numbers = f"{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\n"
            digest.update(os.fsencode(_inside(root, path)) + b"\0" + numbers.encode())
    return digest.hexdigest()


def _refuse_no_folder(folder: Path) -> None:
    if not folder.is_dir():
        hint = ": for an .npz file, there is image_arrays" if folder.is_file() else ""
        raise FileNotFoundError(
            f"There is no folder {str(folder)!r}. Expected one with images{hint}"
        )


def _walk(folder: str, above: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every file below a folder in natural order, with its status; hidden folders are left.

    Args:
      folder: The folder.
      above: The real paths of it and of what it lies in, from which a circle is told.
    """
    with os.scandir(folder) as scanned:
        entries = sorted(scanned, key=lambda entry: (natural_key(readable(entry.name)), entry.name))
    for entry in entries:
        if entry.name.startswith("."):
            if not entry.is_dir(follow_symlinks=False):
                yield entry.path, entry.stat(follow_symlinks=False)
            continue
        try:
            status = entry.stat()
        except OSError as error:
            if not entry.is_symlink():
                raise
            raise ValueError(
                f"{entry.path} is a link to {os.readlink(entry.path)!r}, which cannot be followed "
                f"({error.strerror}). Expected a link to a file or folder that is there: put it "
                "back, or remove the link"
            ) from error
        if not stat.S_ISDIR(status.st_mode):
            yield entry.path, status
            continue
        real = os.path.realpath(entry.path)
        if any(os.path.commonpath((real, one)) == real for one in above):
            raise ValueError(
                f"{entry.path} leads in a circle, to {real!r}, which it lies in. Expected links to "
                "folders elsewhere: remove the link"
            )
        yield from _walk(entry.path, [*above, real])


def _inside(root: str, path: str) -> str:
    """Return a path below a root, relative to it."""
    return path[len(root.rstrip(os.sep)) + 1 :]


def _kind(name: str, mode: int) -> str:
    if name.startswith("."):
        return HIDDEN
    if not stat.S_ISREG(mode):
        return SPECIAL
    return readable(os.path.splitext(name)[1].lower()) or NO_EXTENSION


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
