"""Models that differ in one weight only, for what is shown against that weight."""

import json
from collections.abc import Iterable, Mapping
from typing import Any


def weight_names(methods: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the weights that methods have, in alphabetical order."""
    return sorted({name for method in methods for name in method if name.endswith("_weight")})


def ablations(methods: Mapping[str, Mapping[str, Any]], weight: str) -> list[dict[str, float]]:
    """Return the groups of models whose methods differ in one weight only: model id to its value.

    A weight that changes during training has no place on an axis; models with it are left out.
    """
    groups: dict[str, dict[str, float]] = {}
    for model_id, method in methods.items():
        value = method.get(weight)
        steps: list[list[Any]] = value["steps"] if isinstance(value, dict) else [[0, value]]
        if value is not None and len(steps) == 1:
            others = {name: other for name, other in method.items() if name != weight}
            group = groups.setdefault(json.dumps(others, sort_keys=True), {})
            group[model_id] = steps[0][1]
    return [group for group in groups.values() if len(set(group.values())) > 1]
