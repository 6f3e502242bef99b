"""Estimates of what training will cost on this machine, before anything is run."""

import time
from functools import cache

import numpy as np

from pipeline.model_spec import ModelSpec

# Training steps reach about this share of the rate at which one core multiplies large matrices in
# NumPy: measured with the published dSprites networks and with the quickstart's.
SHARE_OF_MATRIX_RATE = 0.8
# What an iteration costs beside them (dispatch, what is bound by memory, optimisers): .02 to .06 s,
# measured with small networks, where it is most of the time (quickstart, MNIST, Fashion-MNIST).
ITERATION_SECONDS = 0.04


def training_seconds(spec: ModelSpec, image_shape: tuple[int, int, int], remaining: int) -> float:
    """Return the estimated seconds of the last `remaining` iterations of a model, on one process.

    The multiply-adds of the method's iterations over this machine's measured rate: right within
    a factor of two or three on a CPU, an upper bound on a GPU.
    """
    method, training = spec.method, spec.training
    bounds = sorted({training.iterations - remaining, *method.milestones, training.iterations})
    total = 0
    for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
        if start >= training.iterations - remaining:
            total += (stop - start) * method.multiply_adds(image_shape, start)
    return process_seconds(total * training.batch_size, remaining, training.threads)


def process_seconds(multiply_adds: int, iterations: int, threads: int) -> float:
    """Return the estimated seconds of iterations with so many multiply-adds, on one process."""
    rate = matrix_rate() * max(1, threads) * SHARE_OF_MATRIX_RATE
    return multiply_adds / rate + iterations * ITERATION_SECONDS


@cache
def matrix_rate() -> float:
    """Return the multiply-adds a second of one core's matrix product, measured in about 0.1 s."""
    size, products = 512, 16
    matrix = np.random.default_rng(0).standard_normal((size, size), np.float32)
    matrix @ matrix
    # Processor time, so that neither other programs nor the number of threads count.
    started = time.process_time()
    for _ in range(products):
        matrix @ matrix
    return products * size**3 / max(time.process_time() - started, 1e-3)
