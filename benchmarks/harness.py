"""What the checks of survival share: a small experiment, damage, and a comparison to the bit."""

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np

from pipeline.cli import run
from pipeline.execution.pool import TaskPool

# Two InfoGAN-CR models on Squares: 12 iterations, a checkpoint every 2, the contrastive phase
# from 6, other pairs from 9. Networks with one of everything that has a state: batch norm,
# spectral norm, Adam; as small as can be, since tracing them takes most of the time.
SMALL_NETWORKS = [
    "--set", "infogan_cr.generator_steps = 1",
    "--set", "deconv_generator.dense = ()", "--set", "deconv_generator.base_channels = 8",
    "--set", "deconv_generator.deconv = (8,)",
    "--set", "conv_discriminator.conv = (8,)", "--set", "conv_discriminator.dense = ()",
    "--set", "conv_discriminator.norm = 'spectral'",
    "--set", "contrastive_network.conv = (8,)", "--set", "contrastive_network.dense = ()",
]  # fmt: skip
EXPERIMENT = [
    *SMALL_NETWORKS,
    "--gin", "gin/quickstart.gin", "--gin", "gin/parts/budgets/smoke.gin",
    "--set", "ITERATIONS = 12", "--set", "ALPHA_FROM = 6", "--set", "GAP_FROM = 9",
    "--set", "sweep.settings = {'only': {'LAMBDA': 0.5}}",
]  # fmt: skip
TABLES = ("models.csv", "scores.csv", "cross_scores.csv", "selection.csv", "selection_summary.csv")


class StayingPool(TaskPool):
    """Worker processes that live from run to run: each imports TensorFlow once for all of them."""

    def run(self, function, tasks, display, describe, **_):
        """Run tasks in the workers that are there, never in new ones."""
        return super().run(function, tasks, display, describe)

    def close(self):
        """Stay alive for the next run."""

    def close_for_good(self):
        """End the worker processes."""
        super().close()


@contextlib.contextmanager
def staying_workers(num_workers: int = 2) -> Iterator[None]:
    """Inside the block, every run in this process has the same worker processes."""
    pool = StayingPool(num_workers, threads=1)
    try:
        with mock.patch.object(run, "TaskPool", lambda *_: pool):
            yield
    finally:
        pool.close_for_good()


def truncate(path: Path, rng: random.Random) -> None:
    """Cut a file off at a random byte."""
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])


def flip_at(place: str) -> Callable[[Path, random.Random], None]:
    """Return a damage that flips one random bit near the "start", "middle" or "end" of a file."""

    def flip(path: Path, rng: random.Random) -> None:
        content = bytearray(path.read_bytes())
        first = {"start": 0, "middle": len(content) // 2, "end": max(0, len(content) - 16)}[place]
        content[rng.randrange(first, min(first + 16, len(content)))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)

    return flip


def remove(path: Path, rng: random.Random) -> None:
    """Delete a file."""
    path.unlink()


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "truncated": truncate,
    **{f"flipped_at_{place}": flip_at(place) for place in ("start", "middle", "end")},
    "missing": remove,
}


def checkpoints(model: Path) -> dict[str, Path]:
    """Return a model's checkpoints, in order, by what their names say of the iteration."""
    return {path.name[:19]: path for path in sorted((model / "checkpoints").glob("*.npz"))}


def variables(checkpoint: Path) -> dict[str, np.ndarray]:
    """Return every variable of a checkpoint, without the time that it took."""
    with np.load(checkpoint, allow_pickle=False) as content:
        return {name: content[name] for name in content.files if name != "details.json"}


def differences(one: Path, other: Path, *, is_restored: bool = False) -> list[str]:
    """Return in what two runs differ: weights and optimiser states, histories, tables.

    Args:
        one: A run directory.
        other: Another.
        is_restored: Whether nothing was trained again, so that the times agree, too. A checkpoint
            of a finished model that was damaged is gone then, which no result depends on: the
            newest that both have are compared.
    """
    found = []
    for model in sorted((one / "models").iterdir()):
        ours, theirs = checkpoints(model), checkpoints(other / "models" / model.name)
        pair = [list(ours)[-1], list(theirs)[-1]]
        if is_restored:
            pair = [max(ours.keys() & theirs.keys())] * 2
        first, second = variables(ours[pair[0]]), variables(theirs[pair[1]])
        found += sorted(f"{model.name}: {name}" for name in first.keys() ^ second.keys())
        for name in sorted(first.keys() & second.keys()):
            if first[name].dtype != second[name].dtype or not np.array_equal(
                first[name], second[name], equal_nan=True
            ):
                found.append(f"{model.name}: {name}")
    files = [path.relative_to(one) for path in sorted((one / "models").glob("*/history.csv"))]
    files += [Path(name) for name in TABLES if is_restored or name != "models.csv"]
    if is_restored:
        files += [path.relative_to(one) for path in sorted((one / "report").rglob("*.csv"))]
    found += [
        str(file)
        for file in files
        if not (other / file).exists() or (one / file).read_bytes() != (other / file).read_bytes()
    ]
    return found
