import json

import pytest

from pipeline.errors import ConfigurationError, StageError
from pipeline.execution import devices
from pipeline.execution.cluster import Cluster, read_cluster
from pipeline.experiment import load_experiment
from pipeline.recipes import fingerprint

QUICKSTART = ["gin/quickstart.gin"]


@pytest.mark.parametrize(
    ("gpus", "num_workers", "replicas", "expected"),
    [
        ((), 3, 1, [(), (), ()]),
        (("0",), 1, 1, [("0",)]),
        (("0", "1", "2", "3"), 4, 1, [("0",), ("1",), ("2",), ("3",)]),
        (("0", "1"), 3, 1, [("0",), ("1",), ("0",)]),
        (("0", "1", "2", "3", "4"), 2, 2, [("0", "1"), ("2", "3")]),
        (("4", "6"), 2, 4, [("4", "6"), ("4", "6")]),
    ],
)
def test_each_worker_has_gpus_of_its_own_while_there_are_enough(
    gpus, num_workers, replicas, expected
):
    assert devices.share_gpus(gpus, num_workers, replicas) == tuple(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0,2", ("0", "2")), ("", ()), ("-1", ()), ("1,-1,0", ("1",)), ("GPU-5b", ("GPU-5b",))],
)
def test_the_gpus_are_those_that_the_user_leaves_visible(monkeypatch, value, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert devices.visible_gpus() == expected


def test_the_driver_counts_the_gpus_and_each_model_gets_its_own(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "NVIDIA_DEVICES", tmp_path / "none")
    assert devices.visible_gpus() == ()
    for name in ("0000:01", "0000:02", "0000:03", "0000:04"):
        (tmp_path / "gpus" / name).mkdir(parents=True)
    monkeypatch.setattr(devices, "NVIDIA_DEVICES", tmp_path / "gpus")
    assert devices.visible_gpus() == ("0", "1", "2", "3")
    assert devices.default_workers(threads=2) == 4
    assert devices.default_workers(threads=2, replicas=2) == 2
    assert devices.default_workers(threads=2, replicas=8) == 1


def test_too_few_gpus_are_refused_and_none_are_replaced():
    devices.check_replicas(2, num_gpus=0)
    devices.check_replicas(2, num_gpus=4)
    with pytest.raises(StageError, match=r"training.replicas=4, 2 GPUs"):
        devices.check_replicas(4, num_gpus=2)


def test_replicas_share_the_batch_evenly_and_change_the_model():
    with pytest.raises(ConfigurationError, match=r"multiple of replicas=3.*batch_size=32"):
        load_experiment(QUICKSTART, ["training.replicas = 3"])
    one, two = (load_experiment(QUICKSTART, [f"training.replicas = {number}"]) for number in (1, 2))
    plain = load_experiment(QUICKSTART)
    assert (plain.replicas, two.replicas) == (1, 2)
    prints = [fingerprint(each.settings[0].training) for each in (plain, one, two)]
    assert prints[0] == prints[1] != prints[2]


def config(cluster, task):
    return json.dumps({"cluster": cluster, "task": task})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Cluster()),
        (config({"worker": ["a:1"]}, {"type": "worker", "index": 0}), Cluster()),
        (config({"worker": ["a:1", "b:1"]}, {"type": "worker", "index": 1}), Cluster(2, 1)),
        (
            config({"chief": ["a:1"], "worker": ["b:1"]}, {"type": "worker", "index": 0}),
            Cluster(2, 1),
        ),
        (
            config({"chief": ["a:1"], "worker": ["b:1"]}, {"type": "chief", "index": 0}),
            Cluster(2, 0),
        ),
    ],
)
def test_tf_config_says_which_machine_this_is(monkeypatch, text, expected):
    monkeypatch.setenv("TF_CONFIG", text)
    assert read_cluster() == expected
    assert read_cluster().is_chief == (expected.index == 0)


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        config({"worker": ["a:1", "b:1"]}, {"type": "worker", "index": 2}),
        config({"worker": ["a:1"], "ps": ["b:1"]}, {"type": "worker", "index": 0}),
    ],
)
def test_a_tf_config_that_is_not_understood_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigurationError, match=r"Expected .*Received: TF_CONFIG"):
        read_cluster()


def test_without_gpus_cores_are_shared_out(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda _: set(range(8)))
    assert [devices.default_workers(threads) for threads in (1, 3, 16, 0)] == [8, 2, 1, 1]
