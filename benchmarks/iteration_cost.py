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
from pipeline.execution import tensorflow_setup
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


def parse() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiment", choices=EXPERIMENTS, default="quickstart")
    parser.add_argument("--phase", choices=("infogan", "cr"), default="infogan")
    parser.add_argument("--iterations", type=int, default=100, help="timed, a turn (default 100)")
    parser.add_argument("--warm-up", type=int, default=50, help="iterations before (default 50)")
    parser.add_argument("--turns", type=int, default=3, help="(default 3)")
    parser.add_argument("--threads", type=int, default=1, help="(default 1)")
    parser.add_argument("--set", action="append", default=[], metavar="BINDING")
    parser.add_argument(
        "--environment",
        action="append",
        metavar="'NAME=VALUE ...'",
        help="variables beside those of a worker; may be given several times",
    )
    return parser.parse_args()


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
    from pipeline.runs.directory import RunDirectory
    from pipeline.stages.train.loop import fit_segments
    from pipeline.stages.train.monitor import Monitor

    import_seconds = time.perf_counter() - started[0], time.process_time() - started[1]
    described = experiment(arguments)
    dataset = described.dataset.open(cache)
    (spec,) = described.model_specs(dataset.fingerprint)
    total = spec.training.iterations
    marks = []

    class Marking(Monitor):
        """Reads the process' accounts after the warm-up and at the end."""

        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            if not marks and self.iteration >= arguments.warm_up or self.iteration == total:
                usage = resource.getrusage(resource.RUSAGE_SELF)
                marks.append((self.iteration, usage, time.perf_counter()))

        def save(self):
            """Leave no checkpoint."""

    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder)).model(spec.model_id)
        directory.root.mkdir(parents=True)
        model = spec.method.build(dataset.image_shape, dataset.max_value, spec.seed)
        monitor = Marking(model, spec, directory, dataset, lambda *_, **__: None)
        fit_segments(model, monitor, spec, dataset)
    (first, before, wall), (last, after, wall_after) = marks
    count = last - first
    return {
        "user_ms": 1e3 * (after.ru_utime - before.ru_utime) / count,
        "system_ms": 1e3 * (after.ru_stime - before.ru_stime) / count,
        "page_faults": (after.ru_minflt - before.ru_minflt) / count,
        "wall_ms": 1e3 * (wall_after - wall) / count,
        "peak_mib": after.ru_maxrss / 2**10,
        "import_wall_s": import_seconds[0],
        "import_processor_s": import_seconds[1],
    }


def main() -> None:
    """Measure in turns and print."""
    arguments = parse()
    cache = Path(os.environ.get("DISENTANGLE_CACHE", tempfile.gettempdir()))
    experiment(arguments).dataset.prepare(cache)
    environments = arguments.environment or [""]
    print(describe_processor())
    found = {text: [] for text in environments}
    for _ in range(arguments.turns):
        for text in environments:
            found[text].append(_in_worker(arguments, cache, text))
    for text, results in found.items():
        medians = {name: np.median([one[name] for one in results]) for name in results[0]}
        figures = ", ".join(f"{name} {value:.4g}" for name, value in medians.items())
        print(f"{text or 'as a worker'}: {figures}")


def _in_worker(arguments: argparse.Namespace, cache: Path, environment: str) -> dict[str, float]:
    """Return the figures of a new worker process that also has these variables."""
    own = dict(one.partition("=")[::2] for one in environment.split())
    pool = TaskPool(1, arguments.threads)
    tasks = [("measurement", (arguments, cache))]
    with mock.patch.dict(os.environ, own):
        display = ProgressDisplay("measure", 1)
        ((_, result),) = pool.run(measure, tasks, display, lambda *_: "", new_process_each=True)
        pool.close()
    if isinstance(result, Exception):
        raise result
    return result


if __name__ == "__main__":
    main()
