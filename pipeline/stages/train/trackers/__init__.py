"""Who is told of a training while it goes on: TensorBoard always, others where they are asked for.

A new tracker is a file of this package with a class below `Tracker`, and a branch here.
"""

from pipeline.model_spec import ModelSpec
from pipeline.runs.directory import ModelDirectory, RunDirectory
from pipeline.stages.train.trackers.tracker import Tracker

TRACKERS = ("mlflow",)  # what `--tracker` may name


def prepare_tracker(name: str | None, run: RunDirectory) -> None:
    """Make ready what workers will tell, before anything is trained.

    Raises:
        ConfigurationError: If it cannot be used.
    """
    if name == "mlflow":
        from pipeline.stages.train.trackers import mlflow

        mlflow.prepare(run)


def open_tracker(name: str | None, spec: ModelSpec, directory: ModelDirectory) -> list[Tracker]:
    """Return the tracker of that name for one model, if there is to be one; in a worker."""
    if name == "mlflow":
        from pipeline.stages.train.trackers.mlflow import MlflowTracker

        return [MlflowTracker(spec, directory)]
    return []
