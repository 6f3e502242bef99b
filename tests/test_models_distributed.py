"""Two replicas on two virtual CPUs, in a process of their own."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import numpy as np
import tensorflow as tf

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
tf.config.threading.set_intra_op_parallelism_threads(1)
import keras

from models import architectures, codes, methods, optimizers

TRUNK = {"conv": (4,), "dense": (), "negative_slope": 0.2}
adam = optimizers.Adam(1e-2, 0.5)
joint = codes.JointCode((codes.UniformCodes(2), codes.UniformNoise(1)))
recipe = methods.InfoGANCR(
    codes=joint,
    generator=architectures.DeconvGenerator(
        dense=(), base_channels=4, deconv=(), dense_activation="relu",
        deconv_activation="relu", batch_norm=True, order="norm_activation",
    ),
    discriminator=architectures.ConvDiscriminator(**TRUNK, q_dense=(), norm="spectral"),
    contrastive=architectures.ContrastiveNetwork(**TRUNK, norm="spectral"),
    generator_optimizer=adam, discriminator_optimizer=adam, cr_optimizer=adam,
    info_weight=0.1, cr_weight=1.0, gap=[(0, 1.0), (2, 0.5)], generator_steps=2,
)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    model = recipe.build((4, 4, 1), 1, 0)
images = np.random.default_rng(0).integers(0, 2, (8, 4, 4, 1), dtype=np.uint8)
data = tf.data.Dataset.from_tensors(images).repeat()

states = []
for iteration in (0, 2):  # at 2 the gap changes and H starts afresh on both replicas
    model.begin_segment(iteration)
    history = model.fit(data, steps_per_epoch=2, verbose=0).history
    assert all(np.isfinite(value).all() for value in history.values()), history
    states.append({name: one.numpy().copy() for name, one in model.state.items()})
assert int(model.iteration.numpy()) == 4

for name, variable in model.state.items():
    copies = [copy.numpy() for copy in strategy.experimental_local_results(variable.value)]
    if "moving" not in name:  # batch-norm statistics are per replica
        np.testing.assert_array_equal(copies[0], copies[-1], err_msg=name)

model.load_state(states[0])
model.begin_segment(2)
model.fit(data, steps_per_epoch=2, verbose=0)
for name, variable in model.state.items():
    if "moving" not in name:
        np.testing.assert_array_equal(variable.numpy(), states[1][name], err_msg=name)

seeds = strategy.run(lambda: model.stream_seed("codes"))
first, second = (one.numpy() for one in strategy.experimental_local_results(seeds))
assert not np.array_equal(first, second), "replicas draw the same codes"

with strategy.scope():
    variable = model.players["generator"][0]
    model.players["generator"] = [variable]
    model.player_optimizers["generator"] = keras.optimizers.SGD(1.0)
    model.player_optimizers["generator"].build([variable])

@tf.function
def step():
    def one_replica():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(variable)
        model.minimize("generator", tape, loss)
    strategy.run(one_replica)

before = variable.numpy().copy()
step()
np.testing.assert_allclose(before - variable.numpy(), 1.0, rtol=1e-4)  # once, not twice
print("done")
"""


def test_two_replicas_train_resume_and_average():
    root = Path(__file__).resolve().parent.parent
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=root, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip().endswith("done")
