"""Disentanglement metrics and model selection on plain arrays: numpy in, dict of floats out.

    >>> from metrics import dci, factor_vae, mig
    >>> mig(codes, factors)
    {'mig': 0.31}

Shapes: codes are float `[points, code_dim]`, factors int `[points, num_factors]`, groups float
`[num_groups, group_size, code_dim]`. Whatever is random takes `seed`. Bad input raises `ValueError`
naming the argument, what was expected and what was received; no result is NaN.

| supervised | unsupervised | sample quality | selection |
|---|---|---|---|
| factor_vae, beta_vae | gaussian_total_correlation | inception_score | model_centrality |
| mig, sap | gaussian_wasserstein_correlation | mode_kl, confidence | udr |
| modularity, explicitness | pairwise_mutual_information | frechet_distance | search_medoid |
| dci, irs, identity_leakage | dhsic | clustering | |
| infomec, jemmig, mig_sup | | | |
| dcimig, dci_es, mig_posterior, tad | | | |

Rules that hold for all of them: a factor with one value is left out; a constant code is dead, and
counts 0 where codes are averaged; where no code is active, every score for which higher is better
is 0.

`score_with_interval("mig", codes, factors, seed=0)` returns the same dict and a second one with the
bootstrap interval (low, high) of each key; `INTERVAL_METRICS` names the metrics that have one, and
`metrics.shared.bootstrap` says why the others have none. `group_votes` and `score_votes` are the
two halves of `factor_vae` for groups that stream by.

Each module holds one metric and is named otherwise than its function.
"""

from metrics.classes.cluster_agreement import clustering
from metrics.disentanglement.beta_vae_score import beta_vae
from metrics.disentanglement.dci_es_scores import dci_es
from metrics.disentanglement.dci_scores import dci
from metrics.disentanglement.dcimig_score import dcimig
from metrics.disentanglement.explicitness_score import explicitness
from metrics.disentanglement.factor_vae_score import factor_vae
from metrics.disentanglement.infomec_scores import infomec
from metrics.disentanglement.interventional_robustness import irs
from metrics.disentanglement.jemmig_score import jemmig
from metrics.disentanglement.mig_posterior_score import mig_posterior
from metrics.disentanglement.mig_sup_score import mig_sup
from metrics.disentanglement.modularity_score import modularity
from metrics.disentanglement.mutual_information_gap import mig
from metrics.disentanglement.separated_predictability import sap
from metrics.disentanglement.tad_score import tad
from metrics.disentanglement.voting import active_codes, group_votes, score_votes
from metrics.identities.identity_leakage import identity_leakage
from metrics.independence.hilbert_schmidt import dhsic
from metrics.independence.pairwise_information import pairwise_mutual_information
from metrics.independence.total_correlation import gaussian_total_correlation
from metrics.independence.wasserstein_correlation import gaussian_wasserstein_correlation
from metrics.samples.classifier_confidence import confidence
from metrics.samples.frechet import frechet_distance
from metrics.samples.inception import inception_score
from metrics.samples.mode_divergence import mode_kl
from metrics.selection.centrality import model_centrality
from metrics.selection.interchange import interchange
from metrics.selection.medoid import search_medoid
from metrics.selection.unsupervised_ranking import udr
from metrics.shared.bootstrap import INTERVAL_METRICS, score_with_interval

__all__ = [
    "INTERVAL_METRICS",
    "active_codes",
    "beta_vae",
    "clustering",
    "confidence",
    "dci",
    "dci_es",
    "dcimig",
    "dhsic",
    "explicitness",
    "factor_vae",
    "frechet_distance",
    "gaussian_total_correlation",
    "gaussian_wasserstein_correlation",
    "group_votes",
    "identity_leakage",
    "inception_score",
    "infomec",
    "interchange",
    "irs",
    "jemmig",
    "mig",
    "mig_posterior",
    "mig_sup",
    "mode_kl",
    "model_centrality",
    "modularity",
    "pairwise_mutual_information",
    "sap",
    "score_votes",
    "score_with_interval",
    "search_medoid",
    "tad",
    "udr",
]
