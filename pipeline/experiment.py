"""Gin files to one frozen, validated description of an experiment, and its sweep to models."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gin

from models import checks
from models.base import Method
from pipeline import gin_files
from pipeline.configurables import CONFIGURABLES
from pipeline.configuration_text import configuration_text
from pipeline.datasets.interface import DatasetRecipe
from pipeline.errors import ConfigurationError
from pipeline.model_spec import ModelSpec, Training
from pipeline.stages.metrics.options import Metrics
from pipeline.stages.report.options import ReportOptions
from pipeline.stages.select.options import Selection


@dataclasses.dataclass(frozen=True)
class Setting:
    """One column of the sweep: a name and what its models are trained from."""

    name: str
    method: Method
    training: Training


@dataclasses.dataclass(frozen=True)
class Experiment:
    """All that a run is made of.

    Attributes:
        name: Names the default run directory.
        dataset: Recipe of the data set.
        settings: What differs between models, apart from the seed.
        seeds: Each setting is trained from each of them.
        metrics: What the metric stage measures, and on how many samples.
        selection: Sample counts of ModelCentrality.
        report: What the report shows.
        gin_text: A Gin file that gives this experiment: what was read, and nothing else.
    """

    name: str
    dataset: DatasetRecipe
    settings: tuple[Setting, ...]
    seeds: tuple[int, ...]
    metrics: Metrics
    selection: Selection
    report: ReportOptions
    gin_text: str

    @property
    def threads(self) -> int:
        """Threads of each worker process."""
        return self.settings[0].training.threads

    @property
    def replicas(self) -> int:
        """Devices that a model in training uses, at most."""
        return max(setting.training.replicas for setting in self.settings)

    def model_specs(self, data_fingerprint: str) -> list[ModelSpec]:
        """Return the models of the sweep: settings x seeds."""
        return [
            ModelSpec(
                setting.name,
                seed,
                setting.method,
                setting.training,
                self.dataset,
                data_fingerprint,
            )
            for setting in self.settings
            for seed in self.seeds
        ]


@dataclasses.dataclass(frozen=True)
class ExperimentRecipe:
    """What a Gin file binds as `experiment`.

    Attributes:
        name: Names the default run directory.
        dataset: Such as `@dsprites()`.
        method: Such as `@infogan_cr()`.
        training: `@training()`.
        metrics: `@metrics()`.
        selection: `@selection()`.
        report: `@report()`.
    """

    name: str
    dataset: Any
    method: Any
    training: Any
    metrics: Any
    selection: Any
    report: Any

    def __post_init__(self):
        checks.label("experiment.name", self.name)
        for field, expected, kind in (
            ("dataset", "a dataset such as @name()", DatasetRecipe),
            ("method", "a method such as @name()", Method),
            ("training", "@training()", Training),
            ("metrics", "@metrics()", Metrics),
            ("selection", "@selection()", Selection),
            ("report", "@report()", ReportOptions),
        ):
            if not isinstance(getattr(self, field), kind):
                checks.fail(f"experiment.{field}", getattr(self, field), expected)


@dataclasses.dataclass(frozen=True)
class Sweep:
    """The models of an experiment: settings x seeds.

    Attributes:
        settings: Name -> {macro or binding: value}, each a change of the configuration, such as
            `{'alpha-1': {'ALPHA': 1.0}, 'alpha-2': {'ALPHA': 2.0}}`. Empty: one setting, named
            after the method.
        num_seeds: Models of each setting.
        first_seed: The seeds are first_seed, first_seed + 1, ...
    """

    settings: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    num_seeds: int = 1
    first_seed: int = 0

    def __post_init__(self):
        checks.integer("sweep.num_seeds", self.num_seeds, minimum=1)
        checks.integer("sweep.first_seed", self.first_seed, minimum=0)
        expected = "a dictionary {name: {macro or binding: value}}"
        if not isinstance(self.settings, Mapping):
            checks.fail("sweep.settings", self.settings, expected)
        for name, changes in self.settings.items():
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.=-]+", name):
                checks.fail(
                    "sweep.settings", name, "names of letters, digits, '_', '-', '.' and '='"
                )
            if not isinstance(changes, Mapping) or not all(isinstance(key, str) for key in changes):
                checks.fail("sweep.settings", changes, expected)


EXPERIMENT_CONFIGURABLES = {
    **CONFIGURABLES,
    "experiment": ExperimentRecipe,
    "sweep": Sweep,
}
for _name, _recipe in EXPERIMENT_CONFIGURABLES.items():
    gin.external_configurable(_recipe, _name)


def load_experiment(files: Sequence[str], settings: Sequence[str] = ()) -> Experiment:
    """Read Gin files and `--set` texts; later ones win over earlier ones.

    Raises:
        ConfigurationError: For whatever is unknown, unused, of the wrong type or out of range.
    """
    bindings = gin_files.read_statements(files, settings)
    gin_files.check_names(bindings, EXPERIMENT_CONFIGURABLES)
    try:
        return _build_experiment(bindings)
    finally:
        gin.clear_config()


def _build_experiment(bindings: Sequence[gin_files.Binding]) -> Experiment:
    gin_files.parse(bindings)
    with _refusals_as_configuration_errors():
        sweep = gin.get_configurable("sweep")()
    raw_settings = gin.get_bindings("sweep", resolve_references=False).get("settings", {})
    if not isinstance(raw_settings, Mapping):
        raise ConfigurationError(
            f"{gin_files.SETTINGS}: Expected a dictionary, written in its place. Received: "
            f"{gin_files.SETTINGS} = {raw_settings!r}"
        )
    operative_texts = [gin.operative_config_str()]
    _check_changes(raw_settings, bindings)
    recipes: dict[str, ExperimentRecipe] = {}
    for name, changes in (raw_settings or {"": {}}).items():
        gin_files.parse(bindings)
        for key, value in changes.items():
            gin.bind_parameter(key if "." in key else f"{key}/gin.macro.value", value)
        with _refusals_as_configuration_errors(name):
            recipe = gin.get_configurable("experiment")()
        recipes[name or recipe.method.name] = recipe
        operative_texts.append(gin.operative_config_str())
    _refuse_unused(bindings, operative_texts)
    _refuse_ineffective(bindings, raw_settings)
    first = next(iter(recipes.values()))
    _check_shared(recipes)
    experiment = Experiment(
        name=first.name,
        dataset=first.dataset,
        settings=tuple(
            Setting(name, recipe.method, recipe.training) for name, recipe in recipes.items()
        ),
        seeds=tuple(range(sweep.first_seed, sweep.first_seed + sweep.num_seeds)),
        metrics=first.metrics,
        selection=first.selection,
        report=first.report,
        gin_text=configuration_text(bindings, operative_texts),
    )
    _check_batches(experiment)
    experiment.selection.check_settings(recipes)
    for name, recipe in recipes.items():
        experiment.selection.check_codes(name, recipe.method.codes)
    return experiment


@contextlib.contextmanager
def _refusals_as_configuration_errors(setting: str = "") -> Iterator[None]:
    """Turn what a recipe or Gin refuses into a ConfigurationError."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError) as error:
        message = re.sub(r"\s*Gin had values bound for:.*", "", str(error), flags=re.DOTALL)
        place = f" (in the setting {setting!r} of sweep.settings)" if setting else ""
        raise ConfigurationError(f"{message}{place}") from error


