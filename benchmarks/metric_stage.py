"""The metric stage on full dSprites: `python -m benchmarks.metric_stage [--out DIR]`.

Trains one model with the published networks for two iterations (how well it encodes does not
matter for time), then times the presets `fast` and `full` (without dci_gbt) as a user runs them,
encoding and start of the worker processes included, bootstrap intervals not. Last, the ratio
between encoding the groups of a FactorVAE score of the dlib protocol (15,000 x 64 images) anew and
scoring them from cached codes.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.metrics_speed import time_factor_vae_from_codes
from pipeline.cli import main
from pipeline.cli.parser import default_cache
from pipeline.execution import tensorflow_setup

MODEL = [
    "--gin", "gin/dsprites.gin",
    "--gin", "gin/parts/budgets/smoke.gin",
    "--set", "ITERATIONS = 2",
    "--set", "ALPHA_FROM = 4",
    "--set", "GAP_FROM = 6",
    "--set", "NUM_SEEDS = 1",
    "--set", "NUM_IMAGES = None",
]  # fmt: skip
PUBLISHED = ["NUM_POINTS = 73728", "NUM_GROUPS = 500", "GROUP_SIZE = 100"]
WITHOUT_GBT = """dlib_protocol.metrics = (
    'factor_vae', 'beta_vae', 'mig', 'sap', 'modularity', 'explicitness', 'dci_hist_gbt',
    'dci_logistic', 'irs', 'gaussian_total_correlation', 'gaussian_wasserstein_correlation',
    'pairwise_mutual_information')"""
NUM_GROUPS, GROUP_SIZE = 15_000, 64


def run(out: Path, *arguments: str) -> float:
    """Run the pipeline and return the seconds it took."""
    started = time.perf_counter()
    if main([*MODEL, *arguments, "--out", str(out)]) != 0:
        raise SystemExit("the pipeline failed")
    return time.perf_counter() - started


def settings(texts: list[str]) -> list[str]:
    """Return the texts as `--set` arguments."""
    return [part for text in texts for part in ("--set", text)]


def images_per_second(out: Path) -> float:
    """Return the rate at which one process with all cores encodes dSprites images."""
    tensorflow_setup.configure()
    from pipeline.datasets.dsprites import DSprites
    from pipeline.inference.encoding import BATCH_SIZE, encoder_function, load_network

    dataset = DSprites().open(default_cache())
    (path,) = out.glob("models/*/encoder.keras")
    encode = encoder_function(load_network(path), dataset.max_value)
    keys = np.random.default_rng(0).integers(0, 737_280, 160 * BATCH_SIZE)
    encode(dataset.images_of(keys[:BATCH_SIZE]))  # compiles
    started = time.perf_counter()
    for start in range(0, len(keys), 4096):
        encode(dataset.images_of(keys[start : start + 4096]))
    return len(keys) / (time.perf_counter() - started)


def benchmark(out: Path) -> None:
    """Print every figure."""
    run(out, "--stages", "data,train")
    no_intervals = ["metrics.num_resamples = 0"]
    fast = run(
        out, "--stages", "metrics", "--gin", "gin/parts/metrics/fast.gin", *settings(no_intervals)
    )
    print(f"preset fast, one model: {fast:.0f} s")
    for path in out.glob("codes/*"):
        path.unlink()
    full = run(
        out,
        "--stages",
        "metrics",
        "--gin",
        "gin/parts/metrics/full.gin",
        *settings([*PUBLISHED, *no_intervals, WITHOUT_GBT]),
    )
    print(f"preset full without dci_gbt, one model: {full:.0f} s")
    rate = images_per_second(out)
    encoding, scoring = NUM_GROUPS * GROUP_SIZE / rate, time_factor_vae_from_codes()
    print(
        f"FactorVAE of {NUM_GROUPS} groups x {GROUP_SIZE}: {scoring:.2f} s from cached codes, "
        f"{encoding:.0f} s to encode anew ({rate:,.0f} images/s): ratio {encoding / scoring:.0f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="run directory to keep; default: a temporary one")
    options = parser.parse_args()
    if options.out is not None:
        benchmark(options.out.resolve())
    else:
        with tempfile.TemporaryDirectory() as folder:
            benchmark(Path(folder))
