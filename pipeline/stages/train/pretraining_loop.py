"""Pre-training of an encoder from its first iteration, or its last checkpoint, to its weights.

Runs in a worker process; like a model's training it is a function of the description alone, however
often it was interrupted.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd
import tensorflow as tf

from models.base import Method
from models.gans.codegan_model import pretrained_variables
from models.gans.simclr_model import SimCLRModel
from pipeline.datasets.interface import DatasetRecipe
from pipeline.execution import worker
from pipeline.runs.directory import PretrainedDirectory
from pipeline.runs.files import atomic_path
from pipeline.runs.manifests import write_manifest
from pipeline.runs.tables import write_table
from pipeline.stages.train.batches import pretraining_order
from pipeline.stages.train.checkpoints import checkpoint_files, load_checkpoint, save_checkpoint
from pipeline.stages.train.monitor import TrainingDivergedError, running_means
from pipeline.stages.train.timings import Stopwatch, keep_pretraining

SECONDS_BETWEEN_CHECKPOINTS = 60.0


def pretrain(
    method: Method,
    dataset_recipe: DatasetRecipe,
    cache: Path,
    folder: PretrainedDirectory,
    fingerprint: str,
    *,
    progress: Callable[..., None],
) -> dict[str, Any]:
    """Train a class encoder on real images to its end, or until the run is stopped.

    Args:
        method: A recipe with `pretraining`.
        dataset_recipe: Of the real images.
        cache: Folder of the data sets.
        folder: Where; an unfinished training there goes on.
        fingerprint: Declared by the manifest.
        progress: Told (iteration, iterations, losses).

    Returns:
        {"status": "done" | "stopped", "iteration": ..., "seconds": ...}

    Raises:
        TrainingDivergedError: The loss is no longer a finite number.
    """
    options = method.pretraining
    if options is None:
        raise ValueError(f"{method.name} has no pre-training. Expected a method with one")
    folder.root.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.lock, timeout=60):
        dataset = dataset_recipe.open(cache)
        model = SimCLRModel(method, dataset.image_shape, dataset.max_value)
        run = _Run(model, folder)
        order = pretraining_order(options, dataset.num_images)
        step = tf.function(model.train_step, jit_compile=False)
        watch = Stopwatch()
        while run.iteration < options.iterations:
            step(tf.constant(dataset.train_images(order.indices(run.iteration))))
            run.iteration += 1
            watch.tick(run.iteration, time.monotonic())
            is_last = run.iteration == options.iterations
            if run.iteration % options.log_every == 0 or is_last:
                losses = run.log()
                progress(run.iteration, options.iterations, **losses)
            if worker.stop_requested() and not is_last:
                run.save()
                return {"status": "stopped", **run.outcome}
        run.save()
        keep_pretraining(cache, method, dataset.image_shape, watch)
        weights = {name: v.numpy() for name, v in pretrained_variables(model.encoder).items()}
        with atomic_path(folder.weights) as temporary:
            np.savez(temporary, **weights)
        columns = ["iteration", "contrastive_loss"]
        write_table(folder.history, pd.DataFrame(run.history, columns=columns), columns)
        kept = checkpoint_files(folder.checkpoints)
        write_manifest(folder.manifest, fingerprint, [folder.weights, folder.history], kept=kept)
        return {"status": "done", **run.outcome}


class _Run:
    """Iterations done, history and checkpoints of one pre-training."""

    def __init__(self, model: SimCLRModel, folder: PretrainedDirectory):
        self._model = model
        self._folder = folder
        self.iteration = 0
        self.history: list[dict[str, float]] = []
        self._seconds_before = 0.0
        self._started = self._saved = time.monotonic()
        say = lambda message: print(message, file=sys.stderr, flush=True)  # noqa: E731
        found = load_checkpoint(folder.checkpoints, say)
        if found is not None:
            self.iteration, state, details = found
            for name, variable in running_means(model).items():
                variable.assign(state.pop(name))
            model.load_state(state)
            self.history = details["history"]
            self._seconds_before = details["seconds"]

    @property
    def outcome(self) -> dict[str, Any]:
        """Where it stands."""
        seconds = self._seconds_before + time.monotonic() - self._started
        return {"iteration": self.iteration, "seconds": seconds}

    def log(self) -> dict[str, float]:
        """Take the mean loss since the last row into the history; save every minute or so."""
        losses = {name: float(value) for name, value in self._model.get_metrics_result().items()}
        if not all(np.isfinite(value) for value in losses.values()):
            raise TrainingDivergedError(f"the loss is not finite at iteration {self.iteration}")
        self._model.reset_metrics()
        self.history.append({"iteration": self.iteration, **losses})
        if time.monotonic() - self._saved > SECONDS_BETWEEN_CHECKPOINTS:
            self.save()
        return losses

    def save(self) -> None:
        """Write a checkpoint."""
        variables = {**self._model.state, **running_means(self._model)}
        state = {name: variable.numpy() for name, variable in variables.items()}
        details = {"history": self.history, "seconds": self.outcome["seconds"]}
        save_checkpoint(self._folder.checkpoints, self.iteration, state, details)
        self._saved = time.monotonic()
