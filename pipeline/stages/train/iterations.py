"""Several iterations in one call of TensorFlow, so that Python has no part in each of them.

How many is no matter of the result: the graph of an iteration is the same, in a loop that ends
where a row of the history is due. As many run as take about half a second, so that a request to
stop is seen within that or an iteration.
"""

import concurrent.futures
import contextlib
import time
from typing import Any

import tensorflow as tf

from models import draws
from pipeline.stages.train.feeds import DeviceFeed, HostFeed

SECONDS_OF_AN_EXECUTION = 0.5
MAX_BYTES = 64 * 2**20  # of what is handed over for one execution
GROWTH = 4  # from one execution to the next, while it is not known how long they take


def fit(
    model: Any, monitor: Any, feed: HostFeed | DeviceFeed, start: int, stop: int, training: Any
) -> None:
    """Train from iteration `start` to `stop` - 1, or until the run is stopped.

    Args:
        model: Built, not distributed.
        monitor: Its `advance` is called after each execution.
        feed: Gives the batches.
        start: Iterations done.
        stop: Iterations to be done.
        training: Says when rows of the history are due, and the most iterations an execution.
    """
    # Kept where Keras keeps its own: a model that goes over to another iteration clears it.
    if model.train_function is None:
        model.train_function = make_execution(model, feed, training.xla)
    model.stop_training = False
    most = training.iterations_per_execution or max(1, MAX_BYTES // feed.bytes_per_iteration)

    def end_of(first: int, count: int) -> int:
        """Return where an execution ends that begins at `first`, after at most `count`."""
        next_row = first - first % training.log_every + training.log_every
        return min(first + min(count, most), next_row, stop)

    count, first, last = 1, start, end_of(start, 1)
    with concurrent.futures.ThreadPoolExecutor(1) as reader:
        reading = reader.submit(feed.rows, first, last)
        while first < stop and not model.stop_training:
            rows, following = reading.result(), end_of(last, count)
            if last < stop:
                reading = reader.submit(feed.rows, last, following)
            started = time.monotonic()
            model.train_function(rows).numpy()  # waits for the device
            seconds = (time.monotonic() - started) / (last - first)
            # The first execution also compiles, and says nothing.
            pace = SECONDS_OF_AN_EXECUTION / max(seconds, 1e-6)
            count = 1 if first == start else max(1, min(GROWTH * count, int(pace)))
            monitor.advance(last - first)
            first, last = last, following


def make_execution(model: Any, feed: HostFeed | DeviceFeed, xla: bool) -> Any:
    """Return a function of rows that makes as many iterations as there are rows.

    Keras itself would leave XLA out: it takes it for unable to repeat results to the bit.
    """

    def train_step(images: Any) -> Any:
        with draws.under_xla() if xla else contextlib.nullcontext():
            return model.train_step(images)

    step = tf.function(train_step, jit_compile=xla, autograph=False)

    @tf.function(input_signature=[feed.signature], autograph=False)
    def execution(rows: Any) -> Any:
        def iterate(number: Any) -> list[Any]:
            step(feed.batch(tf.nest.map_structure(lambda one: one[number], rows)))
            return [number + 1]

        num_rows = tf.shape(tf.nest.flatten(rows)[0])[0]
        tf.while_loop(lambda number: number < num_rows, iterate, [0], parallel_iterations=1)
        return model.iteration.value

    return execution
