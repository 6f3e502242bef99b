"""Every method there is, found in the modules of `models.gans` and `models.vaes`."""

import importlib
import inspect
import pkgutil
from types import ModuleType

from models import gans, vaes
from models.base import Method

# Modules of train steps, which import TensorFlow, end so.
TRAIN_STEP = "_model"


def methods() -> dict[str, type[Method]]:
    """Return each method by its name in Gin, which is that of the module that defines it.

    Raises:
        ValueError: a module defines several methods, or two modules have one name.
    """
    found: dict[str, type[Method]] = {}
    for package in (gans, vaes):
        for info in pkgutil.iter_modules(package.__path__):
            if info.name.endswith(TRAIN_STEP):
                continue
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            classes = [one for one in vars(module).values() if _is_method_of(module, one)]
            if len(classes) > 1 or (classes and info.name in found):
                names = ", ".join(one.__name__ for one in classes)
                raise ValueError(
                    "A module defines one method, whose name in Gin is the module's. "
                    f"Received: {names} in {module.__name__}"
                )
            if classes:
                found[info.name] = classes[0]
    return found


def _is_method_of(module: ModuleType, value: object) -> bool:
    """Say whether a value is a method that the module itself defines, ready to be made."""
    return (
        inspect.isclass(value)
        and issubclass(value, Method)
        and not inspect.isabstract(value)
        and value.__module__ == module.__name__
    )
