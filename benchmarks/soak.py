"""Killed at random times until it finishes, and compared to the bit: `python -m benchmarks.soak`.

A small experiment (InfoGAN phase, switch, contrastive phase, change of the gap, metrics,
selection, report) is run once without interruption. Then it is run again and again: each time its
whole process group is killed by SIGKILL after a random time, until it was killed often enough; it
then runs to its end, and weights, optimiser states, histories, scores and every CSV must equal
those of the first run. Prints a line a kill and ends with one JSON line; exit code 1 if anything
differs.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import differences

REPOSITORY = Path(__file__).resolve().parents[1]
# Long enough that a process gets somewhere between two kills.
EXPERIMENT = [
    "--gin", "gin/quickstart.gin", "--gin", "gin/parts/budgets/smoke.gin",
    "--set", "ITERATIONS = 240", "--set", "ALPHA_FROM = 81", "--set", "GAP_FROM = 163",
    "--set", "CHECKPOINT_EVERY = 6", "--set", "SCORE_EVERY = 12", "--set", "PICTURE_EVERY = 60",
    "--set", "NUM_IMAGES = None",
    "--set", "NUM_POINTS = 2000", "--set", "NUM_GROUPS = 200", "--set", "SELECTION_GROUPS = 100",
    "--set", "sweep.settings = {'only': {'LAMBDA': 0.5}}",
]  # fmt: skip


def soak(folder: Path, num_kills: int, seed: int, deadline: float) -> dict:
    """Run the experiment whole and killed, in rounds, until all kills are spent.

    Args:
        folder: Where the runs go.
        num_kills: Kills in all.
        seed: Of their times.
        deadline: Moment of `time.monotonic` after which no new round begins.

    Returns:
        Rounds, kills, in which phase they came, and what differed.
    """
    rng = random.Random(seed)
    start = time.monotonic()
    if _wait(_start(folder, "whole"), None) != 0:
        raise SystemExit("The uninterrupted run failed")
    seconds = time.monotonic() - start
    print(f"uninterrupted: {seconds:.0f} s", flush=True)
    result = {"rounds": 0, "kills": 0, "phases": {}, "differences": []}
    while result["kills"] < num_kills and time.monotonic() < deadline:
        name = f"killed-{result['rounds']}"
        code = None
        while code is None:
            limit = rng.uniform(0.0, 0.8 * seconds)
            if result["kills"] >= num_kills or time.monotonic() > deadline:
                limit = None  # to the end
            code = _wait(_start(folder, name), limit)
            if code is None:
                phase = _phase(folder / name)
                result["kills"] += 1
                result["phases"][phase] = result["phases"].get(phase, 0) + 1
                print(f"kill {result['kills']} after {limit:.1f} s: {phase}", flush=True)
        if code:
            result["differences"].append(f"{name}: exit code {code}")
        result["differences"] += differences(folder / "whole", folder / name)
        left = [str(path) for path in (folder / name).rglob(".writing-*")]
        result["differences"] += [f"left over: {path}" for path in left]
        result["rounds"] += 1
        print(f"round {result['rounds']} finished: {len(result['differences'])} differences")
    return result


def _start(folder: Path, name: str) -> subprocess.Popen:
    command = [sys.executable, "run_pipeline.py", *EXPERIMENT, "--out", str(folder / name)]
    command += ["--cache", str(folder / f"cache-{name}")]
    return subprocess.Popen(
        command,
        cwd=REPOSITORY,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait(process: subprocess.Popen, limit: float | None) -> int | None:
    """Return the exit code, or None if the process group was killed after `limit` seconds."""
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def _phase(run: Path) -> str:
    """Say how far a run had come, from its files."""
    if (run / "manifests" / "select.json").exists():
        return "report"
    if (run / "manifests" / "metrics.json").exists():
        return "select"
    manifests = list((run / "models").glob("*/manifest.json"))
    if len(manifests) == 2:
        return "metrics"
    names = sorted(path.name for path in (run / "models").glob("*/checkpoints/iteration-*"))
    if not names:
        return "before the first checkpoint"
    newest = int(names[-1].split("-")[1])
    return "InfoGAN" if newest < 81 else "contrastive" if newest < 163 else "other gap"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hours", type=float, default=24.0, help="begin no round after that")
    options = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        outcome = soak(Path(directory), options.kills, options.seed, begin + 3600 * options.hours)
    print(json.dumps({**outcome, "seconds": round(time.monotonic() - begin)}))
    sys.exit(1 if outcome["differences"] else 0)
