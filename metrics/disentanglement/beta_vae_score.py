"""BetaVAE metric (Higgins et al. 2017, "beta-VAE", section 3)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.disentanglement.voting import BLOCK_VALUES
from metrics.shared.fitting import quiet_fit
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_evaluation_groups, check_groups_and_factor


def beta_vae(
    groups: ArrayLike,
    fixed_factor: ArrayLike,
    *,
    eval_groups: ArrayLike | None = None,
    eval_fixed_factor: ArrayLike | None = None,
) -> dict[str, float]:
    """Return how well a linear classifier tells the shared factor from mean code differences.

    Points 0 and 1, 2 and 3, ... of a group are its pairs. A group's feature is the mean over its
    pairs of the absolute difference of codes; a multinomial logistic regression (scikit-learn
    defaults) predicts the fixed factor from it. 1 where every factor moves codes of its own; about
    1 / num_factors by chance; 0 where every code is constant.

    The cr protocol shares one value in the whole group and scores the groups that were fitted. In
    the dlib protocol each pair shares a value of its own, so groups made for FactorVAE cannot be
    used again, and fresh groups are scored.

    Args:
        groups: float `[num_groups, group_size, code_dim]`, an even number of points a group.
        fixed_factor: int `[num_groups]`, which factor the pairs of each group share; at least two
            factors.
        eval_groups: fresh groups of the same shape, or None.
        eval_fixed_factor: their fixed factors, or None.

    Returns:
        dict: `beta_vae`, with evaluation groups also `beta_vae_eval`; accuracies from 0 to 1.

    Raises:
        ValueError: malformed arrays, an odd group size, one single fixed factor.
    """
    return beta_vae_resampling(
        groups, fixed_factor, eval_groups=eval_groups, eval_fixed_factor=eval_fixed_factor
    ).scores()


def beta_vae_resampling(
    groups: ArrayLike,
    fixed_factor: ArrayLike,
    *,
    eval_groups: ArrayLike | None = None,
    eval_fixed_factor: ArrayLike | None = None,
) -> Resampling:
    """Return the `Resampling` of `beta_vae` over the scored groups; the classifier is fixed."""
    groups, fixed_factor = check_groups_and_factor(groups, fixed_factor)
    eval_groups, eval_fixed_factor = check_evaluation_groups(groups, eval_groups, eval_fixed_factor)
    if fixed_factor.min() == fixed_factor.max():
        raise ValueError(
            "`fixed_factor` names one single factor, so there is nothing to tell apart. "
            f"Expected: at least two different values. Received: only {fixed_factor[0]}"
        )
    features = _difference_features(groups, "groups")
    parts = [(features, fixed_factor)]
    if eval_groups is not None and eval_fixed_factor is not None:
        parts.append((_difference_features(eval_groups, "eval_groups"), eval_fixed_factor))

    if features.any():
        from sklearn.linear_model import LogisticRegression

        with quiet_fit():
            classifier = LogisticRegression().fit(features, fixed_factor)
            correct = [classifier.predict(part) == factor for part, factor in parts]
    else:
        correct = [np.zeros(len(factor), dtype=bool) for _, factor in parts]

    def score(*chosen: np.ndarray) -> dict[str, float]:
        keys = ("beta_vae", "beta_vae_eval")
        return {
            key: float(hits[rows].mean())
            for key, hits, rows in zip(keys, correct, chosen, strict=False)
        }

    return Resampling(tuple(len(hits) for hits in correct), score)


def _difference_features(groups: np.ndarray, name: str) -> np.ndarray:
    """Return float64 `[num_groups, code_dim]`: mean absolute difference over a group's pairs."""
    if groups.shape[1] % 2:
        raise ValueError(
            f"`{name}` cannot be split into pairs. Expected: an even group_size. "
            f"Received: {name}.shape={groups.shape}"
        )
    features = np.empty((len(groups), groups.shape[2]))
    step = max(1, BLOCK_VALUES // groups[0].size)
    for start in range(0, len(groups), step):
        block = groups[start : start + step].astype(np.float64)  # [step, group_size, code_dim]
        features[start : start + step] = np.abs(block[:, 0::2] - block[:, 1::2]).mean(axis=1)
    return features


BETA_VAE = Metric(
    name="beta_vae",
    title="BetaVAE",
    function=beta_vae,
    needs=frozenset({"codes", "two factors", "pairs"}),
    results=(
        Result("beta_vae", "BetaVAE", paper_choice=0),
        Result("beta_vae_eval", "BetaVAE (fresh groups)", is_main=False),
    ),
    variants=(Variant(name="beta_vae", protocols=("cr", "dlib")),),
    resampling=beta_vae_resampling,
    bootstrap="The scored groups are drawn again; the classifier is held fixed.",
    source="Higgins et al. 2017, beta-VAE, section 3 (ICLR 2017)",
    pitfalls="Linear classifiers reach 1 on codes that are far from disentangled: it saturates "
    "first of all metrics.",
    place=2,
)
