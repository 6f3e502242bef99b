"""Two replicas on two virtual CPUs, in a process of their own: a tiny InfoGAN-CR on Squares.

A row of the history every two iterations; before the fifth the gap changes and H starts afresh.
"""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

PROGRAM = """
import sys
from pathlib import Path

from pipeline import execution

execution.configure_tensorflow(replicas=2)
import numpy as np
import tensorflow as tf

from models import architectures, codes, draws, methods, optimizers
from pipeline import devices, training_loop
from pipeline.checkpoints import load_checkpoint
from pipeline.datasets.squares import Squares
from pipeline.model_spec import ModelSpec, Training
from pipeline.run_directory import RunDirectory

TRUNK = {"conv": (4,), "dense": (), "negative_slope": 0.2}
adam = optimizers.Adam(1e-3, 0.5)
method = methods.InfoGANCR(
    codes=codes.JointCode((codes.UniformCodes(2), codes.UniformNoise(1))),
    generator=architectures.DeconvGenerator(
        dense=(), base_channels=4, deconv=(4,), dense_activation="relu",
        deconv_activation="relu", batch_norm=True, order="activation_norm",
    ),
    discriminator=architectures.ConvDiscriminator(**TRUNK, q_dense=(), norm="spectral"),
    contrastive=architectures.ContrastiveNetwork(**TRUNK, norm="spectral"),
    generator_optimizer=adam, discriminator_optimizer=adam, cr_optimizer=adam,
    info_weight=0.1, cr_weight=1.0, gap=[(0, 1.0), (4, 0.5)], generator_steps=1,
)
folder = Path(sys.argv[1])
squares = Squares()
squares.prepare(folder)
data = squares.open(folder)


def train(name, replicas, stop_at=None):
    training = Training(
        batch_size=8, iterations=6, threads=1, log_every=2, checkpoint_every=2,
        replicas=replicas, synchronized_batch_norm=True,
    )
    spec = ModelSpec("tiny", 0, method, training, squares, data.fingerprint)
    directory = RunDirectory(folder / name).model(spec.model_id)
    calls = iter(range(1, 7))
    execution.stop_requested = lambda: next(calls) == stop_at
    outcome = training_loop.train_model(spec, directory, folder, lambda *_, **__: None)
    assert outcome["status"] == ("done" if stop_at is None else "stopped"), outcome
    _, state, details = load_checkpoint(directory.checkpoints, print)
    return state, directory.history.read_bytes(), details["history"]


# Interrupted between two rows of the history.
state, history, rows = train("whole", 2)
train("parts", 2, stop_at=3)
resumed, history_again, _ = train("parts", 2)
assert state.keys() == resumed.keys()
for name in state:
    np.testing.assert_array_equal(state[name], resumed[name], err_msg=name)
assert history == history_again

# One replica sees the same images, codes, pairs and batch statistics.
alone, _, rows_alone = train("alone", 1)
for name in state:
    np.testing.assert_allclose(state[name], alone[name], rtol=1e-4, atol=1e-5, err_msg=name)
for one, other in zip(rows, rows_alone, strict=True):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-4, err_msg=name)

# The rows of both replicas together are those of one.
seed = tf.constant([1, 2])
strategy = devices.strategy(2)
for draw in (
    lambda rows: draws.normal((rows, 3), seed),
    lambda rows: draws.uniform(tf.stack([rows, 2]), seed, -1.0, 1.0),
    lambda rows: draws.integers((rows,), seed, 0, 5),
):
    parts = strategy.experimental_local_results(strategy.run(draw, args=(4,)))
    np.testing.assert_array_equal(np.concatenate(parts), draw(8))
print("done")
"""


def test_two_replicas_equal_one_and_resume_to_the_bit(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip().endswith("done")
