"""The methods of selection, each a ranking of one pool."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

import metrics
from metrics.selection.medoid import MedoidSearch
from pipeline.model_spec import Export
from pipeline.stages.select import pool_warnings
from pipeline.stages.select.cells import Cells, generator_seed
from pipeline.stages.select.confidence import (
    centrality_confidence,
    chance_centrality,
    udr_confidence,
)
from pipeline.stages.select.pool_codes import PoolCodes
from pipeline.stages.select.result_tables import Ranking, Supervised, best_first

NUM_SHUFFLES = 20  # of the votes, for what chance reaches
# Models whose chances to win are resampled; those further down have none.
MAX_CANDIDATES = 50
Pools = Mapping[str, Sequence[Export]]
# Generator's model id -> the encoders that are to vote on its groups.
Wanted = dict[str, list[Export]]


def all_cells(pools: Pools) -> Wanted:
    """Return every cell of every pool."""
    return _wanted((pool, np.ones((len(pool), len(pool)), bool)) for pool in pools.values())


def search_medoids(
    pools: Pools, cells: Cells, max_share: float
) -> tuple[dict[str, MedoidSearch], Wanted, Wanted]:
    """Return how far the search for each pool's medoid has come, see `metrics.search_medoid`.

    Returns:
        The searches by pool, the cells that they asked for, and those of them that are missing.
        References come in the order of the models' fingerprints, which is as good as random and
        the same in every run.
    """
    searches = {}
    for name, pool in pools.items():
        order = np.argsort([export.fingerprint for export in pool], kind="stable")
        searches[name] = metrics.search_medoid(cells.matrix(pool), order, max_share=max_share)
    needed = _wanted((pool, searches[name].needed) for name, pool in pools.items())
    missing = _wanted((pool, searches[name].missing) for name, pool in pools.items())
    return searches, needed, missing


def _wanted(masks: Iterator[tuple[Sequence[Export], np.ndarray]]) -> Wanted:
    """Return the cells of several pools together, given masks [encoders, generators]."""
    wanted: dict[str, dict[str, Export]] = {}
    for pool, mask in masks:
        for generator, column in zip(pool, mask.T, strict=True):
            encoders = {pool[row].model_id: pool[row] for row in np.flatnonzero(column)}
            wanted.setdefault(generator.model_id, {}).update(encoders)
    return {name: list(encoders.values()) for name, encoders in wanted.items() if encoders}


def by_centrality(name: str, pool: Sequence[Export], cells: Cells, num_resamples: int) -> Ranking:
    """Rank a pool by ModelCentrality; every cell must be there."""
    ids = [export.model_id for export in pool]
    matrix = cells.matrix(pool)
    scores = dict(zip(ids, metrics.model_centrality(matrix).tolist(), strict=True))
    order = best_first(scores)
    confidence = {}
    if num_resamples:
        first = set(order[:MAX_CANDIDATES])
        candidates = [export for export in pool if export.model_id in first]
        confidence = dict.fromkeys(ids, 0.0)
        confidence |= centrality_confidence(cells, pool, candidates, num_resamples)
    return Ranking(
        pool=name,
        method="model_centrality",
        scores=scores,
        order=order,
        confidence=confidence,
        num_compared=dict.fromkeys(ids, len(pool) - 1),
        num_cells=len(pool) ** 2,
        warnings=(
            *pool_warnings.same_scores(ids, matrix),
            *_centrality_warnings(pool, cells, order, scores, confidence),
        ),
    )


def by_search(
    name: str,
    pool: Sequence[Export],
    search: MedoidSearch,
    cells: Cells,
    num_resamples: int,
) -> Ranking:
    """Rank a pool by what a finished search for its medoid found.

    Confidence is the search's own; what it gives to the models that were compared with all others
    is divided among them by the share of resamples of the groups in which each wins.
    """
    ids = [export.model_id for export in pool]
    counts = dict(zip(ids, search.num_compared.tolist(), strict=True))
    scores = dict(zip(ids, search.centrality.tolist(), strict=True))
    order = tuple(ids[number] for number in search.ranking)
    confidence = dict(zip(ids, search.confidence.tolist(), strict=True))
    finalists = [export for export in pool if counts[export.model_id] == len(pool) - 1]
    warnings = pool_warnings.tied(order, confidence)
    if finalists:
        if num_resamples:
            first = set(order[:MAX_CANDIDATES])
            candidates = [export for export in finalists if export.model_id in first]
            among = centrality_confidence(cells, pool, candidates, num_resamples)
            total = sum(confidence[model_id] for model_id in among)
            confidence |= {model_id: total * share for model_id, share in among.items()}
        warnings = _centrality_warnings(pool, cells, order, scores, confidence)
    return Ranking(
        pool=name,
        method="model_centrality",
        scores=scores,
        order=order,
        confidence=confidence,
        num_compared=counts,
        num_cells=int(search.needed.sum()),
        warnings=tuple(warnings),
    )


def by_udr(
    name: str, pool: Sequence[Export], codes: PoolCodes, method: str, num_resamples: int
) -> Ranking:
    """Rank a pool by UDR; `method` is "lasso" or "spearman"."""
    ids = [export.model_id for export in pool]
    values, pairwise = codes.udr(ids, method)
    scores = dict(zip(ids, values.tolist(), strict=True))
    confidence = {}
    if num_resamples:
        seed = generator_seed(pool[0])
        confidence = udr_confidence(pairwise, ids, num_resamples, seed)
    order = best_first(scores)
    return Ranking(
        pool=name,
        method=f"udr_{method}",
        scores=scores,
        order=order,
        confidence=confidence,
        num_compared=dict.fromkeys(ids, len(pool) - 1),
        warnings=tuple(pool_warnings.tied(order, confidence)),
    )


def by_supervision(name: str, pool: Sequence[Export], supervised: Supervised) -> Ranking:
    """Rank a pool by the metric that knows the factors."""
    ids = [export.model_id for export in pool]
    scores = {model_id: float(supervised.scores[model_id]) for model_id in ids}
    return Ranking(pool=name, method="supervised", scores=scores, order=best_first(scores))


def _centrality_warnings(
    pool: Sequence[Export],
    cells: Cells,
    order: Sequence[str],
    scores: Mapping[str, float],
    confidence: Mapping[str, float],
) -> tuple[str, ...]:
    chosen = next(export for export in pool if export.model_id == order[0])
    chance = chance_centrality(cells, chosen, pool, NUM_SHUFFLES)
    return (
        *pool_warnings.at_chance(scores[order[0]], chance),
        *pool_warnings.tied(order, confidence),
    )
