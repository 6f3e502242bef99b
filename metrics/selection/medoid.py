"""The medoid of a pool of models without all of its cross scores: a bandit over the models.

Correlated sequential halving (Baharav & Tse 2019, "Ultra Fast Medoid Identification via Correlated
Sequential Halving", NeurIPS; after Bagaria et al. 2018, "Medoids in Almost Linear Time via
Multi-Armed Bandits", AISTATS): every candidate is compared with the same few reference models, the
better half stays, the references double, until the rest can be compared with all. Sharing the
references makes the differences between candidates, which alone matter, much surer than the
centralities themselves.

What is ours: cross scores are not symmetric, and a cell is one encoder on one generator's images.
A model's centrality is half its mean as encoder and half its mean as generator, so the two halves
take different references, generators from one end of the order and encoders from the other: a
score says little that its transpose has not said. Known cells are used again in later rounds, and
the last candidates are compared with every model, so that among them the choice is exact.
"""

import dataclasses

import numpy as np
import scipy
from numpy.typing import ArrayLike

from metrics.selection.centrality import model_centrality
from metrics.shared.validation import check_array

# Share of the budget for the first round, in which every model is a candidate.
FIRST_ROUND = 0.3
MIN_REFERENCES = 3  # one is left where both of a pair are references
DECIMALS = 12  # to which centralities must differ; the order of a sum must not break a tie


