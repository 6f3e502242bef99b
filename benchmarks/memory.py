"""Peak memory of each stage on full dSprites: `python -m benchmarks.memory [--iterations N]`.

Runs the published experiment for a few iterations, a stage at a time, and prints the largest
resident size of any process of the stage (memory-mapped images that were touched included).
"""

import argparse
import resource
import subprocess
import sys
import tempfile

from pipeline.stages.order import STAGE_NAMES

COMMAND = [
    sys.executable, "run_pipeline.py",
    "--gin", "gin/dsprites.gin",
    "--gin", "gin/parts/budgets/smoke.gin",
    "--set", "NUM_IMAGES = None",
    "--set", "NUM_POINTS = 73728",
    "--set", "NUM_GROUPS = 500",
    "--set", "GROUP_SIZE = 100",
    "--set", "SELECTION_GROUPS = 100",
    "--set", "SELECTION_GROUP_SIZE = 100",
    "--set", "SELECTION_POINTS = 10000",
    "--workers", "1",
]  # fmt: skip


def benchmark(iterations: int) -> None:
    """Print a line a stage."""
    with tempfile.TemporaryDirectory() as folder:
        budget = ["--set", f"ITERATIONS = {iterations}", "--set", f"ALPHA_FROM = {iterations // 2}"]
        peak = 0
        for stage in STAGE_NAMES:
            command = [*COMMAND, *budget, "--out", folder, "--stages", stage]
            subprocess.run(command, check=True, capture_output=True)
            # The largest child ever waited for, its own children included: it can only grow.
            largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
            bound = "" if largest > peak else "at most "
            peak = max(peak, largest)
            print(f"{stage}: {bound}{largest:.2f} GiB", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=40)
    benchmark(parser.parse_args().iterations)
