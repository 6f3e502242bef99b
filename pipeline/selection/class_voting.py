"""An encoder's votes on groups that share one class, see `metrics.classes.class_votes`."""

import numpy as np

from metrics.classes.class_votes import NUM_INITIALIZATIONS, majority_votes
from metrics.classes.clusters import cluster_centres


class MajorityCluster:
    """First it sees prior samples and finds clusters, then it names one for each group.

    Args:
        features: Columns of the encoder's output in which it tells classes: the features of a
            CoDeGAN, the class probabilities of an InfoGAN.
        num_clusters: As many as the generator has classes.
        seed: Of k-means.
    """

    def __init__(self, features: slice, num_clusters: int, seed: int):
        self._features = features
        self._num_clusters = num_clusters
        self._seed = seed
        self._seen: list[np.ndarray] = []
        self._centres: np.ndarray | None = None

    def observe(self, codes: np.ndarray) -> None:
        """Take in codes [n, code_dim] of samples from the prior."""
        self._seen.append(codes[:, self._features])

    def vote(self, groups: np.ndarray) -> np.ndarray:
        """Return the cluster of each group [num_groups, group_size, code_dim], int64."""
        if self._centres is None:
            seen = np.concatenate(self._seen)
            self._centres = cluster_centres(
                seen, self._num_clusters, self._seed, num_initializations=NUM_INITIALIZATIONS
            )
        return majority_votes(groups[:, :, self._features], self._centres)
