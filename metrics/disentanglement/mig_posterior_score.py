"""MIG of models with a posterior, as first published (Chen et al. 2018, section 4 and appendix)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.information import dense_labels, entropies, largest_gaps
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import (
    check_array,
    check_codes,
    check_factors,
    check_integer,
    check_same_length,
    varying_factors,
)

BLOCK_VALUES = 1 << 20  # densities held at a time
LARGEST_LOG_VARIANCE = 60.0  # beyond it a posterior is as good as a point, or as everything


def mig_posterior(
    means: ArrayLike,
    log_variances: ArrayLike,
    factors: ArrayLike,
    *,
    num_samples: int = 10000,
    seed: int = 0,
) -> dict[str, float]:
    """Return the mutual information gap of codes drawn from their posteriors.

    For each code, q(z_j) is the mixture of the posteriors q(z_j|x) of all points given, and
    q(z_j|f_k) that of the points with one factor value. With z_j drawn from the posteriors of
    `num_samples` points, I(z_j; f_k) is the mean of log q(z_j|f_k) - log q(z_j), at least 0; the
    score is the mean over factors of the gap between the two largest, over the factor's entropy.
    Nothing is cut into bins, and a posterior wide enough to hide a factor counts as hiding it,
    unlike in `mig` of the means. The estimate is a little too high, for a drawn code always lies
    near its own point: give many points for each factor value. 0 where all posteriors are equal,
    and where no code tells anything. A factor with one value is left out; with one single code the
    second largest information is 0.

    The cost grows with points times samples: 10,000 of each and 10 codes take under a minute. There
    is no bootstrap interval: each resample would cost as much.

    Args:
        means: float `[points, code_dim]`, of the Gaussian posteriors.
        log_variances: float `[points, code_dim]`; what lies beyond -60 and 60 counts as that.
        factors: int `[points, num_factors]`.
        num_samples: codes are drawn from the posteriors of that many points, without replacement;
            from all where there are fewer.
        seed: seed of the choice and of the draws.

    Returns:
        dict: `mig_posterior`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, factors that are not integers, no factor that varies.
    """
    means = check_codes(means, "means")
    axes = ("points", "code_dim")
    log_variances = check_array(log_variances, "log_variances", axes, minimum=(2, 1))
    factors = check_factors(factors)
    check_same_length(means=means, log_variances=log_variances, factors=factors)
    if means.shape != log_variances.shape:
        raise ValueError(
            "`means` and `log_variances` differ in shape. Expected: one variance for each mean. "
            f"Received: means.shape={means.shape}, log_variances.shape={log_variances.shape}"
        )
    check_integer(num_samples, "num_samples", minimum=2)
    check_integer(seed, "seed", minimum=0)
    log_variances = np.clip(
        log_variances.astype(np.float64), -LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE
    )
    labels = dense_labels(factors[:, varying_factors(factors)])
    generator = np.random.default_rng(seed)
    chosen = np.arange(len(means))
    if num_samples < len(means):
        chosen = np.sort(generator.choice(len(means), num_samples, replace=False))
    noise = generator.standard_normal((len(chosen), means.shape[1]))

    information = np.vstack(
        [
            _information(means[:, code], log_variances[:, code], labels, chosen, noise[:, code])
            for code in range(means.shape[1])
        ]
    )  # [code_dim, num_factors]
    return {"mig_posterior": float(np.mean(largest_gaps(information) / entropies(labels)))}


def _information(
    means: np.ndarray,
    log_variances: np.ndarray,
    labels: np.ndarray,
    chosen: np.ndarray,
    noise: np.ndarray,
) -> np.ndarray:
    """Return float64 `[num_factors]`: the information of one code about each factor, in nats.

    Args:
        means: `[points]`.
        log_variances: `[points]`.
        labels: int `[points, num_factors]`, from 0.
        chosen: int `[samples]`, the points whose posteriors are drawn from.
        noise: `[samples]`, standard normal.
    """
    deviations = np.exp(0.5 * log_variances)
    drawn = means[chosen] + deviations[chosen] * noise
    # [points, total number of values]: which value of each factor a point has.
    sizes = labels.max(axis=0) + 1
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    member = np.zeros((len(means), sizes.sum()))
    member[np.arange(len(means))[:, np.newaxis], labels + starts] = 1.0
    shares = member.mean(axis=0)
    total = np.zeros(labels.shape[1])
    step = max(1, BLOCK_VALUES // len(means))
    for start in range(0, len(chosen), step):
        rows = slice(start, start + step)
        points = chosen[rows]
        # Relative to the density under the point's own posterior, so that no sum vanishes.
        own = -0.5 * (noise[rows] ** 2 + log_variances[points])
        density = (drawn[rows, np.newaxis] - means) / deviations
        np.multiply(density, density, out=density)
        density += log_variances
        density *= -0.5
        density -= own[:, np.newaxis]
        np.exp(density, out=density)  # [samples, points]
        of_values = density @ member  # [samples, total number of values]
        places = labels[points] + starts
        given = np.take_along_axis(of_values, places, axis=1) / shares[places]
        total += np.sum(np.log(given) - np.log(density.sum(axis=1))[:, np.newaxis], axis=0)
    return np.maximum(total / len(chosen), 0.0)


MIG_POSTERIOR = Metric(
    name="mig_posterior",
    title="MIG of the posterior",
    function=mig_posterior,
    needs=frozenset({"posterior", "factors"}),
    results=(Result("mig_posterior", "MIG of the posterior"),),
    variants=(Variant(name="mig_posterior", protocols=("recent",)),),
    bootstrap="None: each resample would cost as much as the metric itself.",
    source="Chen et al. 2018, Isolating Sources of Disentanglement, section 4 (arXiv 1802.04942)",
    pitfalls="For models with a Gaussian posterior only. With few points for each factor value it "
    "is too high, since a drawn code lies near its own point. It is another number than the binned "
    "mig, which is what most papers print under that name.",
    place=11,
)
