"""Iterations of a model that several machines train together, see `pipeline.cluster`.

Keras' `fit` fails under MultiWorkerMirroredStrategy (keras issue 20585), so this loop runs the
train step itself. Each machine reads its share of the batch only. What the machines must agree on
(that they start from the same iteration, that one of them was told to stop) they exchange.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from pipeline import execution
from pipeline.batches import BatchOrder
from pipeline.errors import StageError


class JointTraining:
    """Trains a model, built in the scope of a MultiWorkerMirroredStrategy.

    Args:
        strategy: The strategy.
        model: The model; restored, where there was a checkpoint.
        order: Which images an iteration sees.
        dataset: The opened data set.
    """

    def __init__(self, strategy, model, order: BatchOrder, dataset):
        self._strategy = strategy
        self._model = model
        self._order = order
        self._dataset = dataset

    def fit(self, start: int, stop: int, monitor) -> None:
        """Train from iteration `start` to `stop` - 1, or until a machine is told to stop.

        Args:
            start: Iterations done.
            stop: Iterations to be done.
            monitor: Its `on_train_batch_end` is called after each iteration.

        Raises:
            StageError: If the machines do not start from the same iteration.
        """
        self._check_start(start)
        batches = iter(
            self._strategy.distribute_datasets_from_function(
                lambda context: self._shares(context, start, stop)
            )
        )
        # A function of this segment: the model's iteration changes with its milestones.
        step = tf.function(self._step)
        for iteration in range(start, stop):
            requests = step(next(batches), tf.constant(int(execution.stop_requested())))
            monitor.on_train_batch_end(iteration - start)
            if int(requests) > 0:
                return

    def wait_for_all(self) -> None:
        """Return when every machine is here: one that ends early would take the others down."""
        self._total(0)

    def _step(self, images, stop):
        """Run one iteration on every replica; return how many replicas are to stop."""

        def on_replica(images, stop):
            self._model.train_step(images)
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, stop)

        requests = self._strategy.run(on_replica, args=(images, stop))
        return self._strategy.experimental_local_results(requests)[0]

    def _total(self, number: int) -> int:
        """Return the sum of a number over all replicas."""

        @tf.function
        def total(value):
            def on_replica(value):
                context = tf.distribute.get_replica_context()
                return context.all_reduce(tf.distribute.ReduceOp.SUM, value)

            sums = self._strategy.run(on_replica, args=(value,))
            return self._strategy.experimental_local_results(sums)[0]

        return int(total(tf.constant(number, tf.int64)))

    def _check_start(self, start: int) -> None:
        num_replicas = self._strategy.num_replicas_in_sync
        # Equal sums of numbers and of squares: equal numbers.
        sums = self._total(start), self._total(start**2)
        if sums != (num_replicas * start, num_replicas * start**2):
            raise StageError(
                "The machines start from different checkpoints. Expected the run directory on a "
                "file system that all of them share, at the same path. Received: iteration "
                f"{start} here, {sums[0] / num_replicas:g} on average"
            )

    def _shares(self, context, start: int, stop: int) -> tf.data.Dataset:
        """Return the batches of this machine's replicas, in turn, of each iteration."""
        num_replicas = context.num_replicas_in_sync
        num_local = num_replicas // context.num_input_pipelines
        first = context.input_pipeline_id * num_local

        def generate() -> Iterator[np.ndarray]:
            for indices in self._order.from_iteration(start, stop):
                for share in np.split(indices, num_replicas)[first : first + num_local]:
                    yield self._dataset.train_images(share)

        share_size = len(self._order.indices(start)) // num_replicas
        signature = tf.TensorSpec((share_size, *self._dataset.image_shape), tf.uint8)
        return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(4)
