"""Rank mean (ours): the mean rank over methods that fail differently.

Each method errs in its own way: ModelCentrality likes generators that all tell, UDR likes codes
that all find, VP likes codes that change the image each in its own way, PIPE likes codes that are
independent. A model that several of them put first is right for several reasons.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from models import checks
from pipeline.selection.cells import generator_seed
from pipeline.selection.confidence import shares_of_wins
from pipeline.selection.evidence import Evidence
from pipeline.selection.method import MethodOptions, SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, rank_by

NAME = "rank_mean"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RankMeanOptions(MethodOptions):
    """What it is the mean of.

    Attributes:
        of: Names of methods; none: all that were asked for and need no labels.
    """

    of: tuple[str, ...] = ()

    def __post_init__(self):
        if not isinstance(self.of, tuple | list):
            checks.fail("of", self.of, "a tuple of names of methods")

    def check_beside(self, methods: Sequence[str]) -> None:
        """Refuse methods that rank nothing here."""
        others = [name for name in methods if name != NAME]
        for name in self.of:
            checks.choice("of", name, others)


def _rank(evidence: Evidence, pool: Pool, prepared: None) -> Ranking | None:
    places = _places(evidence, pool)
    if len(places) < 2:
        return None
    return rank_by(pool, NAME, _scores(places))


def _places(evidence: Evidence, pool: Pool) -> np.ndarray:
    """Return the rank of each model by each method that knows no labels, [methods, models]."""
    asked = evidence.options.options_of(NAME)["of"]
    rows = []
    for (pool_name, method), ranking in evidence.rankings.items():
        is_wanted = method in asked if asked else method not in (NAME, "supervised")
        if pool_name == pool.name and is_wanted:
            place = {model_id: number for number, model_id in enumerate(ranking.order, start=1)}
            rows.append([place[model_id] for model_id in pool.model_ids])
    return np.array(rows, np.float64).reshape(len(rows), len(pool.model_ids))


def _scores(places: np.ndarray) -> np.ndarray:
    """Return 1 for a model that every method puts first, 0 for one that every method puts last."""
    return 1 - (places.mean(axis=0) - 1) / (places.shape[1] - 1)


def _confidence(
    evidence: Evidence, pool: Pool, prepared: None, ranking: Ranking
) -> Mapping[str, float]:
    """Return the share of resamples of the methods in which each model wins."""
    num_resamples = evidence.options.num_resamples
    if not num_resamples:
        return {}
    places = _places(evidence, pool)
    rng = np.random.default_rng(generator_seed(pool.exports[0]))
    drawn = rng.integers(len(places), size=(num_resamples, len(places)))
    shares = shares_of_wins(np.array([_scores(places[rows]) for rows in drawn]))
    return dict(zip(pool.model_ids, shares.tolist(), strict=True))


RANK_MEAN = SelectionMethod(
    name=NAME,
    title="Rank mean",
    reason="several methods that fail differently put it first",
    source="ours",
    needs=frozenset({"rankings"}),
    options=RankMeanOptions,
    by_default=False,
    rank=_rank,
    confidence=_confidence,
)
