"""Paths of the user's own files: one spelling each, and names fit for tables and pages."""

import os
import re
import unicodedata
from pathlib import Path

from models import checks


def absolute(field: str, path: object, expected: str) -> str:
    """Return a path that means the same in every process, whatever its working directory.

    Args:
      field: The recipe's field, for messages.
      path: As the user wrote it; "~" is the home folder.
      expected: What the path is of.

    Raises:
      ValueError: It is not a path, or there is no home folder.
    """
    if not isinstance(path, str) or not path or "\0" in path:
        checks.fail(field, path, expected)
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError:  # of pathlib, where nobody knows the home folder
        checks.fail(field, path, f"{expected}, without '~': this user has no home folder")


def readable(name: str | bytes | Path) -> str:
    r"""Return the name of a file as text that can be written anywhere.

    Bytes that are not UTF-8, and control characters, are shown like ``\xe9``. Accents are part of
    their letters (NFC), whatever the file system makes of them.
    """
    if isinstance(name, str) and name.isascii() and name.isprintable():
        return name
    raw = name if isinstance(name, bytes) else os.fsencode(name)
    text = unicodedata.normalize("NFC", raw.decode("utf-8", "backslashreplace"))
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match[0]):02x}", text)


def title(path: str, endings: tuple[str, ...] = ()) -> str:
    """Return what to call the data at a path: its last part, without the first fitting ending.

    Args:
      path: The path of a file or folder.
      endings: In lower case; of folders, none: all of "v1.2" is a name.
    """
    name = Path(path).name
    if name in ("", ".."):
        name = Path(path).resolve().name
    for ending in endings:
        if name.lower().endswith(ending) and len(name) > len(ending):
            name = name[: -len(ending)]
            break
    return readable(name).strip() or "root folder"
