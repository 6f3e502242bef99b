"""A worker keeps the memory that an iteration frees for the next one."""

import resource
import statistics

import pytest

from pipeline.execution import tensorflow_setup
from pipeline.execution.pool import TaskPool
from pipeline.execution.worker import KEPT_MEMORY, worker_environment
from pipeline.experiment import load_experiment
from pipeline.progress import ProgressDisplay

WARM_UP, TIMED = 10, 20


def page_faults(method, image_shape, *, progress):
    """Return the page faults of each of some iterations of a model."""
    tensorflow_setup.configure()
    import tensorflow as tf

    model = method.build(image_shape, 1, seed=0)
    images = tf.zeros((64, *image_shape), tf.uint8)
    iteration = tf.function(model.train_step, jit_compile=False)
    counts = []
    for _ in range(WARM_UP + TIMED + 1):
        iteration(images)
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    faults = [after - before for before, after in zip(counts[:-1], counts[1:], strict=True)]
    return faults[WARM_UP:]


@pytest.fixture
def pool():
    pool = TaskPool(1, threads=1)
    yield pool
    pool.close()


def test_iterations_in_a_worker_ask_the_kernel_for_no_memory(pool, monkeypatch):
    # With oneDNN TensorFlow pools large tensors itself; by default it is used on some processors.
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    for name in KEPT_MEMORY:
        monkeypatch.delenv(name, raising=False)
    experiment = load_experiment(["gin/quickstart.gin", "gin/parts/budgets/smoke.gin"])
    tasks = [("measurement", (experiment.settings[0].method, (16, 16, 3)))]
    display = ProgressDisplay("test", 1)
    ((_, faults),) = pool.run(page_faults, tasks, display, lambda *_: "", new_process_each=True)
    assert statistics.median(faults) < 1000, faults  # 12,000 with glibc's own limits


def test_the_user_s_environment_wins(monkeypatch):
    for name in KEPT_MEMORY:
        monkeypatch.delenv(name, raising=False)
    assert worker_environment(1).items() >= KEPT_MEMORY.items()
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    expected = {**KEPT_MEMORY, "MALLOC_ARENA_MAX": "8"}
    assert worker_environment(1).items() >= expected.items()
