"""Stateless draws for the rows of a batch, the same however many replicas share the batch.

Under tf.distribute each replica has a contiguous share of the batch. It draws for the whole batch
and keeps its own rows, so that the rows of all replicas together are those that one replica would
draw. What is thrown away costs next to nothing beside a pass through a network.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

ALGORITHM = "philox"


def normal(shape: tuple | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return standard normal draws.

    Args:
        shape: of this replica's rows, a tuple or an integer tensor [rank].
        seed: an integer tensor [2], the same on every replica.
    """
    return _own_rows(shape, lambda whole: tf.random.stateless_normal(whole, seed, alg=ALGORITHM))


def uniform(
    shape: tuple | tf.Tensor, seed: tf.Tensor, low: float = 0.0, high: float = 1.0
) -> tf.Tensor:
    """Return draws uniform on [low, high); other arguments as above."""
    return _own_rows(
        shape, lambda whole: tf.random.stateless_uniform(whole, seed, low, high, alg=ALGORITHM)
    )


def integers(shape: tuple | tf.Tensor, seed: tf.Tensor, low: int, high: int) -> tf.Tensor:
    """Return int32 draws from low, ..., high - 1; other arguments as above."""
    return _own_rows(
        shape,
        lambda whole: tf.random.stateless_uniform(
            whole, seed, low, high, dtype=tf.int32, alg=ALGORITHM
        ),
    )


def distinct_integers(count: int, num_rows: int, seed: tf.Tensor) -> tf.Tensor:
    """Return int32 [num_rows] draws from 0, ..., count - 1, no two alike, over all replicas."""

    def draw(whole: tf.Tensor) -> tf.Tensor:
        order = tf.random.stateless_uniform((count,), seed, alg=ALGORITHM)
        return tf.math.top_k(order, whole[0]).indices

    return _own_rows((num_rows,), draw)


def fold_in(seed: tf.Tensor, data: int | tf.Tensor) -> tf.Tensor:
    """Return a new seed, a function of `seed` and the integer `data`."""
    return tf.random.fold_in(seed, data, alg=ALGORITHM)


def _own_rows(shape: Any, draw: Callable) -> tf.Tensor:
    """Return this replica's rows of what `draw` makes of the whole batch's shape."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(shape)
    num_rows, *others = tf.unstack(shape) if tf.is_tensor(shape) else shape
    whole = draw(tf.stack([num_rows * context.num_replicas_in_sync, *others]))
    start = num_rows * context.replica_id_in_sync_group
    return whole[start : start + num_rows]
