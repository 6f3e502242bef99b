"""One generator's samples through many encoders: a column of ModelCentrality's score matrix.

Runs in a worker process. Each sample is drawn once and passed to all encoders while it is in
memory; what stays are running moments and one vote a group and encoder (Lin et al. 2020,
section 4). No image is ever written.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from metrics.disentanglement.voting import group_votes
from models.codes.joint_code import JointCode
from pipeline.execution import worker
from pipeline.inference.code_draws import drawable_codes
from pipeline.inference.encoding import as_function, in_batches, load_network
from pipeline.inference.posterior_draws import sampling_encoder
from pipeline.runs.directory import ExportDirectory
from pipeline.selection.class_voting import MajorityCluster

BLOCK_SIZE = 2048  # images in memory at once
# Encoders in memory at once. A worker keeps them from one generator to the next, so that a pool of
# this size is loaded and compiled once.
ENCODERS_AT_ONCE = 32


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


class LeastVaryingCode:
    """An encoder's votes: first it sees prior samples, then it names a code for each group.

    Another way to vote is another class with these two methods.
    """

    def __init__(self):
        self._moments = RunningMoments()

    def observe(self, codes: np.ndarray) -> None:
        """Take in codes [n, code_dim] of samples from the prior."""
        self._moments.update(codes)

    def vote(self, groups: np.ndarray) -> np.ndarray:
        """Return for each group of codes [num_groups, group_size, code_dim] the code that varies
        least in it, relative to the prior samples, int64 [num_groups]; -1: none is active.
        """  # noqa: D205 - one sentence
        return group_votes(groups, self._moments.std, self._moments.active)


def cast_votes(
    generator_path: Path,
    codes: JointCode,
    encoder_paths: Sequence[Path],
    *,
    fixed_codes: np.ndarray,
    class_features: Sequence[slice] | None = None,
    drawn: Sequence[tuple[str, Sequence[int]] | None] | None = None,
    group_size: int,
    num_std_samples: int,
    seed: Sequence[int],
    progress: Callable[..., None],
) -> np.ndarray | None:
    """Let every encoder vote on the groups of one generator.

    Args:
        generator_path: The model that acts as ground truth.
        codes: Its `JointCode`.
        encoder_paths: The models that are judged by it, at most `ENCODERS_AT_ONCE`.
        fixed_codes: int [num_groups], the regularised code that each group shares.
        class_features: None; or the columns in which each encoder tells classes: then a group
            shares the class that `fixed_codes` gives, and encoders vote for clusters.
        drawn: None; or for each encoder None, or the form of the posterior that its path holds, see
            `posterior_draws.draw_codes`, and a seed that depends on the encoder only: then it votes
            with codes drawn from it.
        group_size: Images of a group.
        num_std_samples: Prior samples for the spread of each encoder's codes.
        seed: Of all draws; a function of the generator's content, so that a cell of the matrix
            is the same whatever else is computed.
        progress: Told (images, images in all).

    Returns:
        int64 [encoders, num_groups], the code (or cluster) that each encoder votes for in each
        group (-1: no code is active); None if the run was stopped.
    """
    generate = in_batches(as_function(load_network(generator_path)))
    codes = drawable_codes(codes, ExportDirectory(generator_path.parent))
    encoders = [_load_encoder(path) for path in encoder_paths]
    if drawn is not None:
        encoders = [
            sampling_encoder(encode, one[0], [*seed, 2, *one[1]]) if one else encode
            for encode, one in zip(encoders, drawn, strict=True)
        ]
    draw_group: Callable[[np.random.Generator, int, int], np.ndarray] = codes.draw_group
    voters: Sequence[LeastVaryingCode | MajorityCluster] = [LeastVaryingCode() for _ in encoders]
    if class_features is not None:
        draw_group = codes.draw_class
        voters = [MajorityCluster(one, codes.num_classes, seed[0]) for one in class_features]
    total = num_std_samples + len(fixed_codes) * group_size
    rng = np.random.default_rng([*seed, 0])
    done = 0
    while done < num_std_samples:
        count = min(BLOCK_SIZE, num_std_samples - done)
        images = generate(codes.draw(rng, count))
        for voter, encode in zip(voters, encoders, strict=True):
            voter.observe(encode(images))
        done += count
        progress(done, total)
        if worker.stop_requested():
            return None
    rng = np.random.default_rng([*seed, 1])
    votes = np.empty((len(encoders), len(fixed_codes)), np.int64)
    block = max(1, BLOCK_SIZE // group_size)
    for start in range(0, len(fixed_codes), block):
        fixed = fixed_codes[start : start + block]
        latents = [draw_group(rng, group_size, int(code)) for code in fixed]
        images = generate(np.concatenate(latents))
        for row, voter, encode in zip(votes, voters, encoders, strict=True):
            groups = encode(images).reshape(len(fixed), group_size, -1)
            row[start : start + len(fixed)] = voter.vote(groups)
        done += len(images)
        progress(done, total)
        if worker.stop_requested():
            return None
    return votes


@lru_cache(maxsize=ENCODERS_AT_ONCE)
def _load_encoder(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    return in_batches(as_function(load_network(path)))
