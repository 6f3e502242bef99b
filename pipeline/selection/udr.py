"""UDR: the codes that encoders give to the same images are compared in pairs (Duan et al. 2020)."""

import functools
from collections.abc import Mapping

import numpy as np

from metrics.selection.unsupervised_ranking import udr_scores
from pipeline.selection.confidence import pairwise_confidence
from pipeline.selection.evidence import Evidence
from pipeline.selection.method import SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, rank_by

Comparison = tuple[np.ndarray, np.ndarray]
"""Scores [n] and what each is the median of, [n, n], see `metrics.udr`."""


def _compare(evidence: Evidence, *, learner: str) -> dict[str, Comparison]:
    """Compare every two models once, whatever pools they are in."""
    everybody = [export.model_id for export in evidence.exports]
    place = {model_id: number for number, model_id in enumerate(everybody)}
    _, pairwise = evidence.codes.udr(everybody, learner)
    comparisons = {}
    for name, pool in evidence.pools.items():
        members = [place[model_id] for model_id in pool.model_ids]
        part = pairwise[np.ix_(members, members)]
        comparisons[name] = (udr_scores(part), part)
    return comparisons


def _rank(evidence: Evidence, pool: Pool, compared: Comparison, *, learner: str) -> Ranking:
    return rank_by(pool, f"udr_{learner}", compared[0])


def _confidence(
    evidence: Evidence, pool: Pool, compared: Comparison, ranking: Ranking
) -> Mapping[str, float]:
    num_resamples = evidence.options.num_resamples
    return pairwise_confidence(compared[1], pool.exports, num_resamples, np.nanmedian)


UDR_LASSO, UDR_SPEARMAN = (
    SelectionMethod(
        name=f"udr_{learner}",
        title=f"UDR {learner.title()}",
        reason="of all, its codes agree best with those of the others",
        source="Duan et al. 2020 (arXiv 1905.12614), section 4",
        needs=frozenset({"codes"}),
        prepare=functools.partial(_compare, learner=learner),
        rank=functools.partial(_rank, learner=learner),
        confidence=_confidence,
    )
    for learner in ("lasso", "spearman")
)
