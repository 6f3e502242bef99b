"""dSprites: the recipe, and the shapes that it draws."""

from pipeline.datasets.dsprites.recipe import FACTOR_NAMES, FACTOR_SIZES, DSprites, render

__all__ = ["FACTOR_NAMES", "FACTOR_SIZES", "DSprites", "render"]
