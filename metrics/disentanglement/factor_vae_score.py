"""FactorVAE metric (Kim & Mnih 2018, "Disentangling by Factorising", section 4)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.disentanglement.voting import active_codes, group_votes, score_votes
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import (
    check_codes,
    check_evaluation_groups,
    check_groups_and_factor,
    check_number,
    check_same_width,
)


def factor_vae(
    groups: ArrayLike,
    fixed_factor: ArrayLike,
    codes_std: ArrayLike,
    *,
    eval_groups: ArrayLike | None = None,
    eval_fixed_factor: ArrayLike | None = None,
    prune_std: float = 0.0,
) -> dict[str, float]:
    """Return how well the least varying code of a group tells which factor the group shares.

    1 where every factor has a code of its own that stands still with it; about 1 / num_factors by
    chance (a little above, since the majority is counted on the votes that made it). 0 where no
    code is active.

    Args:
        groups: float `[num_groups, group_size, code_dim]`: codes of groups whose images share one
            factor's value.
        fixed_factor: int `[num_groups]`: which factor that is. The number of factors is the number
            of distinct values.
        codes_std: float `[points, code_dim]`: codes of a sample of the whole data set, for the
            spread of each code.
        eval_groups: fresh groups of the same shape, to score the majority on groups that did not
            make it.
        eval_fixed_factor: their fixed factors.
        prune_std: codes whose standard deviation over `codes_std` is below this may not be voted
            for. The cr protocol uses 0, the dlib protocol 0.05.

    Returns:
        dict: `factor_vae`, `factor_vae_revised` (at most one code a factor counts),
            `factor_vae_num_active` (number of
        codes), with evaluation groups also `factor_vae_eval`. Scores from 0 to 1.

    Raises:
        ValueError: malformed arrays, lengths that differ, only one of the two evaluation arguments.
    """
    return factor_vae_resampling(
        groups,
        fixed_factor,
        codes_std,
        eval_groups=eval_groups,
        eval_fixed_factor=eval_fixed_factor,
        prune_std=prune_std,
    ).scores()


def factor_vae_resampling(
    groups: ArrayLike,
    fixed_factor: ArrayLike,
    codes_std: ArrayLike,
    *,
    eval_groups: ArrayLike | None = None,
    eval_fixed_factor: ArrayLike | None = None,
    prune_std: float = 0.0,
) -> Resampling:
    """Return the `Resampling` of `factor_vae` over groups: votes are cast once and redrawn."""
    groups, fixed_factor = check_groups_and_factor(groups, fixed_factor)
    codes_std = check_codes(codes_std, "codes_std")
    check_same_width(groups=groups, codes_std=codes_std)
    eval_groups, eval_fixed_factor = check_evaluation_groups(groups, eval_groups, eval_fixed_factor)
    check_number(prune_std, "prune_std", low=0, high=np.inf)

    std, active = active_codes(codes_std, prune_std)
    votes = group_votes(groups, std, active)
    eval_votes = None if eval_groups is None else group_votes(eval_groups, std, active)

    def score(chosen: np.ndarray, eval_chosen: np.ndarray | None = None) -> dict[str, float]:
        trained = votes[chosen], fixed_factor[chosen], len(std)
        if eval_chosen is None or eval_votes is None or eval_fixed_factor is None:
            return score_votes(*trained)
        return score_votes(
            *trained,
            eval_votes=eval_votes[eval_chosen],
            eval_fixed_factor=eval_fixed_factor[eval_chosen],
        )

    sizes = (len(votes),) if eval_votes is None else (len(votes), len(eval_votes))
    return Resampling(sizes, score, constants={"factor_vae_num_active": float(active.sum())})


FACTOR_VAE = Metric(
    name="factor_vae",
    title="FactorVAE",
    function=factor_vae,
    needs=frozenset({"codes", "two factors", "groups"}),
    results=(
        Result("factor_vae", "FactorVAE", paper_choice=0),
        Result("factor_vae_revised", "FactorVAE (revised)", is_main=False),
        Result("factor_vae_eval", "FactorVAE (fresh groups)", is_main=False),
        Result("factor_vae_num_active", "Active codes", "none", high=np.inf, is_main=False),
    ),
    variants=(Variant(name="factor_vae", protocols=("cr", "dlib")),),
    resampling=factor_vae_resampling,
    bootstrap="Groups are drawn again, training and evaluation groups apart; the spread of the "
    "codes and which are active are held fixed.",
    source="Kim & Mnih 2018, Disentangling by Factorising, section 4 (arXiv 1802.05983)",
    pitfalls="The majority is counted on the votes that made it, so few groups score too high. "
    "Several codes for one factor cost nothing, unless in the revised form. With one factor every "
    "vote is right.",
    place=1,
)
