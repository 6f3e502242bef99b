"""Measures how fast data sets are rendered and how fast batches are read.

Usage: python benchmarks/data_rate.py [--images N] [--cache FOLDER]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.datasets import teapots
from pipeline.datasets.dsprites import DSprites
from pipeline.datasets.interface import Dataset, DatasetRecipe
from pipeline.datasets.teapots import Teapots

BATCH_SIZES = (64, 4096)
SECONDS = 2.0  # Of reading for each figure.


def main() -> None:
    """Render, read and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images",
        type=int,
        help="render so many of each set (default: all dSprites, 20,000 teapots)",
    )
    parser.add_argument("--cache", type=Path, help="cache folder (default: a temporary one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = arguments.cache or Path(temporary)
        measure(DSprites(num_images=arguments.images), cache)
        measure(Teapots(num_images=arguments.images or 20_000), cache)
    poses = np.random.default_rng(0).random((1000, 5)) * [2 * np.pi, np.pi / 2, 1, 1, 1]
    teapots.render(poses)  # Draws the bodies of all elevations, which are kept.
    start, cpu_start = time.perf_counter(), time.process_time()
    teapots.render(poses)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    print(
        f"teapots on demand, one process: {len(poses) / seconds:,.0f} images/s "
        f"({len(poses) / cpu_seconds:,.0f} a second of processor time)"
    )


def measure(recipe: DatasetRecipe, cache: Path) -> None:
    """Print the rates of making and reading one data set."""
    is_cached = recipe.estimate(cache).is_cached
    start = time.perf_counter()
    recipe.prepare(cache)
    seconds = time.perf_counter() - start
    data = recipe.open(cache)
    size = recipe.estimate(cache).bytes_on_disk
    done = "verified" if is_cached else "made"
    print(
        f"{data.name}: {data.num_images:,} images {done} in {seconds:.1f} s "
        f"({data.num_images / seconds:,.0f} images/s), {size / 1e6:,.1f} MB"
    )
    for batch_size in BATCH_SIZES:
        rate = reading_rate(data, batch_size)
        print(f"{data.name}: {rate:,.0f} images/s read in batches of {batch_size}")


def reading_rate(data: Dataset, batch_size: int) -> float:
    """Return the training images for each second in random batches."""
    rng = np.random.default_rng(0)
    num_read, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        num_read += len(data.train_images(rng.integers(data.num_images, size=batch_size)))
    return num_read / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
