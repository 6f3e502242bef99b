"""MLflow: one of its runs for each model, in a database of the run directory or the user's own."""

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.errors import ConfigurationError
from pipeline.model_spec import ModelSpec
from pipeline.pictures import save_picture
from pipeline.runs.directory import ModelDirectory, RunDirectory
from pipeline.stages.train.trackers.tracker import Tracker

STORE = "MLFLOW_TRACKING_URI"  # of the environment, as everywhere with MLflow
KEY = "disentanglement.model"  # the tag by which a training that goes on finds its run
MOST = 1000  # values in one call, says MLflow


def prepare(run: RunDirectory) -> None:
    """Make the store and MLflow's experiment, named like the run directory, before any worker.

    Raises:
        ConfigurationError: If MLflow or its SQLite store are not installed, or it cannot be had.
    """
    try:
        import alembic  # noqa: F401
        import sqlalchemy  # noqa: F401
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise ConfigurationError(
            f"--tracker mlflow needs MLflow, which is not installed ({error}). Expected: "
            "pip install -e '.[mlflow]'"
        ) from error
    try:
        client = _client(run)
        if client.get_experiment_by_name(run.root.name) is None:
            own = run.mlflow_artifacts.resolve().as_uri()
            place = None if os.environ.get(STORE) else own
            client.create_experiment(run.root.name, artifact_location=place)
    except MlflowException as error:
        raise ConfigurationError(
            f"MLflow cannot be told: {error}. Expected {STORE} unset, for a database in the run "
            f"directory, or set to a store that answers. Received: {os.environ.get(STORE)!r}"
        ) from error


def _client(run: RunDirectory) -> Any:
    # Messages about its own tables would stand between ours.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    from mlflow import MlflowClient

    run.root.mkdir(parents=True, exist_ok=True)
    own = f"sqlite:///{run.mlflow_store.resolve()}"
    return MlflowClient(tracking_uri=os.environ.get(STORE) or own)


class MlflowTracker(Tracker):
    """Logs one model to MLflow.

    Values are sent when a checkpoint is written, so that what follows a checkpoint, and is trained
    again after an interruption, is not there twice.

    Args:
        spec: The model.
        directory: Its folder.
    """

    def __init__(self, spec: ModelSpec, directory: ModelDirectory):
        run = RunDirectory(directory.root.parent.parent)
        self._client = _client(run)
        self._pictures = directory.pictures
        self._waiting: list[Any] = []
        experiment = self._client.get_experiment_by_name(run.root.name).experiment_id
        key = f"{spec.model_id} {spec.fingerprint}"
        found = self._client.search_runs([experiment], f"tags.`{KEY}` = '{key}'", max_results=1)
        if found:
            self._run = found[0].info.run_id
            self._client.update_run(self._run, status="RUNNING")
            return
        tags = {KEY: key}
        self._run = self._client.create_run(
            experiment, run_name=spec.model_id, tags=tags
        ).info.run_id
        described = {"setting": spec.setting, "method": spec.method.name, "seed": spec.seed}
        for name, value in described.items():
            self._client.log_param(self._run, name, value)
        self._client.log_dict(self._run, spec.config, "config.json")

    def scalars(self, iteration: int, values: Mapping[str, float]) -> None:
        """See `Tracker`."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)  # milliseconds
        self._waiting += [Metric(name, value, now, iteration) for name, value in values.items()]

    def picture(self, iteration: int, name: str, picture: np.ndarray) -> None:
        """See `Tracker`."""
        path = self._pictures / f"{name}-{iteration:09d}.png"
        if not path.exists():
            save_picture(path, picture)
        self._client.log_artifact(self._run, str(path), "pictures")

    def flush(self) -> None:
        """See `Tracker`."""
        for start in range(0, len(self._waiting), MOST):
            self._client.log_batch(self._run, metrics=self._waiting[start : start + MOST])
        self._waiting.clear()

    def close(self, finished: bool) -> None:
        """See `Tracker`."""
        self.flush()
        self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")
