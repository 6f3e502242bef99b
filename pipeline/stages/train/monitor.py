"""What accompanies the iterations of one model: history, scores, checkpoints, pictures, progress.

All that the future depends on is in the checkpoint.
"""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd

from pipeline.datasets.interface import Dataset
from pipeline.execution import worker
from pipeline.model_spec import ModelSpec
from pipeline.runs.directory import ModelDirectory
from pipeline.runs.files import json_text, write_text
from pipeline.runs.manifests import why_stale, write_manifest
from pipeline.runs.tables import table_text
from pipeline.stages.train.checkpoints import load_checkpoint, newest_iteration, save_checkpoint
from pipeline.stages.train.code_spread import CodeSpread
from pipeline.stages.train.export import Exporter
from pipeline.stages.train.quick_score import QuickScore, is_meaningful
from pipeline.stages.train.timings import Stopwatch
from pipeline.stages.train.trackers import open_tracker
from pipeline.stages.train.trackers.tensorboard import TensorBoardTracker
from pipeline.stages.train.trackers.tracker import Tracker

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
        progress: Told (iteration, iterations, losses), and what was found damaged as a note.
        tracker: Who is told beside TensorBoard, see `trackers`.
    """

    def __init__(
        self,
        model: Any,
        spec: ModelSpec,
        directory: ModelDirectory,
        dataset: Dataset,
        progress: Callable[..., None],
        tracker: str | None = None,
    ):
        super().__init__()
        self.set_model(model)
        self._spec = spec
        self._fingerprint = spec.fingerprint
        self._directory = directory
        self._progress = progress
        self._quick_score = None
        if spec.training.score_every and is_meaningful(dataset):
            self._quick_score = QuickScore(model.encoder, spec.training, dataset)
        self._code_spread = None if spec.method.has_posterior else CodeSpread(model, dataset)
        self.exporter = Exporter(model, dataset, spec.training.traversal_limits)
        self._trackers: list[Tracker] = [TensorBoardTracker(directory.tensorboard)]
        self.iteration = 0
        self.history: list[dict[str, float]] = []
        self._seconds_before = 0.0
        self.saved_seconds = 0.0  # at the last checkpoint, so the same when files are restored
        self._started = time.monotonic()
        self._last_progress = 0.0
        try:
            self._trackers += open_tracker(tracker, spec, directory)
        except Exception as error:  # each has its own kinds
            self._say(f"{tracker} is not told: {error}")
        self.watches: dict[int, Stopwatch] = {}  # of the segments trained here, by first iteration
        if spec.training.score_every and dataset.num_factors and self._quick_score is None:
            self._say(f"{dataset.name} has fewer than two factors that vary: no FactorVAE score")
        self.restore()

    @property
    def seconds(self) -> float:
        """Time spent on training so far, over all interruptions."""
        return self._seconds_before + time.monotonic() - self._started

    def restore(self) -> None:
        """Go to the newest whole checkpoint, if there is one.

        Where a snapshot before it is no longer whole, go back to the checkpoint that was made
        with the snapshot, or to an earlier one, so that the snapshot is taken once more.
        """
        found = load_checkpoint(self._directory.checkpoints, self._say)
        for export in self._spec.exports[:-1]:
            if found is None or found[0] <= export.iteration:
                break
            folder = self._directory.export(export.name)
            reason = why_stale(folder.manifest, self._fingerprint, folder.generator)
            if reason is None:
                continue
            found = load_checkpoint(self._directory.checkpoints, self._say, until=export.iteration)
            start = found[0] if found else 0
            self._say(
                f"{reason}: the snapshot {export.model_id} is taken again, from iteration {start}"
            )
        if found is None:
            return
        self.iteration, state, details = found
        for name, variable in running_means(self.model).items():
            variable.assign(state.pop(name))
        self.model.load_state(state)
        self.history = details["history"]
        self.saved_seconds = self._seconds_before = details["seconds"]
        self._started = time.monotonic()
        self._restore_history()

    def _restore_history(self) -> None:
        """Write history.csv again, unless it is that of the checkpoint."""
        path = self._directory.history
        if self.history and not (
            path.exists() and path.read_bytes() == self._history_text().encode()
        ):
            self._say(
                f"{path} is missing, damaged or not of the checkpoint of iteration "
                f"{self.iteration}: it is written again"
            )
            self.write_history()

    def take_snapshot(self, name: str) -> None:
        """Export the networks of this moment, and keep what they can be exported from again.

        Training goes on from a later checkpoint if there is one, as where it had to go back.
        """
        folder = self._directory.export(name)
        self.exporter.export(folder)
        write_manifest(folder.manifest, self._fingerprint, folder.files)
        self.save()
        if newest_iteration(self._directory.checkpoints) > self.iteration:
            self.restore()

    def save(self) -> None:
        """Write a checkpoint and the history so far."""
        self._refuse_non_finite(self.model.get_metrics_result())
        variables = {**self.model.state, **running_means(self.model)}
        self.saved_seconds = self.seconds
        save_checkpoint(
            self._directory.checkpoints,
            self.iteration,
            {name: variable.numpy() for name, variable in variables.items()},
            {"history": self.history, "seconds": self.saved_seconds},
            pinned={export.iteration for export in self._spec.exports[:-1]},
        )
        self.write_history()

    def begin_segment(self) -> None:
        """Note that iterations begin that take a time of their own."""
        self._watch = self.watches[self.iteration] = Stopwatch()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Undo Keras' reset of the running means: an interval may span an interruption."""
        for variable, value in self._running_means:
            variable.assign(value)

    def hold_running_means(self) -> None:
        """Remember the running means before `fit` resets them."""
        self._running_means = [
            (variable, variable.numpy()) for variable in running_means(self.model).values()
        ]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Do what is due after an iteration of Keras' `fit`."""
        self.advance(1)

    def advance(self, count: int) -> None:
        """Do what is due after so many iterations; a row of the history is due at most once."""
        self.iteration += count
        self._watch.tick(self.iteration, time.monotonic())
        training = self._spec.training
        is_last = self.iteration == training.iterations
        if self.iteration % training.log_every == 0 or is_last:
            self._log()
            if is_last or _is_due(self.iteration, training.checkpoint_every):
                self.save()
        if _is_due(self.iteration, training.picture_every):
            pictures = self.exporter.write_pictures(self._directory.pictures, self.iteration)
            for name, picture in pictures.items():
                self._tell(Tracker.picture, self.iteration, name, picture)
        if worker.stop_requested():
            self.model.stop_training = True
        self._show()

    def _log(self) -> None:
        losses = {name: float(value) for name, value in self.model.get_metrics_result().items()}
        self._refuse_non_finite(losses)
        self.model.reset_metrics()
        row = {"iteration": self.iteration, **losses}
        if self._code_spread is not None:
            row |= self._code_spread()
        is_last = self.iteration == self._spec.training.iterations
        is_due = _is_due(self.iteration, self._spec.training.score_every)
        if self._quick_score is not None and (is_due or is_last):
            row["factor_vae"] = self._quick_score()
        self.history.append(row)
        told = {name: value for name, value in row.items() if name != "iteration"}
        told |= self._gradient_norms()
        self._tell(Tracker.scalars, self.iteration, told)

    def _gradient_norms(self) -> dict[str, float]:
        """Return the mean norm of the gradients of each player that played since the last row."""
        norms = {}
        for player, mean in self.model.gradient_norms.items():
            if float(mean.count) > 0:
                norms[f"gradient_norm/{player}"] = float(mean.result())
            mean.reset_state()
        return norms

    def _tell(self, method: Callable[..., None], *what: Any) -> None:
        """Call a method of every tracker; one that fails is named and left: training goes on."""
        for tracker in list(self._trackers):
            try:
                getattr(tracker, method.__name__)(*what)
            except Exception as error:  # each has its own kinds
                self._trackers.remove(tracker)
                self._say(f"{type(tracker).__name__} is told no more: {error}")

    def _refuse_non_finite(self, losses: dict[str, Any]) -> None:
        bad = ", ".join(name for name, value in losses.items() if not np.isfinite(float(value)))
        if bad:
            raise TrainingDivergedError(f"{bad} not finite at iteration {self.iteration}")

    def _say(self, message: str) -> None:
        self._progress(self.iteration, self._spec.training.iterations, note=message)

    def _show(self) -> None:
        if time.monotonic() - self._last_progress > SECONDS_BETWEEN_PROGRESS:
            self._last_progress = time.monotonic()
            losses = dict(self.history[-1]) if self.history else {}
            losses.pop("iteration", None)
            self._progress(self.iteration, self._spec.training.iterations, **losses)

    def write_history(self) -> None:
        """Write history.csv as it is so far, and what TensorBoard shows."""
        self._tell(Tracker.flush)
        if self.history:  # stopped after the first row
            write_text(self._directory.history, self._history_text())

    def _history_text(self) -> str:
        columns = list(dict.fromkeys(name for row in self.history for name in row))
        if "factor_vae" in columns:  # scores last, losses before
            columns.remove("factor_vae")
            columns.append("factor_vae")
        frame = pd.DataFrame(self.history, columns=columns)
        return table_text(self._directory.history, frame, columns, may_be_empty=columns[1:])

    def write_config(self) -> None:
        """Write config.json; its folder is that of one description only, so it never changes."""
        path = self._directory.config
        text = json_text(self._spec.config)
        if path.exists() and path.read_bytes() != text.encode():
            self._say(f"{path} is damaged: it is written again")
        elif not path.exists() and self.iteration:
            self._say(f"{path} is missing: it is written again")
        write_text(path, text)

    def close(self, *, finished: bool) -> None:
        """Tell the trackers that no more comes, because training is finished or stops for now."""
        self._tell(Tracker.close, finished)


def running_means(model: Any) -> dict[str, Any]:
    """Return the variables in which losses are summed up until the next row of the history."""
    return {
        f"running_mean/{name}/{number}": variable
        for name, tracker in model.trackers.items()
        for number, variable in enumerate(tracker.variables)
    }


def _is_due(iteration: int, every: int) -> bool:
    return every > 0 and iteration % every == 0
