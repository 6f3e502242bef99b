"""3DTeapots: the recipe, the renderer behind it and the mesh that it draws."""

from pipeline.datasets.teapots.recipe import Teapots, colour, render, render_geometry

__all__ = ["Teapots", "colour", "render", "render_geometry"]
