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
