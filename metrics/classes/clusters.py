"""K-means clusters, by their centres."""

import numpy as np

from metrics.shared.fitting import quiet_fit


def cluster_centres(
    features: np.ndarray, num_clusters: int, seed: int, *, num_initializations: int
) -> np.ndarray:
    """Return the centres of k-means clusters, float64 `[num_clusters, feature_dim]`.

    Args:
        features: float `[points, feature_dim]`, at least as many points as clusters.
        num_clusters: how many.
        seed: int, of the initial centres.
        num_initializations: how often to begin; the best is taken.
    """
    from sklearn.cluster import KMeans

    with quiet_fit():
        means = KMeans(num_clusters, n_init=num_initializations, random_state=seed)
        return means.fit(np.asarray(features, np.float64)).cluster_centers_


def nearest_centres(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the number of the centre nearest to each point; ties go to the first.

    Args:
        points: float `[points, feature_dim]`.
        centres: float `[num_clusters, feature_dim]`.

    Returns:
        int64 `[points]`.
    """
    # |p - c|^2 without |p|^2, which is the same for all centres.
    distances = (centres**2).sum(axis=1) - 2.0 * np.asarray(points, np.float64) @ centres.T
    return distances.argmin(axis=1)
