"""What a training iteration costs the processor: `python -m benchmarks.iteration_cost`.

Trains inside the very loop that users run, each turn in a process of its own with the environment
of a worker, and prints medians over the turns, an iteration: milliseconds of user and of system
time, page faults, and the process' peak memory. Processor time, unlike wall time, hardly depends on
what else the machine does.

To compare environments, give each after --environment; they are measured in turns:

    python -m benchmarks.iteration_cost --environment "" --environment "MALLOC_ARENA_MAX=4"
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.surroundings import describe_processor
from pipeline.execution import devices, tensorflow_setup
from pipeline.execution.pool import TaskPool
from pipeline.experiment import load_experiment
from pipeline.progress import ProgressDisplay

# Gin files and settings of what can be measured.
EXPERIMENTS = {
    "quickstart": ["gin/quickstart.gin"],
    "dsprites": ["gin/dsprites.gin"],
    "half_width": ["gin/dsprites.gin"],
    "vae": ["gin/dsprites_baselines.gin"],
}
SETTINGS = {
    "quickstart": [],
    "dsprites": ["NUM_IMAGES = 10_000", "BATCH_SIZE = 64"],
    "half_width": [
        "NUM_IMAGES = 10_000",
        "BATCH_SIZE = 32",
        "deconv_generator.base_channels = 32",
        "deconv_generator.deconv = (32, 16, 16)",
        "deconv_generator.dense = (64,)",
        "conv_discriminator.conv = (16, 16, 32, 32)",
        "contrastive_network.conv = (16, 16, 32, 32)",
    ],
    "vae": ["NUM_IMAGES = 10_000", "experiment.method = @vae()"],
}


def parser(description: str) -> argparse.ArgumentParser:
    """Return the options of what to measure."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--experiment", choices=EXPERIMENTS, default="quickstart")
    parser.add_argument("--phase", choices=("infogan", "cr"), default="infogan")
    parser.add_argument("--iterations", type=int, default=100, help="timed, a turn (default 100)")
    parser.add_argument("--warm-up", type=int, default=50, help="iterations before (default 50)")
    parser.add_argument("--turns", type=int, default=3, help="(default 3)")
    parser.add_argument("--threads", type=int, default=1, help="(default 1)")
    parser.add_argument("--set", action="append", default=[], metavar="BINDING")
    return parser


