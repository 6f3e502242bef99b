"""InfoM, InfoC and InfoE (Hsu et al. 2023, "Disentanglement via Latent Quantization")."""

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from metrics.shared.fitting import quiet_fit, standardize
from metrics.shared.information import dense_labels, entropies
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import (
    check_codes_and_factors,
    check_integer,
    check_option,
    varying_columns,
    varying_factors,
)

# Pruning: (spread of each code, the least share of the largest spread that is active).
PRUNINGS = {
    "range": (lambda codes: codes.max(axis=0) - codes.min(axis=0), 1 / 20),
    "iqr": (lambda codes: np.subtract(*np.quantile(codes, (0.75, 0.25), axis=0)), 1 / 10),
}
MAX_STEPS = 10_000  # of the solver: InfoE is defined at its optimum
TOLERANCE = 1e-6
SMALLEST_PROBABILITY = np.finfo(np.float64).eps


def infomec(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    num_neighbors: int = 10,
    pruning: str = "range",
    seed: int = 0,
) -> dict[str, float]:
    """Return modularity, compactness and explicitness as information about factors.

    With NMI[k, j] = I(f_k; z_j) / H(f_k), the information estimated from nearest neighbours of the
    continuous code (Ross 2014):

    InfoM: mean over active codes of max_k NMI / sum_k NMI, from 1 / K rescaled to 0 and 1: does a
    code tell of one factor only. InfoC: mean over factors of max_j NMI / sum_j NMI over the active
    codes, rescaled alike: is a factor told by one code only. InfoE: mean over factors of the share
    of the factor's entropy that a multinomial logistic regression on *all* standardised codes
    explains (no penalty, balanced classes, the log loss of the fitted points).

    Both ratios compare small numbers where codes tell nothing, so independent codes score far above
    0 (about 0.4): read InfoM and InfoC together with InfoE. A code is active where its spread
    exceeds a share of the largest one. The paper's program takes the range and a twentieth
    ("range"), that of Hsu et al. 2024 (Tripod) the interquartile range and a tenth ("iqr").
    A code or factor with no information at all counts 0; without an active code all three are 0;
    with one, InfoC is 1 for a factor that it informs about. A factor with one value is left out,
    and with one factor left InfoM is 1 for a code that informs. The authors' program stops the
    solver after 100 steps, which moves InfoE by up to 0.0005; here it runs to its optimum.

    Args:
        codes: float `[points, code_dim]`.
        factors: int `[points, num_factors]`.
        num_neighbors: neighbours of the estimator of information.
        pruning: "range" or "iqr".
        seed: seed of the noise of 1e-10 that keeps equal codes apart in the estimator.

    Returns:
        dict: `infom`, `infoc`, from 0 to 1; `infoe`, at most 1 and below 0 only where the balanced
        classifier is worse than none; `infomec_num_active`, the number of active codes.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies, unknown
            pruning.
    """
    return infomec_resampling(
        codes, factors, num_neighbors=num_neighbors, pruning=pruning, seed=seed
    ).scores()


def infomec_resampling(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    num_neighbors: int = 10,
    pruning: str = "range",
    seed: int = 0,
) -> Resampling:
    """Return the `Resampling` of `infoe` over points, the classifiers fixed.

    InfoM and InfoC have no interval: drawing points again makes neighbours at distance 0, which
    spoils the estimator.
    """
    codes, factors = check_codes_and_factors(codes, factors)
    check_integer(num_neighbors, "num_neighbors", minimum=1)
    check_option(pruning, "pruning", PRUNINGS)
    check_integer(seed, "seed", minimum=0)
    labels = dense_labels(factors[:, varying_factors(factors)])
    active = active_by_spread(codes, pruning)
    (standard,) = standardize(codes)
    information = _shares_of_entropy(standard[:, active], labels, num_neighbors, seed)
    losses = _log_losses(standard, labels) if varying_columns(codes).any() else None
    chance = np.log(labels.max(axis=0) + 1)  # balanced classes, so without codes all are as likely

    def score(chosen: np.ndarray) -> dict[str, float]:
        if losses is None:
            return {"infoe": 0.0}
        return {"infoe": float(np.mean(1.0 - losses[chosen].mean(axis=0) / chance))}

    constants = {
        "infom": mean_share_of_largest(information),
        "infoc": mean_share_of_largest(information.T),
        "infomec_num_active": float(active.sum()),
    }
    return Resampling((len(codes),), score, bounds=(-np.inf, 1.0), constants=constants)


