"""Votes of the FactorVAE metric: which code varies least inside a group.

Separate from the metric because ModelCentrality scores groups as they stream out of a generator: it
collects the votes batch by batch with `group_votes` and scores them once with `score_votes`.
"""

import numpy as np

from metrics.shared.validation import varying_columns

# Groups are cast to float64 this many values at a time, which fits the processor's cache.
BLOCK_VALUES = 1 << 18
NO_VOTE = -1


def active_codes(codes_std: np.ndarray, prune_std: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the spread of every code and which codes may be voted for.

    Args:
        codes_std: float64 `[points, code_dim]`, codes of a sample of the whole data set.
        prune_std: smallest standard deviation of an active code.

    Returns:
        `(std, active)`: float64 and bool `[code_dim]`. A code that takes one value only is never
        active: its computed deviation may be 1e-17 instead of 0, and the quotient of two such
            numbers would win votes.
    """
    std = codes_std.std(axis=0)
    return std, varying_columns(codes_std) & (std >= prune_std) & (std > 0)


def group_votes(groups: np.ndarray, std: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return the vote of each group: argmin over active codes of var(group) / std^2.

    Args:
        groups: float `[num_groups, group_size, code_dim]`.
        std: float64 `[code_dim]`, spread of each code over the data set.
        active: bool `[code_dim]`, codes that may be voted for.

    Returns:
        int64 `[num_groups]`, index of a code; -1 for every group where no code is active.
    """
    votes = np.full(len(groups), NO_VOTE, dtype=np.int64)
    candidates = np.flatnonzero(active)
    if not candidates.size:
        return votes
    step = max(1, BLOCK_VALUES // max(1, groups[0].size)) if len(groups) else 1
    for start in range(0, len(groups), step):
        block = groups[start : start + step].astype(np.float64)  # [step, group_size, code_dim]
        # Divided before squaring, so that neither tiny nor huge codes leave the range of floats.
        spread = block.std(axis=1)[:, candidates] / std[candidates]
        votes[start : start + step] = candidates[np.argmin(spread, axis=1)]
    return votes


def score_votes(
    votes: np.ndarray,
    fixed_factor: np.ndarray,
    num_codes: int,
    *,
    eval_votes: np.ndarray | None = None,
    eval_fixed_factor: np.ndarray | None = None,
) -> dict[str, float]:
    """Return the scores of the majority-vote classifier (Kim & Mnih 2018, section 4).

    V[l, k] counts the votes for code l among the groups of factor k. A code's prediction is the
    factor that it was voted for most often, the first one in a tie.

    Args:
        votes: int `[num_groups]`, from `group_votes`.
        fixed_factor: int `[num_groups]`, the factor that each group shares.
        num_codes: number of codes.
        eval_votes: votes of fresh groups, or None.
        eval_fixed_factor: their fixed factors, or None.

    Returns:
        dict with `factor_vae` = sum_l max_k V / sum V; `factor_vae_revised`, in which only as many
        codes count as there are factors, the largest ones; with fresh votes also `factor_vae_eval`,
        the share that the majority predicts (a code without votes predicts the first factor). 0
        where no code was active.
    """
    factors, factor_index = np.unique(fixed_factor, return_inverse=True)
    table = np.zeros((num_codes, len(factors)), dtype=np.int64)
    voted = votes != NO_VOTE
    np.add.at(table, (votes[voted], factor_index[voted]), 1)
    largest = np.sort(table.max(axis=1))[::-1]
    scores = {
        "factor_vae": float(largest.sum() / len(votes)),
        "factor_vae_revised": float(largest[: len(factors)].sum() / len(votes)),
    }
    if eval_votes is not None:
        predicted = factors[table.argmax(axis=1)][eval_votes]  # [num_eval_groups]
        correct = (predicted == eval_fixed_factor) & (eval_votes != NO_VOTE)
        scores["factor_vae_eval"] = float(correct.mean())
    return scores


def resampled_scores(
    votes: np.ndarray, fixed_factor: np.ndarray, num_codes: int, weights: np.ndarray
) -> np.ndarray:
    """Return `factor_vae` of many resamples of the same votes at once.

    Args:
        votes: int `[num_groups]`, from `group_votes`.
        fixed_factor: int `[num_groups]`, the factor that each group shares.
        num_codes: number of codes.
        weights: `[num_resamples, num_groups]`, how often each resample holds each group; rows sum
            to num_groups.

    Returns:
        float64 `[num_resamples]`; all weights 1 give the score itself.
    """
    factors, factor_index = np.unique(fixed_factor, return_inverse=True)
    voted = votes != NO_VOTE
    cells = np.zeros((len(votes), num_codes * len(factors)))  # one-hot: which entry of V
    rows = np.flatnonzero(voted)
    cells[rows, votes[voted] * len(factors) + factor_index[voted]] = 1.0
    tables = (weights @ cells).reshape(len(weights), num_codes, len(factors))
    return tables.max(axis=2).sum(axis=1) / len(votes)
