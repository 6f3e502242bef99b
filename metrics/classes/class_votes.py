"""Votes of ModelCentrality for a discrete code: which cluster a group of images falls into.

Ours. ModelCentrality (Lin et al. 2020, section 4) knows continuous codes: a group shares the value
of one code, and an encoder votes for its code that varies least. A single categorical code has
nothing to compare with, so here each *value* plays the part of a fixed factor: a group shares one
class, everything else is free; an encoder votes for the cluster, of its own features, that most of
the group falls into. Its score is then, as in the original, sum_l max_k V[l, k] / sum V with the
votes V[l, k] for cluster l among the groups of class k
(`metrics.disentanglement.voting.score_votes`): 1 where the encoder tells all of the generator's
classes apart, 1 / classes where it tells none.
"""

import numpy as np

from metrics.classes.clusters import nearest_centres

NUM_INITIALIZATIONS = 3  # of an encoder's clusters


def majority_votes(groups: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the cluster that most images of each group fall into; ties go to the first.

    Args:
        groups: float `[num_groups, group_size, feature_dim]`.
        centres: float `[num_clusters, feature_dim]`.

    Returns:
        int64 `[num_groups]`.
    """
    num_groups, group_size, feature_dim = groups.shape
    clusters = nearest_centres(groups.reshape(-1, feature_dim), centres)
    clusters = clusters.reshape(num_groups, group_size)
    counts = (clusters[:, :, np.newaxis] == np.arange(len(centres))).sum(axis=1)
    return counts.argmax(axis=1).astype(np.int64)
