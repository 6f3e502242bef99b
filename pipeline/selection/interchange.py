"""Interchange (ours): a model is as good as what it explains and shows of the others' codes.

Made from ModelCentrality's votes, so it costs no image more.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

import metrics
from metrics.selection.interchange import covered_share
from models.codes.joint_code import FeatureCode
from pipeline.model_spec import Export
from pipeline.selection.confidence import pairwise_confidence
from pipeline.selection.evidence import Evidence
from pipeline.selection.method import SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, rank_by

Comparison = tuple[np.ndarray, np.ndarray]
"""Scores [n] and what each is the mean of, [n, n], see `metrics.interchange`."""


def _compare(evidence: Evidence) -> dict[str, Comparison]:
    """Return the comparison of each pool whose models have codes that groups can share."""
    evidence.fill_cells()
    tells_classes = evidence.options.fixed == "classes"
    pools = {
        name: pool
        for name, pool in evidence.pools.items()
        if tells_classes or not any(isinstance(one.codes, FeatureCode) for one in pool.exports)
    }
    covered = _covered(evidence, pools.values())
    comparisons = {}
    for name, pool in pools.items():
        explained = evidence.cells.matrix(pool.exports)
        if not tells_classes:  # votes of codes that tell nothing explain nothing
            dead = evidence.codes.collapsed(pool.model_ids)
            explained[np.isin(pool.model_ids, dead)] = 0.0
        covers = [[covered[i, j] for j in pool.model_ids] for i in pool.model_ids]
        comparisons[name] = metrics.interchange(explained, covers)
    return comparisons


def _covered(evidence: Evidence, pools: Iterable[Pool]) -> dict[tuple[str, str], float]:
    """Return how much of encoder i's informative codes generator j covers, by ids (i, j).

    Of every pair that meets in a pool, once however many pools share it.
    """
    exports: dict[str, Export] = {}
    encoders: dict[str, set[str]] = defaultdict(set)
    for pool in pools:
        exports |= zip(pool.model_ids, pool.exports, strict=True)
        for generator in pool.model_ids:
            encoders[generator].update(pool.model_ids)
    covered = {}
    for generator, voters in encoders.items():
        votes = evidence.cells.votes(exports[generator])
        fixed = evidence.cells.fixed_codes(exports[generator])
        for encoder in voters:
            informative = _informative(evidence, exports[generator], exports[encoder])
            share = covered_share(votes[exports[encoder].key], fixed, informative)
            covered[encoder, generator] = share
    return covered


def _informative(evidence: Evidence, generator: Export, encoder: Export) -> np.ndarray:
    """Return which codes, or clusters, of an encoder should be voted for by somebody."""
    if evidence.options.fixed == "classes":
        return np.ones(evidence.cells.num_votable(generator, encoder), bool)
    return evidence.codes.informative[encoder.model_id]


def _rank(evidence: Evidence, pool: Pool, compared: Comparison | None) -> Ranking | None:
    if compared is None:
        return None
    return rank_by(pool, INTERCHANGE.name, compared[0], num_cells=len(pool.exports) ** 2)


def _confidence(
    evidence: Evidence, pool: Pool, compared: Comparison, ranking: Ranking
) -> Mapping[str, float]:
    num_resamples = evidence.options.num_resamples
    return pairwise_confidence(compared[1], pool.exports, num_resamples, np.nanmean)


INTERCHANGE = SelectionMethod(
    name="interchange",
    title="Interchange",
    reason="of all, it explains and shows most of the others' codes",
    source="ours; votes of Lin et al. 2020 (arXiv 1906.06034), section 4",
    needs=frozenset({"cells", "codes"}),
    by_default=False,
    prepare=_compare,
    rank=_rank,
    confidence=_confidence,
)
