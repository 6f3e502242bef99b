"""Disentanglement metrics and model selection on plain arrays: numpy in, dict of floats out.

    >>> from metrics import dci, factor_vae, mig
    >>> mig(codes, factors)
    {'mig': 0.31}

Shapes: codes are float `[points, code_dim]`, factors int `[points, num_factors]`, groups float
`[num_groups, group_size, code_dim]`. Whatever is random takes `seed`. Bad input raises `ValueError`
naming the argument, what was expected and what was received; no result is NaN.

Rules that hold for all of them: a factor with one value is left out; a constant code is dead, and
counts 0 where codes are averaged; where no code is active, every score for which higher is better
is 0.

Each metric is a file of a room (disentanglement, independence, samples, classes, identities) that
ends with its record: title, better end, range, needs, protocols, resampling, source and pitfalls.
`CATALOGUE` holds the records; protocols, `score`, the report and docs/metrics.md read it. A new
metric is a file of a room and one line here, which imports its record and its function.

`score_with_interval("mig", codes, factors, seed=0)` returns the same dict and a second one with the
bootstrap interval (low, high) of each key; `INTERVAL_METRICS` names the metrics that have one.
`group_votes` and `score_votes` are the two halves of `factor_vae` for groups that stream by.
"""

from metrics.classes.class_coverage import CLASS_COVERAGE, RELATIVE_DIVERSITY
from metrics.classes.classifier_agreement import CLASSIFIER_AGREEMENT, classifier_agreement
from metrics.classes.cluster_agreement import CLUSTERING, clustering
from metrics.classes.generated_accuracy import GENERATED_ACCURACY, generated_accuracy
from metrics.classes.information_bound import INFORMATION_BOUND, information_bound
from metrics.disentanglement.beta_vae_score import BETA_VAE, beta_vae
from metrics.disentanglement.dci_es_scores import DCI_ES, dci_es
from metrics.disentanglement.dci_scores import DCI, dci
from metrics.disentanglement.dcimig_score import DCIMIG, dcimig
from metrics.disentanglement.explicitness_score import EXPLICITNESS, explicitness
from metrics.disentanglement.factor_vae_score import FACTOR_VAE, factor_vae
from metrics.disentanglement.infomec_scores import INFOMEC, infomec
from metrics.disentanglement.interventional_robustness import IRS, irs
from metrics.disentanglement.jemmig_score import JEMMIG, jemmig
from metrics.disentanglement.mig_posterior_score import MIG_POSTERIOR, mig_posterior
from metrics.disentanglement.mig_sup_score import MIG_SUP, mig_sup
from metrics.disentanglement.modularity_score import MODULARITY, modularity
from metrics.disentanglement.mutual_information_gap import MIG, mig
from metrics.disentanglement.separated_predictability import SAP, sap
from metrics.disentanglement.tad_score import TAD, tad
from metrics.disentanglement.voting import active_codes, group_votes, score_votes
from metrics.identities.identity_leakage import IDENTITY_LEAKAGE, identity_leakage
from metrics.identities.image_errors import RECONSTRUCTION_ERROR, SWAP_ERROR
from metrics.independence.hilbert_schmidt import DHSIC, dhsic
from metrics.independence.pairwise_information import (
    PAIRWISE_MUTUAL_INFORMATION,
    pairwise_mutual_information,
)
from metrics.independence.total_correlation import (
    GAUSSIAN_TOTAL_CORRELATION,
    gaussian_total_correlation,
)
from metrics.independence.wasserstein_correlation import (
    GAUSSIAN_WASSERSTEIN_CORRELATION,
    gaussian_wasserstein_correlation,
)
from metrics.samples.classifier_confidence import CONFIDENCE, confidence
from metrics.samples.frechet import FRECHET_DISTANCE, frechet_distance
from metrics.samples.inception import INCEPTION_SCORE, inception_score
from metrics.samples.mode_divergence import MODE_KL, mode_kl
from metrics.selection.centrality import model_centrality
from metrics.selection.interchange import interchange
from metrics.selection.medoid import search_medoid
from metrics.selection.unsupervised_ranking import udr
from metrics.shared.catalogue import Catalogue
from metrics.shared.record import LABELS, Measure, Metric

CATALOGUE = Catalogue(value for value in list(globals().values()) if isinstance(value, Metric))
INTERVAL_METRICS = CATALOGUE.interval_metrics
score_with_interval = CATALOGUE.score_with_interval
