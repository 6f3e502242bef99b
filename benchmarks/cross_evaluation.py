"""Cross evaluation of published networks: `python -m benchmarks.cross_evaluation [--models N]`.

Builds a pool of InfoGAN-CR models with the networks for dSprites (untrained: time does not depend
on the weights) and takes one column of ModelCentrality's matrix, one generator against all
encoders, as the select stage does. Printed:

- seconds a cell, generation included, and the images a second that each encoder thereby encodes,
  as a share of the rate that the same encoder reaches alone, in this process and in turns with the
  columns, on images that are already in memory (medians of the turns; the best turn of each in
  brackets); the same by processor time, which other work on the machine disturbs less;
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

from benchmarks.surroundings import become_worker
from pipeline.execution import tensorflow_setup
from pipeline.experiment import load_experiment

GROUP_SIZE = 100
NUM_TURNS = 3


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


class EncoderAlone:
    """An encoder with nothing else to do than a cell's number of images that are in memory."""

    def __init__(self, path: Path, num_images: int):
        from pipeline.inference.encoding import as_function, in_batches, load_network

        self._encode = in_batches(as_function(load_network(path)))
        self._images = np.random.default_rng(0).random((num_images, 64, 64, 1), np.float32)
        self._encode(self._images[:256])  # compiles

    def seconds(self) -> np.ndarray:
        """Return the seconds, by both clocks, of encoding all images."""
        started = now()
        self._encode(self._images)
        return now() - started


def bytes_written() -> int:
    """Return how many bytes this process has written to files so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def cast_column(
    paths: list[dict[str, Path]], codes, num_points: int, num_groups: int
) -> np.ndarray:
    """Return the seconds, by both clocks, of the first generator against every encoder."""
    from pipeline.selection.cross_evaluation import cast_votes

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
    from pipeline.inference.encoding import as_function, in_batches, load_network

    generate = in_batches(as_function(load_network(pair["generator"])))
    latents = codes.draw(np.random.default_rng(0), num_images)
    generate(latents[:256])  # compiles
    started = now()
    generate(latents)
    return now() - started


def literal_pair(pair: dict[str, Path], codes, num_images: int, folder: Path) -> np.ndarray:
    """Return the seconds, by both clocks, of a cell that generates, stores, loads and encodes."""
    from pipeline.inference.encoding import as_function, in_batches, load_network

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
        alone, before = EncoderAlone(paths[0]["encoder"], num_images), bytes_written()
        columns, peaks = [], []
        for _ in range(NUM_TURNS):
            peaks.append(alone.seconds())
            columns.append(cast_column(paths, codes, num_points, num_groups))
        written = bytes_written() - before
        generating = generation(paths[0], codes, num_images)
        literal = literal_pair(paths[0], codes, num_images, folder)
    cells = np.array(columns) / num_models
    cell, peak = np.median(cells, axis=0), np.median(peaks, axis=0)
    best = np.min(peaks, axis=0) / np.min(cells, axis=0)
    print(f"{num_models} encoders, {num_images:,} images a column, {NUM_TURNS} turns")
    for clock, name in enumerate(("by the clock", "processor time")):
        print(
            f"{name}: {cell[clock]:.2f} s a cell, {num_images / cell[clock]:,.0f} images/s through "
            f"each encoder, {peak[clock] / cell[clock]:.0%} (best: {best[clock]:.0%}) of the "
            f"{num_images / peak[clock]:,.0f} that it reaches alone; generating takes "
            f"{generating[clock] / num_models:.2f} s of a cell; the literal way "
            f"{literal[clock]:.2f} s a cell, {literal[clock] / cell[clock]:.2f} times as much"
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
    become_worker(options.threads)
    tensorflow_setup.configure()
    benchmark(options.models, options.points, options.groups)
