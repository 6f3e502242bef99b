"""ModelCentrality: each model's generator is ground truth for all encoders (Lin et al. 2020)."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

import metrics
from metrics.selection.medoid import MedoidSearch
from pipeline.model_spec import Export
from pipeline.selection import pool_warnings
from pipeline.selection.confidence import centrality_confidence, chance_centrality
from pipeline.selection.evidence import Evidence, Wanted
from pipeline.selection.method import SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, rank_by

NUM_SHUFFLES = 20  # of the votes, for what chance reaches
# Pools below this size have all of their cells computed, whatever the search would save: it finds
# the medoid of 24 models in half of the trials only.
MIN_SEARCHED = 30
# Models whose chances to win are resampled; those further down have none.
MAX_CANDIDATES = 50


def _fill(evidence: Evidence) -> dict[str, MedoidSearch]:
    """Compute the cells: all of them, or those that the search for each pool's medoid asks for."""
    if not evidence.options.search_medoid:
        evidence.fill_cells()
        return {}
    searches, needed, missing = _search(evidence)
    while missing:
        count = sum(len(encoders) for encoders in missing.values())
        evidence.display.say(f"search: {count} more cells")
        evidence.fill_cells(missing)
        searches, needed, missing = _search(evidence)
    evidence.fill_cells(needed)
    return searches


def _search(evidence: Evidence) -> tuple[dict[str, MedoidSearch], Wanted, Wanted]:
    """Return how far the search for each pool's medoid has come, see `metrics.search_medoid`.

    Returns:
        The searches of the pools that are large enough, the cells that all pools need, and those
        of them that are missing.
        References come in the order of the models' fingerprints, which is as good as random and
        the same in every run.
    """
    searches, masks, gaps = {}, {}, {}
    for name, pool in evidence.pools.items():
        matrix = evidence.cells.matrix(pool.exports)
        if len(pool.exports) < MIN_SEARCHED:
            masks[name], gaps[name] = np.ones(matrix.shape, bool), np.isnan(matrix)
            continue
        order = np.argsort([export.fingerprint for export in pool.exports], kind="stable")
        search = metrics.search_medoid(matrix, order, max_share=evidence.options.max_share_of_cells)
        searches[name], masks[name], gaps[name] = search, search.needed, search.missing
    return searches, evidence.wanted_of(masks), evidence.wanted_of(gaps)


def _rank(evidence: Evidence, pool: Pool, search: MedoidSearch | None) -> Ranking:
    ids = pool.model_ids
    if search is None:
        matrix = evidence.cells.matrix(pool.exports)
        ranking = rank_by(
            pool, MODEL_CENTRALITY.name, metrics.model_centrality(matrix), num_cells=matrix.size
        )
        return dataclasses.replace(
            ranking,
            warnings=(
                *pool_warnings.same_scores(ids, matrix),
                *_chance_warnings(evidence, pool, ranking.scores, ranking.order[0]),
            ),
        )
    scores = dict(zip(ids, search.centrality.tolist(), strict=True))
    order = tuple(ids[number] for number in search.ranking)
    counts = dict(zip(ids, search.num_compared.tolist(), strict=True))
    is_exact = len(ids) - 1 in counts.values()
    return Ranking(
        pool=pool.name,
        method=MODEL_CENTRALITY.name,
        scores=scores,
        order=order,
        num_compared=counts,
        num_cells=int(search.needed.sum()),
        warnings=_chance_warnings(evidence, pool, scores, order[0]) if is_exact else (),
    )


def _confidence(
    evidence: Evidence, pool: Pool, search: MedoidSearch | None, ranking: Ranking
) -> Mapping[str, float]:
    """Return the share of resamples of the groups in which each model wins.

    After a search, confidence is the search's own; what it gives to the models that were compared
    with all others is divided among them by their shares.
    """
    ids = pool.model_ids
    first = set(ranking.order[:MAX_CANDIDATES])
    candidates: Sequence[Export] = [
        export
        for export in pool.exports
        if ranking.num_compared[export.model_id] == len(ids) - 1 and export.model_id in first
    ]
    shares, num_resamples = {}, evidence.options.num_resamples
    if candidates and num_resamples:
        shares = centrality_confidence(evidence.cells, pool.exports, candidates, num_resamples)
    if search is None:
        return dict.fromkeys(ids, 0.0) | shares if num_resamples else {}
    own = dict(zip(ids, search.confidence.tolist(), strict=True))
    total = sum(own[model_id] for model_id in shares)
    return own | {model_id: total * share for model_id, share in shares.items()}


def _chance_warnings(
    evidence: Evidence, pool: Pool, scores: Mapping[str, float], chosen_id: str
) -> tuple[str, ...]:
    chosen = next(export for export in pool.exports if export.model_id == chosen_id)
    chance = chance_centrality(evidence.cells, chosen, pool.exports, NUM_SHUFFLES)
    return tuple(pool_warnings.at_chance(scores[chosen_id], chance))


MODEL_CENTRALITY = SelectionMethod(
    name="model_centrality",
    title="ModelCentrality",
    reason="of all, its codes agree best with those of the others",
    source="Lin et al. 2020 (arXiv 1906.06034), section 4",
    needs=frozenset({"cells"}),
    prepare=_fill,
    rank=_rank,
    confidence=_confidence,
)
