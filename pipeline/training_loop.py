"""One model from its first iteration, or its last checkpoint, to its exported networks.

Runs in a worker process. Everything that decides the result is a function of the model's
description and the iteration; everything that the future depends on is in the checkpoint.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipeline import execution
from pipeline.batches import BatchOrder, TripletOrder, batch_order
from pipeline.checkpoints import load_checkpoint, save_checkpoint
from pipeline.export import Exporter
from pipeline.files import write_json
from pipeline.model_spec import ModelSpec
from pipeline.quick_score import QuickScore
from pipeline.run_directory import ModelDirectory, why_stale, write_manifest
from pipeline.tables import write_table

SECONDS_BETWEEN_PROGRESS = 0.5


class TrainingDivergedError(RuntimeError):
    """A loss is no longer a finite number."""


class Monitor(keras.callbacks.Callback):
    """Follows the iterations: history, scores, checkpoints, pictures, progress, and the stop.

    Args:
        model: The model in training, restored from a checkpoint where there is one.
        spec: Its description.
        directory: Its folder.
        dataset: The opened data set.
        progress: Told (iteration, iterations, losses).
    """

    def __init__(
        self,
        model,
        spec: ModelSpec,
        directory: ModelDirectory,
        dataset,
        progress: Callable[..., None],
    ):
        super().__init__()
        self.set_model(model)
        self._spec = spec
        self._directory = directory
        self._progress = progress
        self._quick_score = None
        if dataset.num_factors and spec.training.score_every:
            self._quick_score = QuickScore(model.encoder, spec.training, dataset)
        self.exporter = Exporter(model, dataset)
        self._events = tf.summary.create_file_writer(str(directory.tensorboard))
        self.iteration = 0
        self.history: list[dict[str, float]] = []
        self._seconds_before = 0.0
        self._started = time.monotonic()
        self._last_progress = 0.0
        self.restore()

    @property
    def seconds(self) -> float:
        """Time spent on training so far, over all interruptions."""
        return self._seconds_before + time.monotonic() - self._started

    def restore(self) -> None:
        """Go back to the newest whole checkpoint, if there is one.

        A checkpoint after a snapshot that is no longer whole is of no use: the snapshot's weights
        are gone, so the model is trained anew.
        """
        found = load_checkpoint(self._directory.checkpoints, _say)
        if found is None:
            return
        for export in self._spec.exports[:-1]:
            folder = self._directory.export(export.name)
            reason = why_stale(folder.manifest, self._spec.fingerprint)
            if found[0] > export.iteration and reason:
                _say(f"{folder.root}: {reason}; {self._spec.model_id} is trained from the start")
                return
        self.iteration, state, details = found
        for name, variable in running_means(self.model).items():
            variable.assign(state.pop(name))
        self.model.load_state(state)
        self.history = details["history"]
        self._seconds_before = details["seconds"]

    def save(self) -> None:
        """Write a checkpoint and the history so far."""
        self._refuse_non_finite(self.model.get_metrics_result())
        variables = {**self.model.state, **running_means(self.model)}
        save_checkpoint(
            self._directory.checkpoints,
            self.iteration,
            {name: variable.numpy() for name, variable in variables.items()},
            {"history": self.history, "seconds": self.seconds},
        )
        self.write_history()

    def on_epoch_begin(self, epoch, logs=None):
        """Undo Keras' reset of the running means: an interval may span an interruption."""
        for variable, value in self._running_means:
            variable.assign(value)

    def hold_running_means(self) -> None:
        """Remember the running means before `fit` resets them."""
        self._running_means = [
            (variable, variable.numpy()) for variable in running_means(self.model).values()
        ]

    def on_train_batch_end(self, batch, logs=None):
        """Do what is due after an iteration."""
        self.iteration += 1
        training = self._spec.training
        is_last = self.iteration == training.iterations
        if self.iteration % training.log_every == 0 or is_last:
            self._log()
            if is_last or _is_due(self.iteration, training.checkpoint_every):
                self.save()
        if _is_due(self.iteration, training.picture_every):
            self.exporter.write_pictures(self._directory.pictures, self.iteration)
        if execution.stop_requested():
            self.model.stop_training = True
        self._show()

    def _log(self) -> None:
        losses = {name: float(value) for name, value in self.model.get_metrics_result().items()}
        self._refuse_non_finite(losses)
        self.model.reset_metrics()
        row = {"iteration": self.iteration, **losses}
        is_last = self.iteration == self._spec.training.iterations
        is_due = _is_due(self.iteration, self._spec.training.score_every)
        if self._quick_score is not None and (is_due or is_last):
            row["factor_vae"] = self._quick_score()
        self.history.append(row)
        with self._events.as_default(step=self.iteration):
            for name, value in row.items():
                if name != "iteration":
                    tf.summary.scalar(name, value)

    def _refuse_non_finite(self, losses: dict[str, Any]) -> None:
        bad = ", ".join(name for name, value in losses.items() if not np.isfinite(float(value)))
        if bad:
            raise TrainingDivergedError(f"{bad} not finite at iteration {self.iteration}")

    def _show(self) -> None:
        if time.monotonic() - self._last_progress > SECONDS_BETWEEN_PROGRESS:
            self._last_progress = time.monotonic()
            losses = dict(self.history[-1]) if self.history else {}
            losses.pop("iteration", None)
            self._progress(self.iteration, self._spec.training.iterations, **losses)

    def write_history(self) -> None:
        """Write history.csv as it is so far, and what TensorBoard shows."""
        self._events.flush()
        if not self.history:  # stopped before the first row
            return
        columns = list(dict.fromkeys(name for row in self.history for name in row))
        if "factor_vae" in columns:  # scores last, losses before
            columns.remove("factor_vae")
            columns.append("factor_vae")
        frame = pd.DataFrame(self.history, columns=columns)
        write_table(self._directory.history, frame, columns, may_be_empty=columns[1:])


