"""Recipes, the frozen data that Gin binds, as JSON: the base of every fingerprint."""

import dataclasses
from typing import Any

from pipeline.runs.files import value_digest


def describe(recipe: Any) -> Any:
    """Return a recipe and all it holds as JSON-able data, with the type's name of each part.

    Fields whose metadata say `{"affects_results": False}` (how often to save, how many pictures)
    are left out, so that changing them makes nothing stale. Fields that came later, with a default
    that does what was done before, say `{"omitted_at_default": True}` and are left out while they
    hold it, so that what was made before stays valid.

    Raises:
        TypeError: If a field holds something that is not plain data.
    """
    if dataclasses.is_dataclass(recipe) and not isinstance(recipe, type):
        fields = {
            field.name: describe(getattr(recipe, field.name))
            for field in dataclasses.fields(recipe)
            if field.metadata.get("affects_results", True)
            and not (
                field.metadata.get("omitted_at_default")
                and getattr(recipe, field.name) == field.default
            )
        }
        return {"type": type(recipe).__name__, **fields}
    if isinstance(recipe, (list, tuple)):
        return [describe(item) for item in recipe]
    if isinstance(recipe, dict):
        return {str(key): describe(value) for key, value in recipe.items()}
    if recipe is None or isinstance(recipe, (bool, int, float, str)):
        return recipe
    raise TypeError(
        "A recipe holds plain data only. Expected numbers, strings, tuples or other recipes. "
        f"Received: {recipe!r} of type {type(recipe).__name__}."
    )


def fingerprint(*parts: Any) -> str:
    """Return the digest (32 hexadecimal digits) of recipes and plain values together."""
    return value_digest(describe(list(parts)))
