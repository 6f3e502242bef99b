"""The latent vector of a trained model, from the config.json beside its networks."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from models.codes import joint_code
from models.codes.joint_code import FeatureCode, JointCode


def described_codes(config: Mapping[str, Any]) -> JointCode | None:
    """Return the codes that a model's configuration describes; None where it describes none.

    Args:
        config: Content of config.json, see `pipeline.recipes.describe`.
    """
    try:
        described = config["method"]["codes"]
        parts = tuple(_part(one) for one in described["parts"])
    except (KeyError, TypeError):
        return None
    if described.get("type") == FeatureCode.__name__:
        return FeatureCode(parts, described["feature_dim"])
    return JointCode(parts)


def _part(described: Mapping[str, Any]) -> object:
    recipe = {part.__name__: part for part in joint_code.PARTS}[described["type"]]
    names = {field.name for field in dataclasses.fields(recipe) if field.init}
    return recipe(**{name: value for name, value in described.items() if name in names})
