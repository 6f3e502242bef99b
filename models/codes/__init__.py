"""Latent codes: how they are drawn, scored, paired and traversed.

`RECIPES` are those that a Gin file can bind.
"""

from models.codes.distributions import (
    CategoricalCode,
    EmpiricalCodes,
    GaussianCodes,
    GaussianNoise,
    UniformCodes,
    UniformNoise,
)
from models.codes.joint_code import FeatureCode, JointCode

RECIPES = (
    JointCode,
    FeatureCode,
    UniformCodes,
    CategoricalCode,
    GaussianCodes,
    EmpiricalCodes,
    UniformNoise,
    GaussianNoise,
)
