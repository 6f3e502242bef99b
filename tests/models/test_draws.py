"""Draws that XLA leaves as they are."""

import numpy as np
import pytest
import tensorflow as tf

from models import draws

SEEDS = (tf.constant([3, -5]), draws.fold_in(tf.constant([3, 5]), tf.constant(7, tf.int64)))


def all_draws():
    return [
        draw
        for seed in SEEDS
        for draw in (
            draws.uniform((9, 7), seed, -1.0, 1.0),
            draws.uniform(tf.shape(tf.zeros((9, 7))), seed),
            draws.integers((63,), seed, 0, 5),
            draws.fold_in(seed, 3),
            draws.normal((9, 7), seed),  # an odd number of them
            draws.normal(tf.shape(tf.zeros((2, 3, 4))), seed),
        )
    ]


@pytest.mark.parametrize("xla", [False, True])
def test_the_form_for_xla_draws_the_same(xla):
    def step():
        with draws.under_xla():
            return all_draws()

    for number, (one, other) in enumerate(
        zip(all_draws(), tf.function(step, jit_compile=xla)(), strict=True)
    ):
        if number % 6 < 4:
            np.testing.assert_array_equal(one, other)
        else:  # logarithms and sines of several libraries
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=3e-6)
    assert len({round(float(tf.reduce_sum(draw)), 3) for draw in all_draws()[::6]}) == 2
