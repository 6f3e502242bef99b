"""Why a choice is to be taken with care: pools in which there is nothing, or no one, to choose."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.selection import informative_codes
from pipeline.selection.pool_codes import PoolCodes
from pipeline.selection.ranking import Ranking

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


def few_codes(codes: PoolCodes, order: Sequence[str]) -> list[str]:
    """Return a sentence if the first of a ranking has fewer informative codes than most.

    Models that agree on a few factors agree well, so a model that misses one can be the medoid.
    """
    used = informative_codes.counts(codes, order)
    first, usual = used[order[0]], informative_codes.usual(used.values())
    if not 0 < first < usual:
        return []
    return [
        f"the model selected has {first} codes that tell anything about an image, half of the pool "
        f"{usual} or more: see in its traversals whether it misses a factor"
    ]


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


def same_scores(model_ids: Sequence[str], matrix: np.ndarray) -> list[str]:
    """Return a sentence on each group of models whose cross scores with all others are equal.

    Args:
        model_ids: The models.
        matrix: Their cross scores [encoders, generators]. Where no score differs from another
            there is nothing by which to tell copies, so nothing is said; nor of three models, of
            which two easily agree with the third alike.
    """
    if len(model_ids) < 4 or np.ptp(matrix) == 0:
        return []
    groups: list[list[int]] = []
    for number in range(len(model_ids)):
        for group in groups:
            others = np.ones(len(model_ids), bool)
            others[[group[0], number]] = False
            same = matrix[group[0]] == matrix[number], matrix[:, group[0]] == matrix[:, number]
            if all(part[others].all() for part in same):
                group.append(number)
                break
        else:
            groups.append([number])
    return [
        f"duplicates: {_named([model_ids[number] for number in group])} have the same cross scores "
        "with every other model"
        for group in groups
        if len(group) > 1
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
