"""3D room (ours): the recipe, and the ray caster that draws its geometry."""

from pipeline.datasets.room3d.recipe import FACTOR_NAMES, FACTOR_SIZES, Room3D, paint, render

__all__ = ["FACTOR_NAMES", "FACTOR_SIZES", "Room3D", "paint", "render"]