@dataclasses.dataclass(frozen=True)
class MedoidSearch:
    """How far the search has come with the scores that are known.

    Attributes:
        needed: bool `[models, models]`, the cells that the search has asked for so far.
        missing: bool `[models, models]`, those of them that are not known yet; where there are
            none, the search is over and what follows is final.
        ranking: int `[models]`, the models from the medoid down: those that stayed longest first,
            then by centrality, then by number.
        centrality: float64 `[models]`, exact where `num_compared` is models - 1, else estimated.
        num_compared: int `[models]`, the other models from which centrality is estimated, on
            either side.
        confidence: float64 `[models]`, a cautious probability that the model is the medoid of the
            whole table given the cells that are known; two exact equals have half each. Sums to 1.
    """

    needed: np.ndarray
    missing: np.ndarray
    ranking: np.ndarray
    centrality: np.ndarray
    num_compared: np.ndarray
    confidence: np.ndarray

    @property
    def is_finished(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing.any()


def search_medoid(
    cross_scores: ArrayLike, reference_order: ArrayLike, *, max_share: float = 0.4
) -> MedoidSearch:
    """Return the state of the search for the model that `model_centrality` puts first.

    To be called again with the missing cells filled in until it is finished: it replays its rounds
    on what is known, so it goes on wherever it was interrupted, and its result depends on the
    scores and the order alone.

    Args:
        cross_scores: float `[models, models]`: the score of the row's encoder on the column's
            generator; NaN where it is not known. The diagonal is not used.
        reference_order: int `[models]`, a permutation: the models in a random order that has
            nothing to do with how good they are.
        max_share: the largest share of all models^2 cells to ask for. Pools so small that the
            first round would cost more are computed whole.

    Returns:
        A `MedoidSearch`.

    Raises:
        ValueError: a table that is not square, one single model, an order that is no permutation.
    """
    scores, order = _check(cross_scores, reference_order, max_share)
    num_models = len(scores)
    budget = int(max_share * num_models**2)
    count = max(MIN_REFERENCES, round(FIRST_ROUND * budget / (2 * num_models)))
    candidates = np.arange(num_models)
    needed = np.zeros((num_models, num_models), bool)

    def affords(models: np.ndarray, references: int) -> bool:
        return _extended(needed, models, order, references).sum() <= budget

    if not affords(candidates, count):
        count, budget = num_models, num_models**2
    compared = np.zeros(num_models, dtype=np.int64)  # references of each model, on either side
    estimates = np.zeros(num_models)
    while True:
        needed = _extended(needed, candidates, order, count)
        missing = needed & ~np.isfinite(scores)
        compared[candidates] = count
        if missing.any():
            unknown = np.full(num_models, np.nan)
            return MedoidSearch(
                needed, missing, order, unknown, np.minimum(compared, num_models - 1), unknown
            )
        means = [_paired_means(scores, int(model), order, count) for model in candidates]
        estimates[candidates] = np.round(means, DECIMALS)
        candidates = candidates[np.lexsort((candidates, -estimates[candidates]))]
        if count == num_models:
            break
        candidates = candidates[: max(1, -(-len(candidates) // 2))]
        if affords(candidates, num_models) or not affords(candidates, 2 * count):
            # The last round: all that can be compared with every model, and no more.
            while len(candidates) > 1 and not affords(candidates, num_models):
                candidates = candidates[:-1]
            count = num_models
        else:
            count = 2 * count
        if not affords(candidates, count):
            break
    ranking = np.lexsort((np.arange(num_models), -estimates, -compared))
    ranking = np.concatenate([candidates[:1], ranking[ranking != candidates[0]]])
    return MedoidSearch(
        needed=needed,
        missing=np.zeros_like(needed),
        ranking=ranking,
        centrality=estimates,
        num_compared=np.minimum(compared, num_models - 1),
        confidence=_confidence(scores, order, compared, candidates[0]),
    )


def _check(
    cross_scores: ArrayLike, reference_order: ArrayLike, max_share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores as float64 and the order as an array."""
    scores = np.array(cross_scores, dtype=np.float64)
    # The rest of the checks are those of the whole table, with something in the gaps.
    model_centrality(np.where(np.isnan(scores), 0.0, scores))
    order = check_array(reference_order, "reference_order", ("models",))
    if not np.array_equal(np.sort(order), np.arange(len(scores))):
        raise ValueError(
            "`reference_order` is no order of the models. Expected: each number from 0 to "
            f"{len(scores) - 1} once. Received: reference_order={order!r}"
        )
    if not 0.0 < max_share <= 1.0:
        raise ValueError(
            "`max_share` is a share of the cells. Expected: a number above 0, at most 1. "
            f"Received: max_share={max_share!r}"
        )
    return scores, order.astype(np.int64)


def _references(order: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the models that serve as generators and those that serve as encoders."""
    return order[:count], order[::-1][:count]


def _extended(
    needed: np.ndarray, candidates: np.ndarray, order: np.ndarray, count: int
) -> np.ndarray:
    """Return the cells needed when the candidates are compared with `count` references."""
    generators, encoders = _references(order, count)
    extended = needed.copy()
    extended[np.ix_(candidates, generators)] = True
    extended[np.ix_(encoders, candidates)] = True
    np.fill_diagonal(extended, False)
    return extended


def _paired_means(scores: np.ndarray, model: int, order: np.ndarray, count: int) -> float:
    """Return the centrality of a model as the references see it."""
    generators, encoders = _references(order, count)
    as_encoder = scores[model, generators[generators != model]]
    as_generator = scores[encoders[encoders != model], model]
    return (as_encoder.mean() + as_generator.mean()) / 2


def _confidence(
    scores: np.ndarray, order: np.ndarray, compared: np.ndarray, chosen: int
) -> np.ndarray:
    """Return the probability of each model to be the medoid, float64 `[models]`.

    The difference between the chosen model's centrality and another's is a mean over the models
    other than the two; the references that the two share are a sample of them, drawn without
    replacement. Its error is taken as normal, with a variance pooled over the models that left
    in the same round. The chosen model is the medoid if no other is above it; taken as independent
    events, which the shared references make cautious, since errors then go the same way. The
    others share what is left in proportion.
    """
    num_models = len(scores)
    above = np.zeros(num_models)
    for count in np.unique(compared):
        rivals = np.flatnonzero((compared == count) & (np.arange(num_models) != chosen))
        halves = [_differences(scores, order, count, chosen, int(rival)) for rival in rivals]
        # Of two models that are the whole pool each is as central as the other: 0 / 1.
        means = [[half.sum() / max(1, len(half)) for half in pair] for pair in halves]
        gaps = np.round([sum(pair) / 2 for pair in means], DECIMALS)
        spread = 0.0 if count == num_models else _error(halves, num_models - 2)
        if spread > 0:
            above[rivals] = scipy.stats.norm.sf(gaps / spread)
        else:
            above[rivals] = np.where(gaps > 0, 0.0, np.where(gaps < 0, 1.0, 0.5))
    confidence = np.zeros(num_models)
    confidence[chosen] = np.prod(1 - above)
    if above.any():
        confidence += (1 - confidence[chosen]) * above / above.sum()
    return confidence


def _error(pairs: list[tuple[np.ndarray, np.ndarray]], population: int) -> float:
    """Return the standard error of a mean of two halves, its variance pooled over the rivals."""
    halves = [half for pair in pairs for half in pair if len(half) > 1]
    if not halves:
        return np.inf
    variance = np.mean([half.var(ddof=1) for half in halves])
    size = np.mean([len(half) for half in halves])
    return np.sqrt(variance / (2 * size) * max(0.0, 1 - size / population))


def _differences(
    scores: np.ndarray, order: np.ndarray, count: int, chosen: int, rival: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return chosen minus rival on each reference generator, and on each reference encoder."""
    both = (chosen, rival)
    generators, encoders = (part[~np.isin(part, both)] for part in _references(order, count))
    return (
        scores[chosen, generators] - scores[rival, generators],
        scores[encoders, chosen] - scores[encoders, rival],
    )
