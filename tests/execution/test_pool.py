import os
import signal
import time

import pytest

from pipeline.errors import StageError
from pipeline.execution import contract, worker
from pipeline.execution.pool import TaskPool
from pipeline.progress import ProgressDisplay


def double(number, *, progress):
    progress(number, 10, what="doubling")
    if number == 3:
        raise ValueError("three is refused")
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == -1:  # dies with the lock of what it reports through
        worker._progress_queue._wlock.acquire()
        os.kill(os.getpid(), signal.SIGKILL)
    progress(1, 1)
    return 2 * number, os.getpid()


def results(pool, numbers, **options):
    tasks = [(f"task {number}", (number,)) for number in numbers]
    display = ProgressDisplay("test", len(tasks))
    return dict(pool.run(double, tasks, display, lambda *_: "", **options))


@pytest.fixture
def pool():
    pool = TaskPool(2, threads=1)
    yield pool
    pool.close()


def test_workers_stay_alive_between_runs_and_an_exception_stops_one_task(pool):
    found = results(pool, [1, 2, 3])
    assert found["task 1"][0] == 2 and found["task 2"][0] == 4
    assert isinstance(found["task 3"], ValueError)
    pids = {found["task 1"][1], found["task 2"][1]}
    again = results(pool, [5, 6, 7, 8])
    assert len(pids | {pid for _, pid in again.values()}) <= 2
    assert os.getpid() not in pids


def test_a_dead_worker_of_the_shared_pool_ends_the_run(pool):
    for number in (4, -1):
        with pytest.raises(StageError, match="A worker process died while it worked on"):
            results(pool, [1, number, 2, 6])
    # The next stage has workers again.
    assert results(pool, [1, 2])["task 2"][0] == 4


def test_a_dead_process_of_its_own_costs_one_task(pool):
    found = results(pool, [1, 4, -1, 2, 3], new_process_each=True)
    assert isinstance(found["task 4"], StageError) and isinstance(found["task -1"], StageError)
    assert isinstance(found["task 3"], ValueError)
    assert found["task 1"][1] != found["task 2"][1]


def test_a_run_that_its_consumer_leaves_does_not_stop_the_next(pool):
    tasks = [(f"task {number}", (number,)) for number in (1, 2)]
    running = pool.run(double, tasks, ProgressDisplay("test"), lambda *_: "")
    next(running)
    running.close()
    assert len(results(pool, [5, 6])) == 2
    assert not pool._stop.is_set()


def hang_from_2(number, *, progress):
    time.sleep(0 if number < 2 else 600)


def test_a_worker_that_does_not_stop_when_asked_is_ended(pool, monkeypatch):
    monkeypatch.setattr(contract, "SECONDS_TO_SAVE", 0.5)
    tasks = [(f"task {number}", (number,)) for number in (1, 2)]
    running = pool.run(
        hang_from_2, tasks, ProgressDisplay("test"), lambda *_: "", new_process_each=True
    )
    assert next(running) == ("task 1", None)
    started = time.monotonic()
    running.close()
    pool.close()
    assert time.monotonic() - started < 30


def keras_settings(*, progress):
    from pipeline.execution import tensorflow_setup

    tensorflow_setup.configure()
    import keras

    layer = keras.layers.Conv2D(2, 3)
    layer.build((None, 8, 8, 1))
    config = keras.config
    return (
        (config.backend(), config.floatx(), config.image_data_format(), config.epsilon()),
        (config.max_epochs(), config.max_steps_per_epoch()),
        (layer.kernel.dtype, layer.compute_dtype, layer.data_format),
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"floatx": "float16", "image_data_format": "channels_first", "epsilon": 0.1, '
        '"backend": "jax"}',
        '{"floatx": "half"}',
    ],
)
def test_what_a_user_sets_for_keras_elsewhere_changes_nothing(text, tmp_path, monkeypatch):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / ".keras"))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "1")
    monkeypatch.setenv("KERAS_MAX_STEPS_PER_EPOCH", "1")
    pool = TaskPool(1, threads=1)
    try:
        tasks = [("one", ())]
        ((_, found),) = pool.run(keras_settings, tasks, ProgressDisplay("test"), lambda *_: "")
    finally:
        pool.close()
    assert found == (
        ("tensorflow", "float32", "channels_last", 1e-7),
        (None, None),
        ("float32", "float32", "channels_last"),
    )
    assert (tmp_path / ".keras" / "keras.json").read_text() == text
