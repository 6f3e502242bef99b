"""Our training step against the published one: `python -m benchmarks.train_step [--json]`.

In one process and in turns: the published iteration (`benchmarks.published_iteration`) and our
step, inside the very `fit` loop that users run, on dSprites with the published networks, first
while alpha is 0, then with the contrastive regulariser. Then 20 iterations of both in float64 from
equal weights and draws, whose losses must agree to 1e-8.

With --json the last line is JSON: `infogan_ratio` and `cr_ratio` are the medians over the turns of
the baseline's time over ours, the `*_shared_ratio` those against a baseline in which the terms of
one player share their passes.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.surroundings import become_worker
from pipeline.execution import tensorflow_setup
from pipeline.experiment import load_experiment

WARM_UP = 3  # iterations that are not timed: tracing, allocation
TOLERANCE = 1e-8


def parse():
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=10, help="of each phase (default 10)")
    parser.add_argument("--iterations", type=int, default=5, help="of a turn (default 5)")
    parser.add_argument("--threads", type=int, default=1, help="of both (default 1)")
    parser.add_argument("--images", type=int, default=10_000, help="of the data set")
    parser.add_argument("--precision", default="float32", help="of our step")
    parser.add_argument("--xla", action="store_true", help="compile our step with XLA")
    parser.add_argument("--json", action="store_true", help="end with a line of JSON")
    return parser.parse_args()


def experiment(iterations: int, settings: tuple[str, ...]):
    """Return the published dSprites experiment, alpha leaving 0 halfway."""
    return load_experiment(
        ["gin/dsprites.gin", "gin/parts/budgets/smoke.gin"],
        [
            "NUM_SEEDS = 1",
            "BATCH_SIZE = 64",
            "ALPHA = 2.0",
            f"ITERATIONS = {iterations}",
            f"ALPHA_FROM = {iterations // 2}",
            f"GAP_FROM = {iterations // 2 + 1}",
            f"LOG_EVERY = {iterations}",
            f"SCORE_EVERY = {iterations}",
            f"CHECKPOINT_EVERY = {iterations}",
            "PICTURE_EVERY = 0",
            *settings,
        ],
    )


def measure(arguments) -> dict[str, float]:
    """Train in turns with the baselines; returns medians in ms, ratios and rates."""
    import keras

    from benchmarks.published_iteration import PublishedIteration
    from pipeline.runs.directory import RunDirectory
    from pipeline.stages.train.loop import fit_segments
    from pipeline.stages.train.monitor import Monitor

    turn = WARM_UP + arguments.iterations
    half = turn * arguments.turns
    described = experiment(
        2 * half,
        (
            f"NUM_IMAGES = {arguments.images}",
            f"THREADS = {arguments.threads}",
            f"LOG_EVERY = {turn}",  # at which executions end
        ),
    )
    cache = Path(os.environ.get("DISENTANGLE_CACHE", tempfile.gettempdir()))
    described.dataset.prepare(cache)
    dataset = described.dataset.open(cache)
    (spec,) = described.model_specs(dataset.fingerprint)
    times = {"infogan": [], "cr": []}
    others = {"infogan": [], "cr": []}
    shared = {"infogan": [], "cr": []}
    rates = []

    class InTurns(Monitor):
        """After each turn of ours, as many iterations of the baselines."""

        moment = time.perf_counter()
        own = []

        def advance(self, count):
            super().advance(count)
            self.own += count * [(time.perf_counter() - self.moment) / count]
            if len(self.own) == turn:
                phase = "infogan" if self.iteration <= half else "cr"
                times[phase].append(np.median(self.own[WARM_UP:]))
                others[phase].append(time_baseline(baselines[0], self.model, feeds, phase, turn))
                shared[phase].append(time_baseline(baselines[1], self.model, feeds, phase, turn))
                rates.append(convolution_rate(spec.training.batch_size))
                self.own.clear()
                print(
                    f"{phase}: ours {1e3 * times[phase][-1]:.0f} ms, published "
                    f"{1e3 * others[phase][-1]:.0f} ms, with shared passes "
                    f"{1e3 * shared[phase][-1]:.0f} ms; convolutions {rates[-1] / 1e9:.0f} GFLOP/s",
                    flush=True,
                )
            self.moment = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder)).model(spec.model_id)
        directory.root.mkdir(parents=True)
        model = spec.method.build(dataset.image_shape, dataset.max_value, spec.seed)
        batch = spec.training.batch_size
        images = dataset.train_images(np.arange(batch)) / np.float32(dataset.max_value)
        feeds = {"real": images.astype(np.float32)}
        baselines = [PublishedIteration(model, batch, shares) for shares in (False, True)]
        monitor = InTurns(model, spec, directory, dataset, lambda *_, **__: None)
        fit_segments(model, monitor, spec, dataset)
    keras.backend.clear_session()
    return summary(spec, times, others, shared, float(np.median(rates)))


def time_baseline(baseline, model, feeds, phase: str, iterations: int) -> float:
    """Return the median seconds of an iteration, draws on the host included."""
    recipe, rng = model.recipe, np.random.default_rng(0)
    seconds = []
    for _ in range(iterations):
        start = time.perf_counter()
        batch = len(feeds["real"])
        index = rng.integers(model.codes.num_codes, size=batch, dtype=np.int32)
        first, second = model.codes.draw(rng, batch), model.codes.draw(rng, batch)
        rows = np.arange(batch)
        second[rows, index] = first[rows, index]
        baseline.run(
            **feeds,
            latents=model.codes.draw(rng, batch),
            first=first,
            second=second,
            index=index,
            info_weight=recipe.info_weight.values[-1],
            cr_weight=recipe.cr_weight.values[-1] if phase == "cr" else 0.0,
        )
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[WARM_UP:]))


def convolution_rate(batch: int) -> float:
    """Return FLOP/s of the discriminator's convolutions on feature maps, and their gradients."""
    import tensorflow as tf

    flops, seconds = 0.0, 0.0
    strides = [1, 2, 2, 1]
    for size, channels, filters in ((32, 32, 32), (16, 32, 64), (8, 64, 64)):
        x = tf.random.stateless_normal((batch, size, size, channels), (0, 0))
        w = tf.random.stateless_normal((4, 4, channels, filters), (0, 1))
        y = tf.nn.conv2d(x, w, 2, "SAME")
        v1 = tf.compat.v1.nn
        for convolution, arguments in (
            (tf.nn.conv2d, (x, w, 2, "SAME")),
            (v1.conv2d_backprop_filter, (x, w.shape, y, strides, "SAME")),
            (v1.conv2d_backprop_input, (x.shape, w, y, strides, "SAME")),
        ):
            measured = []
            for _ in range(4):
                start = time.perf_counter()
                convolution(*arguments)
                measured.append(time.perf_counter() - start)
            seconds += float(np.median(measured[1:]))
            flops += 2.0 * batch * (size // 2) ** 2 * 16 * channels * filters
    return flops / seconds


def summary(spec, times, others, shared, rate: float) -> dict[str, float]:
    """Return the figures of both phases by name."""
    batch = spec.training.batch_size
    result = {"convolutions_gflops": rate / 1e9}
    for phase in ("infogan", "cr"):
        own = np.array(times[phase])
        result |= {
            f"{phase}_ms": 1e3 * float(np.median(own)),
            f"{phase}_published_ms": 1e3 * float(np.median(others[phase])),
            f"{phase}_ratio": float(np.median(np.array(others[phase]) / own)),
            f"{phase}_shared_ratio": float(np.median(np.array(shared[phase]) / own)),
            f"{phase}_images_per_second": batch / float(np.median(own)),
        }
    return result


def largest_difference(
    iterations: int = 20,
    image_shape: tuple[int, int, int] = (64, 64, 1),
    settings: tuple[str, ...] = (),
) -> float:
    """Return the largest difference of any loss from the published iteration's, in float64.

    Both from the same weights and with the same draws, without and with the regulariser.

    Args:
        iterations: of each.
        image_shape: of random images.
        settings: changes of the published networks.
    """
    import tensorflow as tf

    from benchmarks.published_iteration import PublishedIteration

    largest = 0.0
    set_precision("float64")
    try:
        for alpha in (0.0, 2.0):
            changes = ("BATCH_SIZE = 8", f"infogan_cr.cr_weight = {alpha}", *settings)
            method = experiment(2 * iterations, changes).settings[0].method
            model = method.build(image_shape, 1, seed=0)
            baseline = PublishedIteration(model, batch_size=8, shares_passes=True)
            model.begin_segment(0)
            step = tf.function(model.train_step)
            rng = np.random.default_rng(0)
            for _ in range(iterations):
                images = rng.integers(0, 2, (8, *image_shape), np.uint8)
                latents = model.draw_latents(tf.constant(images), "codes").numpy()
                pairs = model.contrastive.draw_pairs(tf.constant(images))
                first, second, index = (one.numpy() for one in pairs)
                theirs = baseline.run(
                    real=images.astype(np.float64),
                    latents=latents,
                    first=first,
                    second=second,
                    index=index,
                    info_weight=method.info_weight.values[-1],
                    cr_weight=alpha,
                )
                model.reset_metrics()
                for name, value in step(images).items():
                    if name in theirs:
                        largest = max(largest, abs(float(value) - float(theirs[name])))
    finally:
        set_precision("float32")
    return largest


def set_precision(dtype: str) -> None:
    """Make variables, layers and networks' inputs of one dtype."""
    import keras

    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


def main() -> None:
    """Measure, compare and print."""
    arguments = parse()
    become_worker(arguments.threads)
    tensorflow_setup.configure()
    result = measure(arguments)
    result["largest_loss_difference_float64"] = largest_difference()
    for name, value in result.items():
        print(f"{name}: {value:.4g}")
    if result["largest_loss_difference_float64"] > TOLERANCE:
        raise SystemExit(f"the losses differ by more than {TOLERANCE}")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