def parse() -> argparse.Namespace:
    """Return the command line's arguments."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument(
        "--environment",
        action="append",
        metavar="'NAME=VALUE ...'",
        help="variables beside those of a worker; may be given several times",
    )
    return options.parse_args()


def experiment(arguments: argparse.Namespace):
    """Return the experiment to measure: the phase wanted lasts to the end."""
    total = arguments.warm_up + arguments.iterations
    return load_experiment(
        EXPERIMENTS[arguments.experiment],
        [
            *SETTINGS[arguments.experiment],
            "sweep.settings = {}",
            "NUM_SEEDS = 1",
            f"ITERATIONS = {total}",
            f"ALPHA_FROM = {total if arguments.phase == 'infogan' else 1}",
            f"GAP_FROM = {total}",
            f"LOG_EVERY = {arguments.iterations // 2}",
            "SCORE_EVERY = 0",
            f"CHECKPOINT_EVERY = {100 * (arguments.iterations // 2)}",
            "PICTURE_EVERY = 0",
            f"THREADS = {arguments.threads}",
            *arguments.set,
        ],
    )


def measure(arguments: argparse.Namespace, cache: Path, *, progress) -> dict[str, float]:
    """Train in this worker process; return the figures of an iteration."""
    started = time.perf_counter(), time.process_time()
    tensorflow_setup.configure()
    import keras

    from pipeline.runs.directory import RunDirectory
    from pipeline.stages.train import iterations
    from pipeline.stages.train.loop import fit_segments
    from pipeline.stages.train.monitor import Monitor

    import_seconds = time.perf_counter() - started[0], time.process_time() - started[1]
    described = experiment(arguments)
    dataset = described.dataset.open(cache)
    (spec,) = described.model_specs(dataset.fingerprint)
    total = spec.training.iterations
    marks, inside = [], [0.0]
    make_execution = iterations.make_execution

    def timed_execution(*given):
        """Return an execution whose seconds are added up: outside of them the device waits."""
        execution = make_execution(*given)

        def run(rows):
            started = time.perf_counter()
            result = execution(rows)
            result.numpy()  # waits for the device
            inside[0] += time.perf_counter() - started
            return result

        return run

    class Marking(Monitor):
        """Reads the process' accounts after the warm-up and at the end."""

        def advance(self, count):
            super().advance(count)
            if not marks and self.iteration >= arguments.warm_up or self.iteration == total:
                usage = resource.getrusage(resource.RUSAGE_SELF)
                marks.append((self.iteration, usage, time.perf_counter(), inside[0]))

        def save(self):
            """Leave no checkpoint."""

    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder)).model(spec.model_id)
        directory.root.mkdir(parents=True)
        keras.config.set_dtype_policy(spec.training.precision)
        model = spec.method.build(
            dataset.image_shape, dataset.max_value, spec.seed, dataset.num_images
        )
        monitor = Marking(model, spec, directory, dataset, lambda *_, **__: None)
        with mock.patch.object(iterations, "make_execution", timed_execution):
            fit_segments(model, monitor, spec, dataset)
    (first, before, wall, busy), (last, after, wall_after, busy_after) = marks
    count = last - first
    return {
        "user_ms": 1e3 * (after.ru_utime - before.ru_utime) / count,
        "system_ms": 1e3 * (after.ru_stime - before.ru_stime) / count,
        "page_faults": (after.ru_minflt - before.ru_minflt) / count,
        "wall_ms": 1e3 * (wall_after - wall) / count,
        "iterations_per_s": count / (wall_after - wall),
        "waiting_share": 1.0 - (busy_after - busy) / (wall_after - wall),
        "peak_mib": after.ru_maxrss / 2**10,
        **_device_memory(),
        "import_wall_s": import_seconds[0],
        "import_processor_s": import_seconds[1],
    }


def _device_memory() -> dict[str, float]:
    """Return the most that tensors took of the first GPU; nothing without one."""
    import tensorflow as tf

    if not tf.config.list_logical_devices("GPU"):
        return {}
    return {"device_peak_mib": tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20}


def main() -> None:
    """Measure in turns and print."""
    arguments = parse()
    cache = prepare(arguments)
    environments = arguments.environment or [""]
    print(describe_processor())
    found = {text: [] for text in environments}
    for _ in range(arguments.turns):
        for text in environments:
            found[text].append(in_worker(arguments, cache, text))
    for text, results in found.items():
        medians = {name: np.median([one[name] for one in results]) for name in results[0]}
        figures = ", ".join(f"{name} {value:.4g}" for name, value in medians.items())
        print(f"{text or 'as a worker'}: {figures}")


def prepare(arguments: argparse.Namespace) -> Path:
    """Render the images, where they are not yet; return the cache."""
    cache = Path(os.environ.get("DISENTANGLE_CACHE", tempfile.gettempdir()))
    experiment(arguments).dataset.prepare(cache)
    return cache


def in_worker(
    arguments: argparse.Namespace, cache: Path, environment: str = ""
) -> dict[str, float]:
    """Return the figures of a new worker process that also has these variables."""
    own = dict(one.partition("=")[::2] for one in environment.split())
    with mock.patch.dict(os.environ, own):
        return run_in_worker(measure, (arguments, cache), arguments.threads)


def run_in_worker(function, arguments: tuple, threads: int) -> dict[str, float]:
    """Return what a function returns in a worker process of its own."""
    pool = TaskPool(1, threads, [devices.visible_gpus()[:1]])
    display, tasks = ProgressDisplay("measure", 1), [("measurement", arguments)]
    with mock.patch.dict(os.environ):  # the pool leaves a worker's environment there
        ((_, result),) = pool.run(function, tasks, display, lambda *_: "", new_process_each=True)
        pool.close()
    if isinstance(result, Exception):
        raise result
    return result


if __name__ == "__main__":
    main()