def train_model(
    spec: ModelSpec, directory: ModelDirectory, cache: Path, progress: Callable[..., None]
) -> dict[str, Any]:
    """Train one model to its end, or until the run is stopped.

    Args:
        spec: What to train.
        directory: Where; an unfinished training there goes on.
        cache: Folder of the data sets.
        progress: Told (iteration, iterations, losses).

    Returns:
        {"status": "done" | "stopped" | "failed", "iteration": ..., "seconds": ..., "reason": ...}
    """
    directory.root.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(directory.lock, timeout=60):
        dataset = spec.dataset.open(cache)
        with execution.strategy().scope():
            model = spec.method.build(
                dataset.image_shape, dataset.max_value, spec.seed, dataset.num_images
            )
        write_json(directory.config, spec.config)
        monitor = Monitor(model, spec, directory, dataset, progress)
        try:
            _train(model, monitor, spec, directory, dataset)
        except TrainingDivergedError as error:
            write_json(
                directory.failure,
                {
                    "fingerprint": spec.fingerprint,
                    "iteration": monitor.iteration,
                    "reason": str(error),
                },
            )
            return _outcome("failed", monitor, str(error))
        if monitor.iteration < spec.training.iterations:
            return _outcome("stopped", monitor)
        _finish(model, monitor, spec, directory)
        return _outcome("done", monitor)


def _train(model, monitor: Monitor, spec: ModelSpec, directory: ModelDirectory, dataset) -> None:
    """Alternate what the host does at milestones with `fit` from one milestone to the next."""
    order = batch_order(spec.method, dataset, spec.training.batch_size, spec.seed)
    snapshots = {export.iteration: export for export in spec.exports[:-1]}
    ends = [*spec.method.milestones, spec.training.iterations]
    while monitor.iteration < spec.training.iterations:
        start = monitor.iteration
        if start in snapshots:
            folder = directory.export(snapshots[start].name)
            monitor.exporter.export(folder)
            write_manifest(folder.manifest, spec.fingerprint, folder.files)
        model.begin_segment(start)
        stop = min(end for end in ends if end > start)
        monitor.hold_running_means()
        model.fit(
            _batches(order, dataset, start, stop),
            epochs=1,
            steps_per_epoch=stop - start,
            verbose=0,
            shuffle=False,
            callbacks=[monitor],
        )
        if monitor.iteration < stop:
            monitor.save()
            return


def _batches(order: BatchOrder | TripletOrder, dataset, start: int, stop: int) -> tf.data.Dataset:
    """Return the batches of the iterations from start to stop - 1."""

    def generate() -> Iterator[np.ndarray]:
        for indices in order.from_iteration(start, stop):
            yield order.batch(dataset, indices)

    first = order.batch(dataset, order.indices(start))
    signature = tf.nest.map_structure(tf.type_spec_from_value, first)
    return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(4)


def _finish(model, monitor: Monitor, spec: ModelSpec, directory: ModelDirectory) -> None:
    """Export the networks and declare the model finished.

    The last checkpoints stay: should an exported file be damaged later, it is written again from
    them without any training.
    """
    monitor.exporter.export(directory.export("final"))
    monitor.write_history()
    outputs = [directory.history, directory.config]
    for export in spec.exports:
        outputs += directory.export(export.name).files
    write_manifest(
        directory.manifest,
        spec.fingerprint,
        outputs,
        {
            "model_id": spec.model_id,
            "data_fingerprint": spec.data_fingerprint,
            "iterations": spec.training.iterations,
            "train_seconds": monitor.seconds,
            "parameters": model.count_params(),
        },
    )
    directory.failure.unlink(missing_ok=True)


def _outcome(status: str, monitor: Monitor, reason: str = "") -> dict[str, Any]:
    return {
        "status": status,
        "iteration": monitor.iteration,
        "seconds": monitor.seconds,
        "reason": reason,
    }


def running_means(model) -> dict[str, Any]:
    """Return the variables in which losses are summed up until the next row of the history."""
    return {
        f"running_mean/{name}/{number}": variable
        for name, tracker in model.trackers.items()
        for number, variable in enumerate(tracker.variables)
    }


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _is_due(iteration: int, every: int) -> bool:
    return every > 0 and iteration % every == 0
