"""Cross evaluation of published networks: `python -m benchmarks.cross_evaluation [--models N]`.

Builds a pool of InfoGAN-CR models with the networks for dSprites (untrained: time does not depend
on the weights) and takes one column of ModelCentrality's matrix, one generator against all
encoders, as the select stage does. Printed:

- seconds a cell, generation included, and the images a second that each encoder thereby encodes,
  as a share of the highest rate that the same encoder reaches in this process on images that are
  already in memory, with and without the cell's part of the generation; the same by processor time,
  which other work on the machine disturbs less;
- bytes that the process wrote meanwhile: images never reach the disk;
- the literal way for comparison, pair by pair: load the generator, generate, store, load the
  encoder and the images, encode.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from pipeline import execution
from pipeline.experiment import load_experiment

GROUP_SIZE = 100
NUM_PEAK_TRIALS = 3  # before and after


def build_pool(folder: Path, num_models: int):
    """Write the networks of untrained models, and return their paths and codes."""
    (setting,) = load_experiment(["gin/dsprites.gin"]).settings
    paths = []
    for seed in range(num_models):
        model = setting.method.build((64, 64, 1), 1, seed)
        networks = model.exports()
        pair = {}
        for name in ("generator", "encoder"):
            pair[name] = folder / f"{name}-{seed}.keras"
            networks[name].save(pair[name])
        paths.append(pair)
    return paths, setting.method.codes


def now() -> np.ndarray:
    """Return the time by the clock and that of this process on all its processors, in seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def peak_rate(encoder_path: Path, num_images: int) -> np.ndarray:
    """Return the highest rates, in images a second (by both clocks), of encoding from memory.

    A trial is as long as a cell, which sees as many images.
    """
    from pipeline.encoding import as_function, in_batches, load_network

    encode = in_batches(as_function(load_network(encoder_path)))
    images = np.random.default_rng(0).random((num_images, 64, 64, 1), np.float32)
    encode(images[:256])  # compiles
    seconds = []
    for _ in range(NUM_PEAK_TRIALS):
        started = now()
        encode(images)
        seconds.append(now() - started)
    return num_images / np.min(seconds, axis=0)


def bytes_written() -> int:
    """Return how many bytes this process has written to files so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def cast_column(
    paths: list[dict[str, Path]], codes, num_points: int, num_groups: int
) -> np.ndarray:
    """Return the seconds, by both clocks, of the first generator against every encoder."""
    from pipeline.cross_evaluation import cast_votes

    started = now()
    cast_votes(
        paths[0]["generator"],
        codes,
        [pair["encoder"] for pair in paths],
        fixed_codes=np.arange(num_groups) % codes.num_codes,
        group_size=GROUP_SIZE,
        num_std_samples=num_points,
        seed=(0,),
        progress=lambda *_: None,
    )
    return now() - started


def generation(pair: dict[str, Path], codes, num_images: int) -> np.ndarray:
    """Return the seconds, by both clocks, of generating the images of a column."""
    from pipeline.encoding import as_function, in_batches, load_network

    generate = in_batches(as_function(load_network(pair["generator"])))
    latents = codes.draw(np.random.default_rng(0), num_images)
    generate(latents[:256])  # compiles
    started = now()
    generate(latents)
    return now() - started


def literal_pair(pair: dict[str, Path], codes, num_images: int, folder: Path) -> np.ndarray:
    """Return the seconds, by both clocks, of a cell that generates, stores, loads and encodes."""
    from pipeline.encoding import as_function, in_batches, load_network

    started = now()
    generate = in_batches(as_function(load_network(pair["generator"])))
    np.save(folder / "images.npy", generate(codes.draw(np.random.default_rng(0), num_images)))
    encode = in_batches(as_function(load_network(pair["encoder"])))
    encode(np.load(folder / "images.npy", allow_pickle=False))
    return now() - started


def benchmark(num_models: int, num_points: int, num_groups: int) -> None:
    """Print every figure."""
    num_images = num_points + num_groups * GROUP_SIZE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths, codes = build_pool(folder, num_models)
        cast_column(paths, codes, 256, 1)  # loads and compiles, which a worker does once
        before, peak = bytes_written(), peak_rate(paths[0]["encoder"], num_images)
        column = cast_column(paths, codes, num_points, num_groups)
        written = bytes_written() - before
        generating = generation(paths[0], codes, num_images)
        peak = np.maximum(peak, peak_rate(paths[0]["encoder"], num_images))
        literal = literal_pair(paths[0], codes, num_images, folder)
    cell, encoding = column / num_models, (column - generating) / num_models
    print(f"{num_models} encoders, {num_images:,} images a column")
    for clock, name in enumerate(("by the clock", "processor time")):
        rate = num_images / cell[clock]
        print(
            f"{name}: {cell[clock]:.2f} s a cell, {rate:,.0f} images/s through each encoder, "
            f"{rate / peak[clock]:.0%} of its own peak of {peak[clock]:,.0f} "
            f"({num_images / encoding[clock] / peak[clock]:.0%} without generation); the literal "
            f"way {literal[clock]:.2f} s a cell, {literal[clock] / cell[clock]:.2f} times as much"
        )
    seen = num_images * 64 * 64 * 4 / 2**20  # float32
    print(f"written meanwhile: {written / 2**20:.2f} MiB of {seen:,.0f} MiB of images")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--points", type=int, default=8192, help="samples for the codes' spread")
    parser.add_argument("--groups", type=int, default=80, help=f"groups of {GROUP_SIZE} images")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    os.environ["PIPELINE_THREADS"] = str(options.threads)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    execution.configure_tensorflow()
    benchmark(options.models, options.points, options.groups)
