"""The ranking by a metric that knows the factors: what selection without labels is held against."""

from pipeline.selection.evidence import Evidence
from pipeline.selection.method import SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, best_first


def _rank(evidence: Evidence, pool: Pool, prepared: None) -> Ranking | None:
    if evidence.supervised is None:
        return None
    known = evidence.supervised.scores
    scores = {model_id: float(known[model_id]) for model_id in pool.model_ids}
    return Ranking(pool=pool.name, method=SUPERVISED.name, scores=scores, order=best_first(scores))


SUPERVISED = SelectionMethod(
    name="supervised",
    title="Supervised",
    reason="of all, it scores best against the known factors",
    source="the metric stage",
    needs=frozenset({"labels"}),
    rank=_rank,
)
