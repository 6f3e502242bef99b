"""What a Gin file can bind, by name.

No name is written here: data sets and methods are found in their rooms, and so a new one is its
file and its Gin part; of the other rooms the faces say which classes are recipes. A recipe is
called in Gin like its class in snake case, unless the class says another `gin_name`; a method like
its module. Nothing here imports TensorFlow.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable

from models import codes, networks, optimizers
from models.contrastive_regulariser import ContrastiveRegulariser
from models.gans.simclr import SimCLR
from models.layers.augmentation import Augmentation
from models.layers.normalisation import ImageNormalisation
from models.layers.reading import Reading
from models.methods import methods
from pipeline import datasets
from pipeline.datasets.interface import DatasetRecipe
from pipeline.model_spec import Training
from pipeline.stages.metrics.options import (
    ClassDisentanglement,
    IdentityScores,
    Metrics,
    SampleQuality,
)
from pipeline.stages.metrics.protocols import CrProtocol, DlibProtocol, RecentProtocol
from pipeline.stages.report.options import ReportOptions
from pipeline.stages.select.options import Selection

SHOWN = (Augmentation, ImageNormalisation, Reading)  # what networks see of images
METRIC_RECIPES = (
    Metrics,
    CrProtocol,
    DlibProtocol,
    RecentProtocol,
    ClassDisentanglement,
    SampleQuality,
    IdentityScores,
)


def gin_name(recipe: type) -> str:
    """Return what Gin calls a recipe: the `gin_name` of its own, or its class in snake case."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", recipe.__name__)
    return vars(recipe).get("gin_name", words.lower())


def dataset_recipes() -> list[type[DatasetRecipe]]:
    """Return every recipe of a data set that a module of `pipeline.datasets` defines."""
    found = []
    for info in pkgutil.walk_packages(datasets.__path__, f"{datasets.__name__}."):
        module = importlib.import_module(info.name)
        found += [
            value
            for value in vars(module).values()
            if inspect.isclass(value)
            and issubclass(value, DatasetRecipe)
            and value.__module__ == info.name
            and not inspect.isabstract(value)
        ]
    return found


def by_name(recipes: Iterable[type]) -> dict[str, type]:
    """Return recipes by their names in Gin.

    Raises:
        ValueError: If two have the same name.
    """
    named: dict[str, type] = {}
    for recipe in recipes:
        name = gin_name(recipe)
        if name in named:
            raise ValueError(
                f"Two recipes have one name in Gin. Expected a gin_name of its own for one of "
                f"them. Received: {name} for {named[name].__qualname__} and {recipe.__qualname__}"
            )
        named[name] = recipe
    return named


CONFIGURABLES = {
    **by_name(dataset_recipes()),
    **by_name((*codes.RECIPES, *networks.RECIPES, *SHOWN, *optimizers.RECIPES)),
    **methods(),
    **by_name((SimCLR, ContrastiveRegulariser)),
    **by_name((Training, *METRIC_RECIPES, Selection, ReportOptions)),
}
