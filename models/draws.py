"""Stateless draws for the rows of a batch, the same however many replicas share the batch.

Under tf.distribute each replica has a contiguous share of the batch. It draws for the whole batch
and keeps its own rows, so that the rows of all replicas together are those that one replica would
draw. What is thrown away costs next to nothing beside a pass through a network.

XLA makes other floating-point numbers of random bits than TensorFlow's kernels do, but the same
bits, integers and seeds. Inside `under_xla()` draws are therefore made of bits in the kernels' way:
uniform ones are the same to the bit, normal ones to rounding.
"""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

ALGORITHM = "philox"
MANTISSA = 0x7FFFFF  # the 23 bits of a draw that the kernels use
ONE = 0x3F800000  # the bits of 1.0: with a mantissa a number from 1 to 2
SMALLEST = 1e-7  # draw that the kernels take a logarithm of
_is_under_xla = contextvars.ContextVar("is_under_xla", default=False)


@contextlib.contextmanager
def under_xla() -> Iterator[None]:
    """Make draws in a form that XLA leaves as it is; to be entered where a step is traced."""
    token = _is_under_xla.set(True)
    try:
        yield
    finally:
        _is_under_xla.reset(token)


def normal(shape: tuple | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return standard normal draws.

    Args:
        shape: of this replica's rows, a tuple or an integer tensor [rank].
        seed: an integer tensor [2], the same on every replica.
    """

    def draw(whole: Any) -> tf.Tensor:
        if not _is_under_xla.get():
            return tf.random.stateless_normal(whole, seed, alg=ALGORITHM)
        # Two draws of a uniform pair: Box and Muller 1958.
        size = tf.reduce_prod(whole)
        pairs = _from_bits([(size + 1) // 2, 2], seed)
        radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(pairs[:, 0], SMALLEST)))
        angle = 2.0 * math.pi * pairs[:, 1]
        both = tf.stack([radius * tf.sin(angle), radius * tf.cos(angle)], axis=1)
        return tf.reshape(tf.reshape(both, [-1])[:size], whole)

    return _own_rows(shape, draw)


def uniform(
    shape: tuple | tf.Tensor, seed: tf.Tensor, low: float = 0.0, high: float = 1.0
) -> tf.Tensor:
    """Return draws uniform on [low, high); other arguments as above."""

    def draw(whole: Any) -> tf.Tensor:
        if not _is_under_xla.get():
            return tf.random.stateless_uniform(whole, seed, low, high, alg=ALGORITHM)
        return _from_bits(whole, seed) * (high - low) + low

    return _own_rows(shape, draw)


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


def _from_bits(shape: Any, seed: tf.Tensor) -> tf.Tensor:
    """Return draws uniform on [0, 1) of random bits, float32."""
    bits = tf.random.stateless_uniform(shape, seed, None, None, tf.uint32, alg=ALGORITHM)
    mantissa = tf.bitwise.bitwise_and(bits, MANTISSA)
    return tf.bitcast(tf.bitwise.bitwise_or(mantissa, ONE), tf.float32) - 1.0


def _own_rows(shape: Any, draw: Callable) -> tf.Tensor:
    """Return this replica's rows of what `draw` makes of the whole batch's shape."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(shape)
    num_rows, *others = tf.unstack(shape) if tf.is_tensor(shape) else shape
    whole = draw(tf.stack([num_rows * context.num_replicas_in_sync, *others]))
    start = num_rows * context.replica_id_in_sync_group
    return whole[start : start + num_rows]
