"""What a .keras file may hold: Keras' own layers and those of this project, and no code."""

import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT_PACKAGE = "disentanglement"  # under which `models.layers.plain` registers its layers
# Layers of Keras that run what their configuration brings along, or load it from elsewhere.
RUNS_CODE = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
MAX_DESCRIPTION = 2**26  # bytes; the description of a network is a thousandth of that


def refuse_code(path: Path) -> None:
    """Make sure that loading a .keras file builds known layers only, before Keras sees it.

    Keras' safe mode refuses pickled functions by itself; it would still build any class that
    happens to be registered in this process.

    Raises:
        ValueError: If the file is not a whole .keras file, or names anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > MAX_DESCRIPTION:
                raise ValueError("its description of the network is of an impossible size")
            description = json.loads(archive.read("config.json"))
            damaged = archive.testzip()  # Keras itself reads on past a wrong checksum
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, RuntimeError) as error:
        raise ValueError(f"it is not a whole .keras file ({error})") from error
    if damaged is not None:
        raise ValueError(f"its part {damaged} is damaged")
    for node in _objects(description):
        name, module = str(node["class_name"]), node.get("module")
        is_ours = str(node.get("registered_name")).startswith(f"{PROJECT_PACKAGE}>")
        is_of_keras = module in (None, "builtins") or str(module).split(".")[0] == "keras"
        if name in RUNS_CODE or name in ("__lambda__", "function") or not (is_of_keras or is_ours):
            raise ValueError(
                "it brings code along, which is not run. Expected Keras' own layers, without "
                f"{', '.join(sorted(RUNS_CODE))}. Received: class_name={name!r}, module={module!r}"
            )


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object that a description would have Keras build."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)
