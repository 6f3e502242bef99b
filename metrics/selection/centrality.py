"""ModelCentrality (Lin et al. 2020, "InfoGAN-CR and ModelCentrality", section 4)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.validation import check_array


def model_centrality(cross_scores: ArrayLike) -> np.ndarray:
    """Return how well each model agrees with all others: the highest is the medoid to select.

    With A the cross scores, s_i = mean over j != i of (A[i, j] + A[j, i]) / 2. The diagonal, a
    model scored on its own images, is not used.

    Args:
        cross_scores: float `[models, models]`: the FactorVAE score of the row's encoder on groups
            that the column's generator made.

    Returns:
        float64 `[models]`, in the range of the cross scores.

    Raises:
        ValueError: a table that is not square or not finite, or one single model.
    """
    table = check_array(cross_scores, "cross_scores", ("models", "models")).astype(np.float64)
    if table.shape[0] != table.shape[1]:
        raise ValueError(
            "`cross_scores` is not square. Expected: a row and a column for each model. "
            f"Received: cross_scores.shape={table.shape}"
        )
    num_models = len(table)
    if num_models < 2:
        raise ValueError(
            "A single model has no others to agree with. Expected: `cross_scores` of at least two "
            f"models. Received: cross_scores.shape={table.shape}"
        )
    symmetric = (table + table.T) / 2
    np.fill_diagonal(symmetric, 0.0)
    return symmetric.sum(axis=1) / (num_models - 1)
