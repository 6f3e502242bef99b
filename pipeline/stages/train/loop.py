"""One model from its first iteration, or its last checkpoint, to its exported networks.

Runs in a worker process. Everything that decides the result is a function of the model's
description and the iteration; everything that the future depends on is in the checkpoint.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock
import keras
import numpy as np
import tensorflow as tf

from pipeline.datasets.interface import Dataset
from pipeline.execution import devices
from pipeline.execution.cluster import read_cluster
from pipeline.model_spec import ModelSpec
from pipeline.runs.directory import ModelDirectory
from pipeline.runs.manifests import write_manifest
from pipeline.stages.train.batches import BatchOrder, TripletOrder, batch_order
from pipeline.stages.train.checkpoints import checkpoint_files
from pipeline.stages.train.feeds import DeviceFeed, HostFeed
from pipeline.stages.train.iterations import fit
from pipeline.stages.train.joint import fit_together, wait_for_all
from pipeline.stages.train.labelled import labelled_part
from pipeline.stages.train.monitor import Monitor, TrainingDivergedError
from pipeline.stages.train.timings import keep_training


def train_model(
    spec: ModelSpec,
    directory: ModelDirectory,
    cache: Path,
    pretrained: Path | None = None,
    tracker: str | None = None,
    *,
    progress: Callable[..., None],
) -> dict[str, Any]:
    """Train one model to its end, or until the run is stopped.

    Args:
        spec: What to train.
        directory: Where; an unfinished training there goes on.
        cache: Folder of the data sets.
        pretrained: File of pre-trained weights that the model starts from.
        tracker: Who is told beside TensorBoard, see `trackers`.
        progress: Told (iteration, iterations, losses).

    Returns:
        {"status": "done" | "stopped" | "failed", "iteration": ..., "seconds": ..., "reason": ...}
    """
    directory.root.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(directory.lock, timeout=60):
        dataset = spec.dataset.open(cache)
        keras.config.set_dtype_policy(spec.training.precision)
        strategy = devices.strategy(spec.training.replicas)
        with strategy.scope():
            model = spec.method.build(
                dataset.image_shape, dataset.max_value, spec.seed, dataset.num_images
            )
        if spec.training.replicas > 1 and spec.training.synchronized_batch_norm:
            model.synchronize_batch_norm()
        if pretrained is not None:
            with np.load(pretrained, allow_pickle=False) as weights:
                model.load_pretrained(dict(weights))
        if spec.method.num_labelled:
            model.load_labelled(*labelled_part(spec.method, dataset, spec.seed))
        if spec.training.gradient_norms:
            with strategy.scope():
                model.watch_gradients()
        monitor = Monitor(model, spec, directory, dataset, progress, tracker)
        monitor.write_config()
        try:
            fit_segments(model, monitor, spec, dataset)
        except TrainingDivergedError as error:
            monitor.write_history()
            monitor.close(finished=False)
            write_manifest(
                directory.failure,
                spec.fingerprint,
                [path for path in _records(directory) if path.exists()],
                {"iteration": monitor.iteration, "reason": str(error)},
            )
            return _outcome("failed", monitor, str(error))
        keep_training(cache, spec, dataset.image_shape, monitor.watches)
        if monitor.iteration < spec.training.iterations:
            monitor.close(finished=False)
            return _outcome("stopped", monitor)
        _finish(model, monitor, spec, directory)
        if read_cluster().num_machines > 1:
            wait_for_all(strategy)
        return _outcome("done", monitor)


def fit_segments(model: Any, monitor: Monitor, spec: ModelSpec, dataset: Dataset) -> None:
    """Alternate what the host does at milestones with iterations from one to the next."""
    order = batch_order(spec.method, dataset, spec.training.batch_size, spec.seed)
    feed = (DeviceFeed if spec.training.images_on_device else HostFeed)(order, dataset)
    snapshots = {export.iteration: export for export in spec.exports[:-1]}
    ends = [*spec.method.milestones, spec.training.iterations]
    while monitor.iteration < spec.training.iterations:
        start = monitor.iteration
        if start in snapshots:
            monitor.take_snapshot(snapshots[start].name)
            if monitor.iteration > start:
                continue
        model.begin_segment(start)
        monitor.begin_segment()
        stop = min(end for end in ends if end > start)
        if read_cluster().num_machines > 1:
            fit_together(model, monitor, order, dataset, start, stop)
        elif spec.training.replicas == 1:
            fit(model, monitor, feed, start, stop, spec.training)
        else:  # an optimiser of replicas cannot be applied in a loop inside the graph
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


def _batches(
    order: BatchOrder | TripletOrder, dataset: Dataset, start: int, stop: int
) -> tf.data.Dataset:
    """Return the batches of the iterations from start to stop - 1."""

    def generate() -> Iterator[Any]:
        for indices in order.from_iteration(start, stop):
            yield order.batch(dataset, indices)

    first = order.batch(dataset, order.indices(start))
    signature = tf.nest.map_structure(tf.type_spec_from_value, first)
    return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(4)


def _records(directory: ModelDirectory) -> list[Path]:
    return [directory.history, directory.config, directory.configuration]


def _finish(model: Any, monitor: Monitor, spec: ModelSpec, directory: ModelDirectory) -> None:
    """Export the networks and declare the model finished.

    The last checkpoints stay: should an exported file be damaged later, it is written again from
    them without any training.
    """
    monitor.exporter.export(directory.export("final"))
    monitor.write_history()
    monitor.close(finished=True)
    outputs = [path for path in _records(directory) if path.exists()]
    for export in spec.exports:
        folder = directory.export(export.name)
        outputs += folder.files
        if folder.manifest != directory.manifest:
            outputs.append(folder.manifest)
    kept = checkpoint_files(directory.checkpoints)
    for pictures in (directory.pictures, directory.tensorboard):
        kept += [path for path in pictures.glob("*") if path.is_file()]
    write_manifest(
        directory.manifest,
        spec.fingerprint,
        outputs,
        {
            "model_id": spec.model_id,
            "data_fingerprint": spec.data_fingerprint,
            "iterations": spec.training.iterations,
            "train_seconds": monitor.saved_seconds,
            "parameters": model.count_params(),
        },
        kept=kept,
    )
    directory.failure.unlink(missing_ok=True)


def _outcome(status: str, monitor: Monitor, reason: str = "") -> dict[str, Any]:
    return {
        "status": status,
        "iteration": monitor.iteration,
        "seconds": monitor.seconds,
        "reason": reason,
    }
