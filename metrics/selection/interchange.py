"""Interchange: what models explain of each other's codes, and what they show of them (ours).

ModelCentrality averages how well encoder i tells generator j's codes with how well j tells i's, so
a simple generator, whose few codes everybody tells, is agreed with by all. Here a model earns only
what it takes from others: its encoder must explain their codes, and its images must move all the
codes that their encoders have.
"""

import numpy as np
from numpy.typing import ArrayLike

from metrics.disentanglement.voting import NO_VOTE
from metrics.shared.validation import check_array


def covered_share(votes: ArrayLike, fixed_factor: ArrayLike, informative: ArrayLike) -> float:
    """Return how much of an encoder's informative codes a generator's groups move.

    An informative code of the encoder is covered as far as some code of the generator makes it the
    one that varies least: max over the generator's codes k of the share of k's groups that vote
    for it.

    Args:
        votes: int `[num_groups]`, the code that the encoder votes for in each group, -1 for none.
        fixed_factor: int `[num_groups]`, the generator's code that each group shares.
        informative: bool `[num_codes]`, the encoder's codes that tell anything about images.

    Returns:
        The mean over the informative codes, from 0 to 1; 0 where there is none.
    """
    codes = np.flatnonzero(informative)
    if not codes.size:
        return 0.0
    votes, fixed_factor = np.asarray(votes), np.asarray(fixed_factor)
    best = np.zeros(len(codes))
    for factor in np.unique(fixed_factor):
        named = votes[fixed_factor == factor]
        shares = [np.mean((named == code) & (named != NO_VOTE)) for code in codes]
        best = np.maximum(best, shares)
    return float(best.mean())


def interchange(explained: ArrayLike, covered: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of the others' codes each model explains and shows.

    s_j is the mean over the other models i of sqrt(explained[j, i] * covered[i, j]): encoder j on
    generator i's codes, and encoder i's codes in generator j's images.

    Args:
        explained: float `[models, models]`, score of encoder i on the groups of generator j.
        covered: float `[models, models]`, see `covered_share`, of encoder i by generator j.

    Returns:
        `(scores, pairwise)`: float64 `[models]` and `[models, models]`; scores[j] is the mean of
        column j without its diagonal, which is 0.

    Raises:
        ValueError: Matrices of unequal shape, not square, or of a single model.
    """
    explained = check_array(explained, "explained", ("models", "models"), minimum=(2, 2))
    covered = check_array(covered, "covered", ("models", "models"), minimum=(2, 2))
    if explained.shape != covered.shape or explained.shape[0] != explained.shape[1]:
        raise ValueError(
            "`explained` and `covered` do not fit each other. Expected: two square matrices of one "
            f"shape. Received: {explained.shape} and {covered.shape}"
        )
    pairwise = np.sqrt(explained.T * covered)  # [i, j]: what j takes from i
    np.fill_diagonal(pairwise, 0.0)
    return pairwise.sum(axis=0) / (len(pairwise) - 1), pairwise