def _check_changes(
    settings: Mapping[str, Mapping[str, Any]], bindings: Sequence[gin_files.Binding]
) -> None:
    macros = sorted({binding.name for binding in bindings if not binding.parameter})
    for name, changes in settings.items():
        where = f"sweep.settings[{name!r}]"
        for key in changes:
            if "." in key:
                scoped, _, parameter = key.rpartition(".")
                gin_files.check_parameter(
                    scoped.rpartition("/")[2], parameter, EXPERIMENT_CONFIGURABLES, where
                )
            elif key not in macros:
                raise ConfigurationError(
                    f"{where} changes the macro {key}, which nothing defines. Expected one of: "
                    f"{', '.join(macros)}. Received: {key!r}."
                )


def _refuse_unused(bindings: Sequence[gin_files.Binding], operative_texts: Sequence[str]) -> None:
    unused = gin_files.unused_bindings(bindings, operative_texts)
    if unused:
        listed = "; ".join(f"{binding.key} ({binding.where})" for binding in unused)
        raise ConfigurationError(
            f"Nothing in this experiment uses: {listed}. Expected bindings of what the "
            "experiment refers to. Remove them, or refer to what they configure."
        )


def _refuse_ineffective(
    bindings: Sequence[gin_files.Binding], settings: Mapping[str, Mapping[str, Any]]
) -> None:
    if not settings:
        return
    always_changed = set.intersection(*(set(changes) for changes in settings.values()))
    for binding in bindings:
        if binding.where.startswith("--set") and binding.key in always_changed:
            raise ConfigurationError(
                f"{binding.where} has no effect: every setting of sweep.settings gives "
                f"{binding.key} its own value. Expected a name that the sweep leaves alone; "
                "to change the sweep, set sweep.settings itself."
            )


def _check_shared(recipes: Mapping[str, ExperimentRecipe]) -> None:
    first = next(iter(recipes.values()))
    for name, recipe in recipes.items():
        for field in ("name", "dataset", "metrics", "selection", "report"):
            if getattr(recipe, field) != getattr(first, field):
                raise ConfigurationError(
                    f"sweep.settings[{name!r}] changes experiment.{field}. Expected the same "
                    f"{field} in every setting, since models are compared under it."
                )
        if recipe.training.threads != first.training.threads:
            raise ConfigurationError(
                f"sweep.settings[{name!r}] changes training.threads. Expected the same number "
                "in every setting."
            )


def _check_batches(experiment: Experiment) -> None:
    num_images = experiment.dataset.num_images
    for setting in experiment.settings:
        if num_images is not None and setting.training.batch_size > num_images:
            raise ConfigurationError(
                f"training.batch_size: Expected at most the {num_images} images of the data "
                f"set. Received: batch_size={setting.training.batch_size} "
                f"(in the setting {setting.name!r})."
            )
        needed = setting.method.images_per_iteration
        if needed is not None and setting.training.batch_size != needed:
            raise ConfigurationError(
                f"training.batch_size: Expected {needed}, the real images of an iteration of "
                f"{setting.method.name} (discriminator_steps x discriminator_batch). Received: "
                f"batch_size={setting.training.batch_size} (in the setting {setting.name!r})."
            )
