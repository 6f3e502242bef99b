"""The latent vector of a trained model, from the config.json beside its networks."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from models.codes import joint_code
from models.codes.joint_code import FeatureCode, JointCode

# What somebody else's config.json may look like, for messages.
EXAMPLE = (
    '{"codes": [{"type": "UniformCodes", "dim": 10}, {"type": "GaussianNoise", "dim": 52}]} with '
    f"parts of {', '.join(part.__name__ for part in joint_code.PARTS)}, in the order of the "
    "generator's input"
)


def described_codes(config: Mapping[str, Any]) -> JointCode | None:
    """Return the codes that a model's configuration describes; None where it describes none.

    Args:
        config: Content of config.json: `method.codes.parts` as `pipeline.recipes.describe` has it,
            or in the file of another's model just `codes`, a list of parts.

    Raises:
        ValueError: If it describes codes that cannot be.
    """
    try:
        if isinstance(config.get("codes"), list):
            return _others_codes([_part(one) for one in config["codes"]])
        described = config["method"]["codes"]
        parts = tuple(_part(one) for one in described["parts"])
    except (KeyError, TypeError, AttributeError):
        return None
    if described.get("type") == FeatureCode.__name__:
        return FeatureCode(parts, described["feature_dim"])
    return JointCode(parts)


def _others_codes(parts: list[Any]) -> JointCode:
    codes = JointCode(tuple(parts))
    if list(codes.parts) != parts:
        raise ValueError(
            "its noise stands before a code. Expected a generator that takes the codes first, and "
            f"then the noise. Received: {[type(part).__name__ for part in parts]}"
        )
    return codes


def _part(described: Mapping[str, Any]) -> object:
    recipe = {part.__name__: part for part in joint_code.PARTS}[described["type"]]
    names = {field.name for field in dataclasses.fields(recipe) if field.init}
    return recipe(**{name: value for name, value in described.items() if name in names})
