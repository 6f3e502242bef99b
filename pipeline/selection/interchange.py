"""Interchange (ours): a model is as good as what it explains and shows of the others' codes.

Made from ModelCentrality's votes, so it costs no image more.
"""

from collections.abc import Mapping

import numpy as np

import metrics
from metrics.selection.interchange import covered_share
from models.codes.joint_code import FeatureCode
from pipeline.model_spec import Export
from pipeline.selection.cells import generator_seed
from pipeline.selection.confidence import pairwise_confidence
from pipeline.selection.evidence import Evidence
from pipeline.selection.method import SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, best_first

Comparison = tuple[np.ndarray, np.ndarray]
"""Scores [n] and what each is the mean of, [n, n], see `metrics.interchange`."""


def _compare(evidence: Evidence) -> dict[str, Comparison]:
    """Return the comparison of each pool whose models have codes that groups can share."""
    evidence.fill_cells()
    comparisons = {}
    for name, pool in evidence.pools.items():
        tells_classes = evidence.options.fixed == "classes"
        if tells_classes or not any(isinstance(one.codes, FeatureCode) for one in pool.exports):
            explained = evidence.cells.matrix(pool.exports)
            comparisons[name] = metrics.interchange(explained, _covered(evidence, pool))
    return comparisons


def _covered(evidence: Evidence, pool: Pool) -> np.ndarray:
    """Return how much of encoder i's informative codes generator j covers, [i, j]."""
    covered = np.empty((len(pool.exports), len(pool.exports)))
    for column, generator in enumerate(pool.exports):
        votes = evidence.cells.votes(generator)
        fixed = evidence.cells.fixed_codes(generator)
        for row, encoder in enumerate(pool.exports):
            informative = _informative(evidence, generator, encoder)
            covered[row, column] = covered_share(votes[encoder.key], fixed, informative)
    return covered


def _informative(evidence: Evidence, generator: Export, encoder: Export) -> np.ndarray:
    """Return which codes, or clusters, of an encoder should be voted for by somebody."""
    if evidence.options.fixed == "classes":
        return np.ones(evidence.cells.num_votable(generator, encoder), bool)
    return evidence.codes.informative[encoder.model_id]


def _rank(evidence: Evidence, pool: Pool, compared: Comparison | None) -> Ranking | None:
    if compared is None:
        return None
    scores = dict(zip(pool.model_ids, compared[0].tolist(), strict=True))
    return Ranking(
        pool=pool.name,
        method=INTERCHANGE.name,
        scores=scores,
        order=best_first(scores),
        num_compared=dict.fromkeys(pool.model_ids, len(pool.exports) - 1),
        num_cells=len(pool.exports) ** 2,
    )


def _confidence(
    evidence: Evidence, pool: Pool, compared: Comparison, ranking: Ranking
) -> Mapping[str, float]:
    if not evidence.options.num_resamples:
        return {}
    seed = generator_seed(pool.exports[0])
    num_resamples = evidence.options.num_resamples
    return pairwise_confidence(compared[1], pool.model_ids, num_resamples, seed, np.nanmean)


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
