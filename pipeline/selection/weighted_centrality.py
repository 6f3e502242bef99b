"""Weighted centrality (ours): ModelCentrality times how much of the pool's codes a model uses.

Models that agree on a few factors agree well, so one that misses a factor can be the medoid of a
pool whose methods differ. A model with three informative codes, where half of the pool has four or
more, can show three quarters of what they show: its centrality counts three quarters.
"""

from collections.abc import Mapping

import numpy as np

import metrics
from pipeline.selection import informative_codes
from pipeline.selection.confidence import pairwise_confidence
from pipeline.selection.evidence import Evidence
from pipeline.selection.method import SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, rank_by


def _fill(evidence: Evidence) -> Mapping[str, None]:
    evidence.fill_cells()
    return {}


def _weights(evidence: Evidence, pool: Pool) -> np.ndarray:
    """Return the share of the usual number of codes that each model uses, at most 1, [n]."""
    used = informative_codes.counts(evidence.codes, pool.model_ids)
    usual = informative_codes.usual(used.values())
    counts = np.array([used[model_id] for model_id in pool.model_ids])
    return np.minimum(1.0, counts / max(usual, 1))


def _rank(evidence: Evidence, pool: Pool, prepared: None) -> Ranking | None:
    if evidence.options.fixed == "classes":
        return None  # features of a class are not codes: fewer of them miss nothing
    centrality = metrics.model_centrality(evidence.cells.matrix(pool.exports))
    scores = _weights(evidence, pool) * centrality
    return rank_by(pool, WEIGHTED_CENTRALITY.name, scores, num_cells=len(pool.exports) ** 2)


def _confidence(
    evidence: Evidence, pool: Pool, prepared: None, ranking: Ranking
) -> Mapping[str, float]:
    """Return the share of resamples of the models compared with in which each model wins."""
    matrix = evidence.cells.matrix(pool.exports)
    compared = (matrix + matrix.T) / 2 * _weights(evidence, pool)  # column i: of model i
    num_resamples = evidence.options.num_resamples
    return pairwise_confidence(compared, pool.exports, num_resamples, np.nanmean)


WEIGHTED_CENTRALITY = SelectionMethod(
    name="weighted_centrality",
    title="Weighted centrality",
    reason="of all that use as many codes as most, its codes agree best with those of the others",
    source="ours; votes of Lin et al. 2020 (arXiv 1906.06034), section 4",
    needs=frozenset({"cells", "codes"}),
    by_default=False,
    prepare=_fill,
    rank=_rank,
    confidence=_confidence,
)
