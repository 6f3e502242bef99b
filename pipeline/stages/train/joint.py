"""Iterations of a model that several machines train together, see `pipeline.execution.cluster`.

Keras' `fit` fails under MultiWorkerMirroredStrategy (keras issue 20585), so this loop runs the
train step itself. Each machine reads its share of the batch only. What the machines must agree on
(that they start from the same iteration, that one of them was told to stop) they exchange.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.datasets.interface import Dataset
from pipeline.errors import StageError
from pipeline.execution import worker
from pipeline.execution.cluster import read_cluster
from pipeline.runs.directory import ModelDirectory
from pipeline.stages.train.batches import BatchOrder
from pipeline.stages.train.triplets import TripletOrder


@contextlib.contextmanager
def own_directory(directory: ModelDirectory) -> Iterator[ModelDirectory]:
    """Give the folder in which this machine trains: the model's own, or a copy that is dropped.

    So every machine does the same, and only the chief's files are kept. To be called before the
    strategy is made, at which the machines wait for each other: afterwards the chief writes.
    """
    if read_cluster().is_chief:
        yield directory
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = ModelDirectory(Path(folder) / directory.root.name)
        if directory.root.exists():
            shutil.copytree(directory.root, copy.root)
        yield copy


def fit_together(
    model: Any,
    monitor: Any,
    order: BatchOrder | TripletOrder,
    dataset: Dataset,
    start: int,
    stop: int,
) -> None:
    """Train from iteration `start` to `stop` - 1, or until one of the machines is told to stop.

    Args:
        model: Built in the scope of a MultiWorkerMirroredStrategy.
        monitor: Its `on_train_batch_end` is called after each iteration.
        order: Which images an iteration sees.
        dataset: The opened data set.
        start: Iterations done.
        stop: Iterations to be done.

    Raises:
        StageError: If the machines do not start from the same iteration.
    """
    strategy = model.distribute_strategy
    _check_start(strategy, start)

    # Kept where Keras keeps its own: a model that goes over to another iteration clears it.
    if model.train_function is None:
        model.train_function = _step_function(model)
    batches = strategy.distribute_datasets_from_function(
        lambda context: _shares(context, order, dataset, start, stop)
    )
    for number, images in enumerate(batches):
        requests = model.train_function(images, tf.constant(int(worker.stop_requested())))
        monitor.on_train_batch_end(number)
        if int(requests) > 0:
            return


def _step_function(model: Any):
    """Return an iteration of all replicas, which tells how many of them are asked to stop."""
    strategy = model.distribute_strategy

    def on_replica(images: Any, is_stopping: Any):
        model.train_step(images)
        return _sum_over_replicas(is_stopping)

    @tf.function(autograph=False)
    def step(images: Any, is_stopping: Any):
        requests = strategy.run(on_replica, args=(images, is_stopping))
        return strategy.experimental_local_results(requests)[0]

    return step


def wait_for_all(strategy: Any) -> None:
    """Return when every machine is here: one that ended early would take the others down."""
    _total(strategy, 0)


def _shares(
    context: Any, order: BatchOrder | TripletOrder, dataset: Dataset, start: int, stop: int
) -> tf.data.Dataset:
    """Return the shares of this machine's replicas, in turn, of each iteration's batch."""
    num_replicas = context.num_replicas_in_sync
    num_local = num_replicas // context.num_input_pipelines
    first = context.input_pipeline_id * num_local

    def generate() -> Iterator:
        for indices in order.from_iteration(start, stop):
            for share in np.split(indices, num_replicas)[first : first + num_local]:
                yield order.batch(dataset, share)

    first_share = np.split(order.indices(start), num_replicas)[0]
    signature = tf.nest.map_structure(tf.type_spec_from_value, order.batch(dataset, first_share))
    return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(4)


def _check_start(strategy: Any, start: int) -> None:
    replicas = strategy.num_replicas_in_sync
    # Equal sums of numbers and of squares: equal numbers.
    sums = _total(strategy, start), _total(strategy, start**2)
    if sums != (replicas * start, replicas * start**2):
        raise StageError(
            "The machines start from different checkpoints. Expected the run directory on a file "
            f"system that all of them share, at the same path. Received: iteration {start} here, "
            f"{sums[0] / replicas:g} on average"
        )


def _total(strategy: Any, number: int) -> int:
    """Return the sum of a number over all replicas."""

    @tf.function(autograph=False)
    def total(value: Any):
        sums = strategy.run(_sum_over_replicas, args=(value,))
        return strategy.experimental_local_results(sums)[0]

    return int(total(tf.constant(number, tf.int64)))


def _sum_over_replicas(value: Any):
    context = tf.distribute.get_replica_context()
    # A copy, since an argument of a function is on no device.
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(value))
