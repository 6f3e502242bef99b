"""What a study costs: `python -m benchmarks.scaling [--measure] [--seconds-per-iteration A B]`.

With `--measure`, the parts that grow with images, pixels and models are timed on one thread of this
machine, in processor seconds: the train step against pixels and batch, networks at work, one cell
of the score matrix. Without it only
the arithmetic runs: 1,000 models of the published dSprites experiment on 8 and on 64 devices, as a
simulated schedule of their tasks, each taken by the next free device.
"""

import argparse
import dataclasses
import heapq
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.surroundings import become_worker
from metrics.disentanglement.voting import resampled_scores, score_votes
from pipeline.execution import tensorflow_setup
from pipeline.experiment import load_experiment

EXPERIMENT = ["gin/dsprites.gin"]
NUM_CODES, NUM_GROUPS, NUM_RESAMPLES = 5, 500, 200
SPREAD = 0.05  # standard deviation of a task's time over its mean, assumed


def train_step_seconds(size: int, batch: int, is_regularised: bool, steps: int = 4) -> float:
    """Return the median seconds of an iteration of the published dSprites networks."""
    import tensorflow as tf

    recipe = load_experiment(EXPERIMENT).settings[0].method
    recipe = dataclasses.replace(recipe, cr_weight=float(is_regularised))
    model = recipe.build((size, size, 1), 1, 0)
    model.begin_segment(0)
    step = tf.function(model.train_step)
    images = tf.zeros((batch, size, size, 1), tf.uint8)
    step(images)  # compiles
    return _median_seconds(lambda: step(images)["generator_loss"].numpy(), steps)


def network_seconds(size: int) -> tuple[float, float, float]:
    """Return seconds an image through G, through the encoder, and seconds to load a network."""
    from pipeline.inference.encoding import as_function, in_batches, load_network

    recipe = load_experiment(EXPERIMENT).settings[0].method
    exports = recipe.build((size, size, 1), 1, 0).exports()
    latents = np.zeros((1024, recipe.codes.latent_dim), np.float32)
    images = np.zeros((1024, size, size, 1), np.float32)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for name, inputs in (("generator", latents), ("encoder", images)):
            path = Path(folder) / f"{name}.keras"
            exports[name].save(path)
            started = time.process_time()
            function = in_batches(as_function(load_network(path)))
            function(inputs[:1])
            loading = time.process_time() - started
            seconds.append(_median_seconds(lambda: function(inputs), 3) / len(inputs))  # noqa: B023
    return *seconds, loading


def cell_seconds() -> tuple[float, float]:
    """Return the parent's seconds a cell of the score matrix: its score, its bootstrap."""
    rng = np.random.default_rng(0)
    votes = rng.integers(0, NUM_CODES, NUM_GROUPS)
    fixed = np.arange(NUM_GROUPS) % NUM_CODES
    weights = rng.multinomial(NUM_GROUPS, np.full(NUM_GROUPS, 1 / NUM_GROUPS), NUM_RESAMPLES)
    score = _median_seconds(lambda: score_votes(votes, fixed, NUM_CODES), 50)
    return score, _median_seconds(lambda: resampled_scores(votes, fixed, NUM_CODES, weights), 50)


def _median_seconds(function, repeats: int) -> float:
    durations = []
    for _ in range(repeats):
        started = time.process_time()
        function()
        durations.append(time.process_time() - started)
    return float(np.median(durations))


def makespan(durations: Sequence[float], num_workers: int) -> float:
    """Return when the last task ends if each free worker takes the next task."""
    free_at = [0.0] * num_workers
    for duration in durations:
        heapq.heapreplace(free_at, free_at[0] + duration)
    return max(free_at)


def measure() -> None:
    """Print what this machine needs."""
    tensorflow_setup.configure()
    for size, batch, phases in ((32, 64, 1), (64, 16, 1), (64, 64, 2), (64, 256, 1), (128, 64, 1)):
        for is_regularised in (False, True)[:phases]:
            seconds = train_step_seconds(size, batch, is_regularised)
            phase = "CR" if is_regularised else "InfoGAN"
            print(f"{phase} iteration, {size}x{size}, batch {batch}: {seconds:.3f} s", flush=True)
    for size in (32, 64, 128):
        generate, encode, load = network_seconds(size)
        print(
            f"{size}x{size}: {1 / generate:,.0f} images/s generated, {1 / encode:,.0f} encoded, "
            f"an encoder loaded in {load:.2f} s",
            flush=True,
        )
    score, bootstrap = cell_seconds()
    print(f"a cell in the parent: score {score * 1e3:.3f} ms, bootstrap {bootstrap * 1e3:.3f} ms")


def study(options: argparse.Namespace) -> None:
    """Print the simulated schedule of the study."""
    experiment = load_experiment(EXPERIMENT)
    training, selection = experiment.settings[0].training, experiment.selection
    (start,) = experiment.settings[0].method.snapshots
    before, after = options.seconds_per_iteration
    model = start * before + (training.iterations - start) * after
    images = selection.num_std_samples + selection.num_groups * selection.group_size
    cell = images / options.images_per_second
    column = options.models * (cell + options.load_seconds)
    rng = np.random.default_rng(0)
    print(
        f"{options.models} models: {model / 3600:.2f} h a model, {cell:.2f} s a cell "
        f"({images:,} images) and {options.load_seconds} s to load its encoder, "
        f"{options.metric_seconds:.0f} s of metrics a model"
    )
    for devices in options.devices:
        parts = {"train": model, "metrics": options.metric_seconds, "select": column}
        line = []
        for name, mean in parts.items():
            durations = mean * rng.normal(1.0, SPREAD, options.models).clip(0.5)
            hours = makespan(durations, devices) / 3600
            ideal = durations.sum() / devices / 3600
            line.append(f"{name} {hours:.1f} h (devices busy {ideal / hours:.0%})")
        print(f"{devices} devices: {', '.join(line)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true", help="time the parts on this machine")
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--devices", type=int, nargs="+", default=[8, 64])
    parser.add_argument(
        "--seconds-per-iteration",
        type=float,
        nargs=2,
        default=(0.0018, 0.0041),
        help="while alpha is 0 and after, on one device; the default was measured on an H200",
    )
    parser.add_argument("--images-per-second", type=float, default=50_000, help="encoded")
    parser.add_argument("--load-seconds", type=float, default=0.5, help="of one encoder")
    parser.add_argument("--metric-seconds", type=float, default=208, help="of one model")
    options = parser.parse_args()
    if options.measure:
        become_worker(threads=1)
        measure()
    study(options)
