"""What a selection method ranks, and the ranking that it gives."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from pipeline.model_spec import Export

DECIMALS = 12  # to which two scores must differ; the order of a sum must not break a tie


@dataclasses.dataclass(frozen=True)
class Pool:
    """Models that are selected among.

    Attributes:
        name: The pool's name.
        exports: Its models, sorted by model id.
    """

    name: str
    exports: tuple[Export, ...]

    @property
    def model_ids(self) -> list[str]:
        """The ids of its models, sorted."""
        return [export.model_id for export in self.exports]


@dataclasses.dataclass(frozen=True)
class Ranking:
    """What one selection method says of one pool.

    Attributes:
        pool: The pool's name.
        method: The selection method's name.
        scores: Model id -> score; the higher, the better.
        order: The model ids from the best down.
        confidence: Model id -> how sure it is that the model is the best; may lack models.
        num_compared: Model id -> how many other models its score comes from; may lack models.
        num_cells: Cells of the score matrix that the ranking rests on; None where it has none.
        warnings: Why the choice is to be taken with care.
    """

    pool: str
    method: str
    scores: Mapping[str, float]
    order: tuple[str, ...]
    confidence: Mapping[str, float] = dataclasses.field(default_factory=dict)
    num_compared: Mapping[str, int] = dataclasses.field(default_factory=dict)
    num_cells: int | None = None
    warnings: tuple[str, ...] = ()


def rank_by(
    pool: Pool,
    method: str,
    scores: np.ndarray,
    num_cells: int | None = None,
) -> Ranking:
    """Return the ranking by scores each of which compares a model with all others of the pool.

    Args:
        pool: The pool.
        method: The selection method's name.
        scores: [n], in the order of the pool's models.
        num_cells: See `Ranking`.
    """
    scored = dict(zip(pool.model_ids, scores.tolist(), strict=True))
    return Ranking(
        pool=pool.name,
        method=method,
        scores=scored,
        order=best_first(scored),
        num_compared=dict.fromkeys(scored, len(scored) - 1),
        num_cells=num_cells,
    )


def best_first(scores: Mapping[str, float]) -> tuple[str, ...]:
    """Return model ids by score, the highest first; ties go to the lowest model id."""
    return tuple(sorted(scores, key=lambda name: (-round(scores[name], DECIMALS), name)))
