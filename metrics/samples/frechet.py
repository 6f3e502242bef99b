"""Frechet distance between two sets of features (Heusel et al. 2017, "GANs Trained by a TTUR")."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_codes, check_same_width


def frechet_distance(features: ArrayLike, reference_features: ArrayLike) -> dict[str, float]:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of two fitted Gaussians.

    The FID where the features are those of the standard Inception network; with other features
    give the score another name. In squared units of the features, 0 for equal sets, without upper
    bound. It is biased upwards in small samples: compare sets of equal size only.

    There is no bootstrap interval: a decomposition for every resample is too dear at the usual
    2,048 features, and drawing points again adds the bias once more.

    Args:
        features: float `[points, feature_dim]`.
        reference_features: float `[reference_points, feature_dim]`.

    Returns:
        dict: `frechet_distance`, at least 0.

    Raises:
        ValueError: malformed arrays, widths that differ.
    """
    features = check_codes(features, "features")
    reference_features = check_codes(reference_features, "reference_features")
    check_same_width(features=features, reference_features=reference_features)
    distance = distance_of_gaussians(
        features.mean(axis=0),
        np.cov(features, rowvar=False),
        reference_features.mean(axis=0),
        np.cov(reference_features, rowvar=False),
    )
    return {"frechet_distance": distance}


def distance_of_gaussians(
    mean: np.ndarray,
    covariance: np.ndarray,
    reference_mean: np.ndarray,
    reference_covariance: np.ndarray,
) -> float:
    """Return the same distance from the moments, for features too many to be kept.

    Args:
        mean: `[feature_dim]`.
        covariance: `[feature_dim, feature_dim]`.
        reference_mean: `[feature_dim]`.
        reference_covariance: `[feature_dim, feature_dim]`.

    Returns:
        float: at least 0.
    """
    difference = mean - reference_mean
    covariance = np.atleast_2d(covariance)
    reference_covariance = np.atleast_2d(reference_covariance)
    # C1 C2 has the eigenvalues of the symmetric C1^(1/2) C2 C1^(1/2), which is safe where C1 or C2
    # is singular, as they are with fewer points than features.
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ reference_covariance @ root)
    trace_of_root = np.sqrt(np.maximum(product, 0.0)).sum()
    distance = difference @ difference + np.trace(covariance) + np.trace(reference_covariance)
    return max(0.0, float(distance - 2 * trace_of_root))


FRECHET_DISTANCE = Metric(
    name="frechet_distance",
    title="Fréchet distance",
    function=frechet_distance,
    needs=frozenset({"samples", "real images"}),
    results=(Result("frechet_distance", "Fréchet distance", "low", high=np.inf),),
    variants=(
        Variant(name="frechet_distance"),
        Variant(
            name="fid_local",
            protocols=("samples",),
            is_made_by_stage=True,
            title="features of the local classifier",
            results=(Result("fid_local", "FID (local classifier)", "low", high=np.inf),),
        ),
        Variant(
            name="fid_inception",
            protocols=("samples",),
            is_made_by_stage=True,
            title="features of Inception-V3",
            results=(Result("fid_inception", "FID (Inception-V3)", "low", high=np.inf),),
        ),
    ),
    bootstrap="None: a decomposition for every resample is too dear at the usual 2,048 features, "
    "and drawing points again adds the bias once more.",
    source="Heusel et al. 2017, GANs Trained by a Two Time-Scale Update Rule (arXiv 1706.08500)",
    pitfalls="Biased upwards in small samples: compare sets of equal size only. Other features "
    "give other numbers, so fid_local says nothing beside published values.",
    place=2,
)
