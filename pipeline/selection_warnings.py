"""Why a choice is to be taken with care: pools in which there is nothing, or no one, to choose."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.selection_codes import PoolCodes
from pipeline.selection_tables import Ranking

# Below this share of resamples the choice loses more often than it wins.
SURE_ENOUGH = 0.5
MAX_NAMED = 4


def collapsed_and_doubled(codes: PoolCodes, model_ids: Sequence[str]) -> list[str]:
    """Return sentences on models that tell nothing, and on models that are the same."""
    warnings = []
    collapsed = codes.collapsed(model_ids)
    if len(collapsed) == len(model_ids):
        warnings.append(
            f"all {len(model_ids)} models collapsed: none has a code that tells anything about an "
            "image, so every choice is as good as any other"
        )
    elif collapsed:
        warnings.append(
            f"{len(collapsed)} of {len(model_ids)} models collapsed (no code tells anything about "
            f"an image): {_named(collapsed)}"
        )
    for group in codes.duplicates(model_ids):
        warnings.append(
            f"duplicates: {_named(group)} give the same codes, so they agree with each other "
            "whatever they learned, and the choice leans towards them"
        )
    return warnings


def tied(order: Sequence[str], confidence: Mapping[str, float]) -> list[str]:
    """Return a sentence if the first of a ranking is not clearly ahead of the next ones."""
    first = confidence.get(order[0])
    if first is None or first >= SURE_ENOUGH:
        return []
    rivals = sorted(
        (name for name in order[1:] if confidence.get(name, 0.0) >= first / 4),
        key=lambda name: -confidence[name],
    )
    others = f" (next: {_named(rivals)})" if rivals else ""
    return [f"the first models are tied: the one selected has a confidence of {first:.2f}{others}"]


def at_chance(score: float, chance: np.ndarray) -> list[str]:
    """Return a sentence if the best score is one that votes without any sense reach as well.

    Args:
        score: The highest score of the pool.
        chance: Scores of the same model with shuffled votes.
    """
    if score > chance.max():
        return []
    return [
        f"scores at chance: the highest, {score:.3f}, is no more than votes at random reach "
        f"({chance.mean():.3f} to {chance.max():.3f}): the models do not agree on anything"
    ]


def lines(rankings: Sequence[Ranking]) -> list[str]:
    """Return every warning once, with its pool, and with its method unless it holds for all."""
    methods: dict[tuple[str, str], list[str]] = {}
    for ranking in rankings:
        for text in ranking.warnings:
            methods.setdefault((ranking.pool, text), []).append(ranking.method)
    num_methods = Counter(ranking.pool for ranking in rankings)
    return [
        f"pool {pool}: {text}"
        if len(names) == num_methods[pool]
        else f"pool {pool}, {', '.join(names)}: {text}"
        for (pool, text), names in sorted(methods.items())
    ]


def _named(model_ids: Sequence[str]) -> str:
    more = len(model_ids) - MAX_NAMED
    return ", ".join(model_ids[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
