"""One generator's samples through every encoder: a column of ModelCentrality's score matrix.

Runs in a worker process. Each sample is drawn once and passed to all encoders while it is in
memory; what stays are running moments and one vote a group and encoder (Lin et al. 2020,
section 4).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from metrics.voting import group_votes
from pipeline import execution
from pipeline.code_draws import drawable_codes
from pipeline.encoding import as_function, in_batches, load_network
from pipeline.run_directory import ExportDirectory

BLOCK_SIZE = 2048  # images in memory at once


class RunningMoments:
    """Mean, variance and range of each code over values that stream by (Chan et al. 1979)."""

    def __init__(self):
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0
        self._low = np.inf
        self._high = -np.inf

    def update(self, codes: np.ndarray) -> None:
        """Take in codes [n, code_dim]."""
        codes = codes.astype(np.float64)
        count, mean = len(codes), codes.mean(axis=0)
        difference, total = mean - self._mean, self._count + count
        self._squares = (
            self._squares
            + ((codes - mean) ** 2).sum(axis=0)
            + difference**2 * self._count * count / total
        )
        self._mean = self._mean + difference * count / total
        self._count = total
        self._low = np.minimum(self._low, codes.min(axis=0))
        self._high = np.maximum(self._high, codes.max(axis=0))

    @property
    def std(self) -> np.ndarray:
        """Standard deviation [code_dim]."""
        return np.sqrt(self._squares / self._count)

    @property
    def active(self) -> np.ndarray:
        """Which codes take more than one value, bool [code_dim]."""
        return (self._high > self._low) & (self.std > 0)


def draw_group(codes, rng: np.random.Generator, group_size: int, group: int) -> np.ndarray:
    """Return latent vectors [group_size, latent_dim] that share regularised code group mod k."""
    return codes.draw_group(rng, group_size, group % codes.num_codes)


def cast_votes(
    generator_path: Path,
    codes,
    encoder_paths: Sequence[Path],
    *,
    num_groups: int,
    group_size: int,
    num_std_samples: int,
    seed: Sequence[int],
    progress: Callable[..., None],
) -> np.ndarray | None:
    """Let every encoder vote on the groups of one generator.

    Args:
        generator_path: The model that acts as ground truth.
        codes: Its `JointCode`.
        encoder_paths: The models that are judged by it.
        num_groups: Groups; group g fixes regularised code g mod k.
        group_size: Images of a group.
        num_std_samples: Prior samples for the spread of each encoder's codes.
        seed: Of all draws; a function of the generator's content, so that a cell of the matrix
            is the same whatever else is computed.
        progress: Told (images, images in all).

    Returns:
        int64 [encoders, num_groups], the code that each encoder found to vary least (-1: none is
        active); None if the run was stopped.
    """
    generate = in_batches(as_function(load_network(generator_path)))
    codes = drawable_codes(codes, ExportDirectory(generator_path.parent))
    encoders = [in_batches(as_function(load_network(path))) for path in encoder_paths]
    total = num_std_samples + num_groups * group_size
    rng = np.random.default_rng([*seed, 0])
    moments = [RunningMoments() for _ in encoders]
    done = 0
    while done < num_std_samples:
        count = min(BLOCK_SIZE, num_std_samples - done)
        images = generate(codes.draw(rng, count))
        for moment, encode in zip(moments, encoders, strict=True):
            moment.update(encode(images))
        done += count
        progress(done, total)
        if execution.stop_requested():
            return None
    rng = np.random.default_rng([*seed, 1])
    votes = np.empty((len(encoders), num_groups), np.int64)
    block = max(1, BLOCK_SIZE // group_size)
    for start in range(0, num_groups, block):
        groups = range(start, min(start + block, num_groups))
        latents = np.concatenate([draw_group(codes, rng, group_size, group) for group in groups])
        images = generate(latents)
        for row, moment, encode in zip(votes, moments, encoders, strict=True):
            codes_of_groups = encode(images).reshape(len(groups), group_size, -1)
            row[groups.start : groups.stop] = group_votes(
                codes_of_groups, moment.std, moment.active
            )
        done += len(latents)
        progress(done, total)
        if execution.stop_requested():
            return None
    return votes
