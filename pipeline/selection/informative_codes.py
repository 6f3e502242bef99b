"""How many codes the models of a pool use: a hint at how many codes the images ask for."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from pipeline.selection.pool_codes import PoolCodes


def counts(codes: PoolCodes, model_ids: Sequence[str]) -> dict[str, int]:
    """Return how many codes of each model tell anything about an image."""
    return {model_id: int(codes.informative[model_id].sum()) for model_id in model_ids}


def usual(used: Iterable[int]) -> int:
    """Return the number of informative codes that half of the models have or exceed."""
    return statistics.median_low(used)


def advice(used: Mapping[str, int], offered: Mapping[str, int]) -> str:
    """Return a sentence on the number of codes that a sweep should have.

    Args:
        used: Model id -> informative codes.
        offered: Model id -> codes in all.
    """
    low, middle, high = min(used.values()), usual(used.values()), max(used.values())
    spread = f"{low}" if low == high else f"{low} to {high}"
    told = f"models use {spread} codes, half of them {middle} or fewer"
    if all(used[model_id] == offered[model_id] for model_id in used):
        return f"{told}: every code is in use, so the images may ask for more"
    if middle == 0:
        return f"{told}: most of them tell nothing"
    return f"{told}: {middle} of {max(offered.values())} codes would do"
