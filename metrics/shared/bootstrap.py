"""Seeded bootstrap confidence intervals of the metrics for which they are sound and affordable.

| metrics | what is drawn again | what is held fixed |
|---|---|---|
| factor_vae | groups (their votes); training and evaluation groups apart | spread, active codes |
| beta_vae | scored groups | the classifier |
| mig, mig_sup, jemmig, dcimig, modularity, pairwise_mutual_information | points | the bins |
| infomec (InfoE only) | points | the classifiers |
| sap | training points (continuous factors), test points (discrete) | the fitted machines |
| explicitness | scored points | the classifiers |
| irs, both gaussian correlations | points | |
| inception_score, mode_kl, confidence | points | the classifier's probabilities |

The others get none. dci, dci_es: their importances change with every refit, and refitting each
resample is unaffordable. dhsic, frechet_distance, mig_posterior: every resample costs as much as
the metric itself, seconds. tad: a sum over attributes that a resample may cease to capture.
clustering: its `_std` over seeds is reported. model_centrality, udr: their items are models, too
few to draw from.
"""

from metrics.disentanglement.beta_vae_score import beta_vae_resampling
from metrics.disentanglement.dcimig_score import dcimig_resampling
from metrics.disentanglement.explicitness_score import explicitness_resampling
from metrics.disentanglement.factor_vae_score import factor_vae_resampling
from metrics.disentanglement.infomec_scores import infomec_resampling
from metrics.disentanglement.interventional_robustness import irs_resampling
from metrics.disentanglement.jemmig_score import jemmig_resampling
from metrics.disentanglement.mig_sup_score import mig_sup_resampling
from metrics.disentanglement.modularity_score import modularity_resampling
from metrics.disentanglement.mutual_information_gap import mig_resampling
from metrics.disentanglement.separated_predictability import sap_resampling
from metrics.independence.pairwise_information import pairwise_mutual_information_resampling
from metrics.independence.total_correlation import gaussian_total_correlation_resampling
from metrics.independence.wasserstein_correlation import gaussian_wasserstein_correlation_resampling
from metrics.samples.classifier_confidence import confidence_resampling
from metrics.samples.inception import inception_score_resampling
from metrics.samples.mode_divergence import mode_kl_resampling
from metrics.shared.validation import check_option

_RESAMPLINGS = {
    "factor_vae": factor_vae_resampling,
    "beta_vae": beta_vae_resampling,
    "mig": mig_resampling,
    "sap": sap_resampling,
    "mig_sup": mig_sup_resampling,
    "jemmig": jemmig_resampling,
    "dcimig": dcimig_resampling,
    "infomec": infomec_resampling,
    "modularity": modularity_resampling,
    "explicitness": explicitness_resampling,
    "irs": irs_resampling,
    "gaussian_total_correlation": gaussian_total_correlation_resampling,
    "gaussian_wasserstein_correlation": gaussian_wasserstein_correlation_resampling,
    "pairwise_mutual_information": pairwise_mutual_information_resampling,
    "inception_score": inception_score_resampling,
    "mode_kl": mode_kl_resampling,
    "confidence": confidence_resampling,
}
INTERVAL_METRICS = tuple(_RESAMPLINGS)


def score_with_interval(metric, *arrays, seed=0, num_resamples=1000, level=0.95, **options):
    """Return a metric's scores together with their bootstrap intervals; models are fitted once.

    Args:
        metric: name of the metric, one of `INTERVAL_METRICS`.
        *arrays: what the metric of that name takes.
        seed: seed of the resamples.
        num_resamples: number of resamples.
        level: probability that the percentile interval is to cover.
        **options: keyword arguments of the metric of that name.

    Returns:
        `(scores, intervals)`: what the metric returns, and `dict[str, tuple[float, float]]` with
        (low, high) for each key that varies with its items.

    Raises:
        ValueError: unknown metric, whatever the metric refuses, options out of range.
    """
    check_option(metric, "metric", INTERVAL_METRICS)
    resampling = _RESAMPLINGS[metric](*arrays, **options)
    intervals = resampling.interval(seed=seed, num_resamples=num_resamples, level=level)
    return resampling.scores(), intervals
