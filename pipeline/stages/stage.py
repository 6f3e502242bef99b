"""What every stage is given, and how it says what it would do."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.datasets.interface import Dataset
from pipeline.errors import StageError
from pipeline.execution.contract import Executor
from pipeline.model_spec import Export, ModelSpec
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import read_manifest, refuse_damaged

if TYPE_CHECKING:  # the experiment is made of the stages' options, so it imports them
    from pipeline.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class Step:
    """A piece of a stage's work, as the plan shows it.

    Attributes:
        name: Such as a model's id.
        reason: Why it must be done; None if it is done and valid.
        seconds: Estimated, for work to do; None where nothing is known.
        note: More for the reader.
        failure: Why it failed before, where it is not tried again by itself; else "".
    """

    name: str
    reason: str | None
    seconds: float | None = None
    note: str = ""
    failure: str = ""


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage: what it reads and writes, its plan and its work."""

    name: str
    reads: str
    writes: str
    plan: Callable[["Context"], list[Step]]
    run: Callable[["Context"], None]


@dataclasses.dataclass
class Context:
    """One run of the pipeline.

    Attributes:
        experiment: What to do.
        run: Where results go.
        cache: Folder of rendered data sets, shared between runs.
        pool: Runs tasks in worker processes, here or on a cluster.
        forced: Stages to do again whatever is there.
        tracker: Who is told of trainings beside TensorBoard, see `pipeline.stages.train.trackers`.
    """

    experiment: "Experiment"
    run: RunDirectory
    cache: Path
    pool: Executor
    forced: frozenset[str] = frozenset()
    tracker: str | None = None

    @property
    def is_data_ready(self) -> bool:
        """Whether the data stage has nothing to do."""
        return self.experiment.dataset.estimate(self.cache).is_cached

    @cached_property
    def dataset(self) -> Dataset:
        """The opened data set.

        Raises:
            StageError: If the data stage has not run.
            ConfigurationError: If the experiment names factors that it does not have.
        """
        if not self.is_data_ready:
            raise StageError(
                f"The data set {self.experiment.dataset.name} is not in {self.cache}. Run the data "
                "stage first: --stages data, or leave --stages out."
            )
        dataset = self.experiment.dataset.open(self.cache)
        self.experiment.metrics.check_factors(dataset)
        return dataset

    @cached_property
    def specs(self) -> list[ModelSpec]:
        """The models of the sweep."""
        return self.experiment.model_specs(self.dataset.fingerprint)

    def finished_exports(self) -> list[Export]:
        """Return the networks that are there to be scored, of the models that are finished.

        Raises:
            StageError: If there are none.
        """
        exports = [
            export for spec in self.specs if is_finished(self.run, spec) for export in spec.exports
        ]
        if not exports:
            raise StageError(
                f"No model of this experiment is finished in {self.run.root}. Run the train stage "
                "first: --stages train, or leave --stages out."
            )
        return exports


def is_finished(run: RunDirectory, spec: ModelSpec) -> bool:
    """Say whether a model's manifest is there and belongs to this description of it."""
    manifest = read_manifest(run.model(spec.model_id).manifest)
    return manifest is not None and manifest["fingerprint"] == spec.fingerprint


def exported_file(run: RunDirectory, export: Export, name: str) -> Path:
    """Return the path of a file of an export, such as "encoder", once it is seen to be whole.

    Raises:
        StageError: If it is not what training wrote.
    """
    model = run.model(export.parent_id)
    path = getattr(model.export(export.name), name)
    refuse_damaged(model.manifest, path, "train")
    return path
