"""The Ray executor on a local cluster of two machines, one of which is killed in the middle.

Needs the extra `ray`: pip install -e '.[test,ray]'; skipped without it.
"""

import os
import sys
import threading
import time

import pytest

from benchmarks.harness import SMALL_NETWORKS
from pipeline.cli import main
from pipeline.errors import ConfigurationError, StageError
from pipeline.progress import ProgressDisplay

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

from ray import cloudpickle  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

from pipeline.execution import ray_pool as ray_execution  # noqa: E402

# Two InfoGAN-CR models on Squares: 8 iterations, the contrastive phase from 4.
SMALL = [
    *SMALL_NETWORKS,
    "--gin", "gin/quickstart.gin", "--gin", "gin/parts/budgets/smoke.gin",
    "--set", "ITERATIONS = 8", "--set", "ALPHA_FROM = 4",
    "--set", "sweep.settings = {'only': {'LAMBDA': 0.5}}",
]  # fmt: skip
# A machine is found dead after about 3 seconds, not 30.
IMPATIENT = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}


@pytest.fixture
def cluster():
    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": IMPATIENT}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.machines = [cluster.add_node(num_cpus=1) for _ in range(2)]
    yield cluster
    cluster.shutdown()


def kill_a_machine(cluster, is_due):
    """Kill the first machine, its workers with it, as soon as `is_due()`."""

    def wait_and_kill():
        while not is_due():
            time.sleep(0.05)
        cluster.remove_node(cluster.machines[0], allow_graceful=False)

    thread = threading.Thread(target=wait_and_kill, daemon=True)
    thread.start()
    return thread


def count_slowly(folder, number, *, progress):
    (folder / f"{number} in {os.getpid()}").touch()
    for done in range(4):
        progress(done, 4)
        time.sleep(0.5)
    if number == 3:
        raise ValueError("three is refused")
    return 10 * number


def test_tasks_of_a_killed_machine_run_elsewhere(cluster, tmp_path):
    # The machines cannot import a test.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    pool = ray_execution.RayPool(cluster.address, 1, 1, (tmp_path,))
    try:
        assert pool.num_workers == 2
        killer = kill_a_machine(cluster, lambda: len(list(tmp_path.iterdir())) >= 2)
        tasks = [(f"task {number}", (tmp_path, number)) for number in range(4)]
        said = []
        found = dict(
            pool.run(
                count_slowly,
                tasks,
                ProgressDisplay("test"),
                lambda name, result: said.append(name) or "",
                new_process_each=True,
            )
        )
        killer.join()
        assert [found[f"task {number}"] for number in range(3)] == [0, 10, 20]
        assert isinstance(found["task 3"], ValueError)
        assert sorted(said) == [name for name, _ in tasks]
        starts = [path.name.split()[0] for path in tmp_path.iterdir()]
        assert len(starts) == 5, "one task was started twice, on another machine"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ray_execution, "write_text", lambda path, text: None)
            with pytest.raises(StageError, match=r"does not see .*that all machines share"):
                pool._check_machines()
    finally:
        pool.close()


def test_a_run_on_a_cluster_gives_the_bytes_of_a_local_one(cluster, tmp_path, cache):
    here, there = tmp_path / "here", tmp_path / "there"
    local = ["--workers", "1", "--stages", "data,train,metrics,select"]
    assert main([*SMALL, "--out", str(here), "--cache", str(cache), *local]) == 0
    killer = kill_a_machine(cluster, lambda: list(there.glob("models/*/checkpoints/*.npz")))
    ray = ["--executor", "ray", "--ray-address", cluster.address]
    assert main([*SMALL, "--out", str(there), "--cache", str(cache), *ray]) == 0
    killer.join()
    names = ["scores.csv", "cross_scores.csv", "selection.csv", "selection_summary.csv"]
    names += [str(path.relative_to(here)) for path in here.glob("models/*/history.csv")]
    assert len(names) == 6
    for name in names:
        assert (here / name).read_bytes() == (there / name).read_bytes(), name


def test_a_cluster_is_reached_from_inside(tmp_path):
    with pytest.raises(ConfigurationError, match="Received: --ray-address ray://there"):
        ray_execution.RayPool("ray://there", 1, 1, (tmp_path,))