def active_by_spread(codes: np.ndarray, pruning: str) -> np.ndarray:
    """Return bool `[code_dim]`: the codes whose spread exceeds a share of the largest spread.

    Args:
        codes: float64 `[points, code_dim]`.
        pruning: one of `PRUNINGS`.
    """
    spread_of, share = PRUNINGS[pruning]
    spread = spread_of(codes)
    return varying_columns(codes) & (spread > spread.max() * share)


def mean_share_of_largest(information: np.ndarray) -> float:
    """Return the mean over rows of max / sum, rescaled so that equal entries give 0.

    Args:
        information: float64 `[rows, columns]`, none negative. A row of zeros counts 0; with one
            column any other row counts 1; without rows or columns the result is 0.
    """
    if not information.size:
        return 0.0
    totals = information.sum(axis=1)
    informed = totals > 0
    shares = information.max(axis=1) / np.where(informed, totals, 1.0)
    num_columns = information.shape[1]
    if num_columns > 1:
        shares = (shares - 1 / num_columns) / (1 - 1 / num_columns)
    return float(np.mean(np.where(informed, shares, 0.0)))


def _shares_of_entropy(
    codes: np.ndarray, labels: np.ndarray, num_neighbors: int, seed: int
) -> np.ndarray:
    """Return NMI, float64 `[code_dim, num_factors]`, of standardised codes."""
    from sklearn.feature_selection import mutual_info_classif

    information = np.zeros((codes.shape[1], labels.shape[1]))
    for code, factor in np.ndindex(information.shape):
        # One code at a time, as published: the noise depends on how many are given together.
        estimated = mutual_info_classif(
            codes[:, [code]],
            labels[:, factor],
            discrete_features=False,
            n_neighbors=num_neighbors,
            random_state=seed,
        )
        information[code, factor] = estimated[0]
    return information / entropies(labels)


def _log_losses(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return float64 `[points, num_factors]`: minus the log probability of each point's value."""
    from sklearn.linear_model import LogisticRegression

    losses = np.empty(labels.shape)
    for factor, values in enumerate(labels.T):
        classifier = LogisticRegression(
            C=np.inf, class_weight="balanced", max_iter=MAX_STEPS, tol=TOLERANCE
        )
        with quiet_fit(), threadpool_limits(1):
            probabilities = classifier.fit(codes, values).predict_proba(codes)
        of_truth = probabilities[np.arange(len(values)), values]
        losses[:, factor] = -np.log(np.maximum(of_truth, SMALLEST_PROBABILITY))
    return losses


INFOMEC = Metric(
    name="infomec",
    title="InfoMEC",
    function=infomec,
    needs=frozenset({"codes", "two factors"}),
    results=(
        Result("infom", "InfoM (modularity)"),
        Result("infoc", "InfoC (compactness)"),
        Result("infoe", "InfoE (explicitness)", low=-np.inf),
        Result("infomec_num_active", "Active codes of InfoMEC", "none", high=np.inf, is_main=False),
    ),
    variants=(
        Variant(name="infomec", protocols=("recent",)),
        Variant(
            name="infomec_iqr",
            protocols=("recent",),
            title="pruned by the interquartile range",
            options={"pruning": "iqr"},
            suffix="_iqr",
        ),
    ),
    resampling=infomec_resampling,
    bootstrap="InfoE alone: points are drawn again, the classifiers are held fixed. Points drawn "
    "twice would spoil the neighbours that InfoM and InfoC are estimated from.",
    source="Hsu et al. 2023, Disentanglement via Latent Quantization (arXiv 2305.18378), pruned by "
    "the range; by the interquartile range: Hsu et al. 2024, Tripod (arXiv 2404.10282)",
    pitfalls="Independent codes score about 0.4 in InfoM and InfoC: read them together with InfoE, "
    "which is near 0 then. Which codes are active changes both.",
    place=9,
)
