"""How sure a choice is: resample what it was made from, and count how often each model wins."""

from collections.abc import Callable, Sequence

import numpy as np

from metrics.disentanglement.voting import resampled_scores, score_votes
from pipeline.model_spec import Export
from pipeline.selection.cells import Cells, generator_seed

DECIMALS = 12  # to which two scores must differ


def shares_of_wins(scores: np.ndarray) -> np.ndarray:
    """Return the share of rows in which each column is the largest, [columns].

    A win is shared among equals, so that of two copies of one model neither looks sure.

    Args:
        scores: float [resamples, columns].
    """
    rounded = np.round(scores, DECIMALS)
    wins = rounded == rounded.max(axis=1, keepdims=True)
    return (wins / wins.sum(axis=1, keepdims=True)).mean(axis=0)


def centrality_confidence(
    cells: Cells, pool: Sequence[Export], candidates: Sequence[Export], num_resamples: int
) -> dict[str, float]:
    """Return the share of resamples of all generators' groups in which each candidate wins.

    Args:
        cells: The votes.
        pool: All models, by id.
        candidates: Those of them whose centrality is known exactly; all, unless the medoid was
            searched for.
        num_resamples: Bootstrap resamples.
    """
    rng = np.random.default_rng(generator_seed(pool[0]))
    place = {export.model_id: number for number, export in enumerate(candidates)}
    # s_i is the mean of B[i, j] = (A[i, j] + A[j, i]) / 2 over the others: a sum is enough.
    sums = np.zeros((num_resamples, len(candidates)))
    for generator in pool:
        votes, fixed = cells.votes(generator), cells.fixed_codes(generator)
        probabilities = np.full(len(fixed), 1 / len(fixed))
        weights = rng.multinomial(len(fixed), probabilities, size=num_resamples)
        for encoder in pool:
            touched = [place[one.model_id] for one in (encoder, generator) if one.model_id in place]
            if touched and encoder is not generator:
                scores = resampled_scores(
                    votes[cells.voter(encoder)],
                    fixed,
                    cells.num_votable(generator, encoder),
                    weights,
                )
                sums[:, touched] += scores[:, np.newaxis]
    shares = shares_of_wins(sums)
    return {model_id: float(shares[number]) for model_id, number in place.items()}


def pairwise_confidence(
    pairwise: np.ndarray,
    pool: Sequence[Export],
    num_resamples: int,
    average: Callable[..., np.ndarray],
) -> dict[str, float]:
    """Return the share of resamples of the models compared with in which each model wins.

    Args:
        pairwise: [n, n]; column i is what model i's score is the average of, its diagonal left out.
        pool: The models, in that order.
        num_resamples: Bootstrap resamples; 0: nobody asks, and the answer is empty.
        average: `np.nanmedian` or `np.nanmean`, as the score has it.
    """
    if not num_resamples:
        return {}
    rng = np.random.default_rng(generator_seed(pool[0]))
    num_models = len(pairwise)
    others = np.where(np.eye(num_models, dtype=bool), np.nan, pairwise)
    scores = np.empty((num_resamples, num_models))
    for row in scores:
        drawn = others[rng.integers(num_models, size=num_models)]
        compared = ~np.isnan(drawn).all(axis=0)
        row[:] = 0.0
        row[compared] = average(drawn[:, compared], axis=0)
    shares = shares_of_wins(scores)
    return {one.model_id: float(share) for one, share in zip(pool, shares, strict=True)}


def chance_centrality(
    cells: Cells, chosen: Export, pool: Sequence[Export], num_shuffles: int
) -> np.ndarray:
    """Return the centralities that a model would have if its votes had nothing to do with codes.

    Args:
        cells: The votes; all of the model's row and column must be there.
        chosen: The model.
        pool: All models.
        num_shuffles: How often each generator's groups are shuffled against the votes.

    Returns:
        float64 [num_shuffles].
    """
    rng = np.random.default_rng(generator_seed(chosen))
    sums = np.zeros(num_shuffles)
    for generator in pool:
        votes, fixed = cells.votes(generator), cells.fixed_codes(generator)
        is_own = generator.model_id == chosen.model_id
        for encoder in pool:
            if (encoder.model_id == chosen.model_id) == is_own:
                continue  # neither the model's row nor its column, or the diagonal
            for number in range(num_shuffles):
                shuffled = rng.permutation(fixed)
                num_votable = cells.num_votable(generator, encoder)
                scores = score_votes(votes[cells.voter(encoder)], shuffled, num_votable)
                sums[number] += scores["factor_vae"]
    return sums / (2 * (len(pool) - 1))
