"""A tiny InfoGAN-CR on Squares with two replicas, in processes of their own.

On two virtual CPUs of one process, then as two machines on the loopback interface. A row of the
history every two iterations; before the fifth the gap changes and H starts afresh.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from pathlib import Path

from pipeline.execution import tensorflow_setup

tensorflow_setup.configure(replicas=2)
import numpy as np
import tensorflow as tf

from models import draws
from models.codes import joint_code as codes
from models.gans.infogan_cr import InfoGANCR
from models.networks.convolutional import ContrastiveNetwork, ConvDiscriminator
from models.networks.deconvolutional import DeconvGenerator
from models.optimizers.recipes import Adam
from models.trained_model import RunningMean
from pipeline.execution import devices
from pipeline.execution.cluster import read_cluster
from pipeline.datasets.squares import Squares
from pipeline.model_spec import ModelSpec, Training
from pipeline.runs.directory import RunDirectory
from pipeline.stages.train import joint, loop
from pipeline.stages.train.checkpoints import load_checkpoint

TRUNK = {"conv": (4,), "dense": (), "negative_slope": 0.2}
# A large epsilon: where a gradient vanishes, Adam would make its rounding as large as any.
adam = Adam(1e-3, 0.5, epsilon=1e-3)
method = InfoGANCR(
    codes=codes.JointCode((codes.UniformCodes(2), codes.UniformNoise(1))),
    generator=DeconvGenerator(
        dense=(), base_channels=4, deconv=(), dense_activation="relu",
        deconv_activation="relu", batch_norm=True, order="activation_norm",
    ),
    discriminator=ConvDiscriminator(**TRUNK, q_dense=(), norm="spectral"),
    contrastive=ContrastiveNetwork(
        conv=(4,), dense=(3,), negative_slope=0.2, norm="batch", order="activation_norm",
    ),
    generator_optimizer=adam, discriminator_optimizer=adam, cr_optimizer=adam,
    info_weight=0.1, cr_weight=1.0, gap=[(0, 1.0), (4, 0.5)], generator_steps=1,
)
folder = Path(sys.argv[1])
squares = Squares()
squares.prepare(folder)
data = squares.open(folder)


def train(name, replicas):
    training = Training(
        batch_size=8, iterations=6, threads=1, log_every=2, checkpoint_every=2,
        replicas=replicas, synchronized_batch_norm=True,
    )
    spec = ModelSpec("tiny", 0, method, training, squares, data.fingerprint)
    directory = RunDirectory(folder / name).model(spec.model_id)
    with joint.own_directory(directory) as own:
        outcome = loop.train_model(spec, own, folder, progress=lambda *_, **__: None)
    assert outcome["status"] == "done", outcome
    return directory


def finished(name):
    (checkpoints,) = (folder / name).glob("models/*/checkpoints")
    _, state, details = load_checkpoint(checkpoints, print)
    return state, details["history"]


def assert_like_one_replica(name):
    state, rows = finished(name)
    alone, rows_alone = finished("alone")
    assert state.keys() == alone.keys()
    for name in state:
        np.testing.assert_allclose(state[name], alone[name], rtol=1e-4, atol=1e-5, err_msg=name)
    for one, other in zip(rows, rows_alone, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_allclose(one[name], other[name], rtol=1e-4, err_msg=name)
"""

MIRRORED = """
directory = train("two", 2)
state, _ = finished("two")
history = directory.history.read_bytes()

# As if killed after the checkpoint of iteration 4.
for path in (directory.manifest, directory.history, *directory.checkpoints.glob("*-000000006-*")):
    path.unlink()
train("two", 2)
resumed, _ = finished("two")
assert state.keys() == resumed.keys()
for name in state:
    np.testing.assert_array_equal(state[name], resumed[name], err_msg=name)
assert history == directory.history.read_bytes()

# One replica sees the same images, codes, pairs and batch statistics.
train("alone", 1)
assert_like_one_replica("two")

# A running mean is the same on both replicas, and can be put back to the bit.
strategy = devices.strategy(2)
with strategy.scope():
    tracker = RunningMean(name="loss")
for value in (0.1, 0.7):
    strategy.run(tracker.update_state, args=(tf.constant(value),))
for variable in tracker.variables:
    before = variable.numpy()
    variable.assign(before)
    copies = [copy.numpy() for copy in strategy.experimental_local_results(variable.value)]
    np.testing.assert_array_equal(copies, [before, before])

# The rows of both replicas together are those of one.
seed = tf.constant([1, 2])
for draw in (
    lambda rows: draws.normal((rows, 3), seed),
    lambda rows: draws.uniform(tf.stack([rows, 2]), seed, -1.0, 1.0),
    lambda rows: draws.integers((rows,), seed, 0, 5),
):
    parts = strategy.experimental_local_results(strategy.run(draw, args=(4,)))
    np.testing.assert_array_equal(np.concatenate(parts), draw(8))
"""

JOINT = """
directory = train("joint", 2)
if read_cluster().is_chief:
    assert directory.manifest.exists()
    assert_like_one_replica("joint")
"""


def start(program, folder, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + program, str(folder)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def assert_succeeds(process):
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds what two replicas and one replica made, checked."""
    folder = tmp_path_factory.mktemp("replicas")
    assert_succeeds(start(MIRRORED, folder))
    return folder


@pytest.mark.slow
def test_two_replicas_equal_one_and_resume_to_the_bit(folder):
    assert list(folder.glob("two/models/*/manifest.json"))


@pytest.mark.slow
def test_two_machines_equal_one_and_the_chief_writes(folder):
    with contextlib.ExitStack() as stack:
        # Free when asked for; held open until both are known, so that they differ.
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    machines = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        machines.append(start(JOINT, folder, TF_CONFIG=config))
    for machine in machines:
        assert_succeeds(machine)
    models = list(folder.glob("joint/models/*"))
    assert len(models) == 1, "the second machine writes nothing"
