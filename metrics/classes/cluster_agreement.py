"""Agreement of k-means clusters with classes (CoDeGAN evaluates its codes with these four)."""

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import ArrayLike

from metrics.classes.clusters import cluster_centres, nearest_centres
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_codes, check_integer, check_labels, check_same_length

NUM_INITIALIZATIONS = 10


def clustering(
    features: ArrayLike, labels: ArrayLike, *, num_clusters: int, seeds: Sequence[int]
) -> dict[str, float]:
    """Return how well k-means clusters of the features match the labels, over several seeds.

    `acc_hungarian`: share of points whose cluster is matched to their class, one to one at best;
    where clusters and classes differ in number the surplus stays unmatched. `acc_purity`: share of
    points in the most frequent class of their cluster, any number of clusters a class. `nmi`:
    mutual information over the mean entropy. `ari`: pairs of points treated alike, adjusted for
    chance. 1 is perfect in all four; by chance accuracies are about the largest class's share,
    nmi and ari about 0.

    Args:
        features: float `[points, feature_dim]`.
        labels: int `[points]`.
        num_clusters: number of clusters, at most the number of points.
        seeds: ints, one k-means run (the best of 10 initialisations) for each.

    Returns:
        dict: the mean of each over the seeds, and as `<key>_std` the sample standard deviation
        (ddof 1; 0 for one seed). ari from -0.5, the others from 0, to 1.

    Raises:
        ValueError: malformed arrays, more clusters than points, no seed.
    """
    features = check_codes(features, "features")
    labels = check_labels(labels, "labels")
    check_same_length(features=features, labels=labels)
    check_integer(num_clusters, "num_clusters", minimum=1)
    if num_clusters > len(features):
        raise ValueError(
            f"`num_clusters` exceeds the number of points. Expected: at most {len(features)}. "
            f"Received: num_clusters={num_clusters}"
        )
    seeds = [check_integer(seed, "seeds", minimum=0) for seed in np.atleast_1d(seeds).tolist()]
    if not seeds:
        raise ValueError(f"`seeds` is empty. Expected: at least one seed. Received: seeds={seeds}")

    runs = [_one_run(features, labels, num_clusters, seed) for seed in seeds]
    scores = {}
    for key in runs[0]:
        values = np.array([run[key] for run in runs])
        scores[key] = float(values.mean())
        scores[f"{key}_std"] = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return scores


def partition_agreement(clusters: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Return how well a partition matches the labels: the four scores of `clustering`.

    Args:
        clusters: int `[points]`, the cluster of each point, such as the class that a code of a
            model gives it.
        labels: int `[points]`.

    Returns:
        dict: acc_hungarian, acc_purity, nmi, ari.
    """
    clusters, labels = check_labels(clusters, "clusters"), check_labels(labels, "labels")
    check_same_length(clusters=clusters, labels=labels)
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    table = contingency_matrix(labels, clusters)  # [classes, clusters]
    matched = table[scipy.optimize.linear_sum_assignment(table, maximize=True)].sum()
    return {
        "acc_hungarian": float(matched / len(labels)),
        "acc_purity": float(table.max(axis=0).sum() / len(labels)),
        "nmi": float(normalized_mutual_info_score(labels, clusters)),
        "ari": float(adjusted_rand_score(labels, clusters)),
    }


def _one_run(
    features: np.ndarray, labels: np.ndarray, num_clusters: int, seed: int
) -> dict[str, float]:
    """Return the four scores of one k-means run."""
    centres = cluster_centres(features, num_clusters, seed, num_initializations=NUM_INITIALIZATIONS)
    return partition_agreement(nearest_centres(features, centres), labels)


_TITLES = {
    "acc_hungarian": "Accuracy (Hungarian)",
    "acc_purity": "Accuracy (purity)",
    "nmi": "NMI",
    "ari": "ARI",
}
CLUSTERING = Metric(
    name="clustering",
    title="Clustering",
    function=clustering,
    needs=frozenset({"classes", "labels"}),
    results=(
        *(Result(key, title, low=-0.5 if key == "ari" else 0.0) for key, title in _TITLES.items()),
        *(
            Result(f"{key}_std", f"{title}, spread", "none", is_main=False)
            for key, title in _TITLES.items()
        ),
    ),
    variants=(Variant(name="clustering", protocols=("classes",)),),
    bootstrap="None: the spread over k-means seeds has keys of its own, ending in _std.",
    source="Hubert & Arabie 1985 (ARI); the four as CoDeGAN reports them (Zhao et al. 2021, "
    "arXiv 2103.03636)",
    pitfalls="The number of clusters is given. Purity grows with it; the Hungarian accuracy needs "
    "one cluster for each class. Features of test images and of training images score "
    "differently.",
    place=1,
)
