"""dHSIC, joint independence of all codes (Pfister et al. 2018, "Kernel-based Tests")."""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_codes, check_integer, varying_columns

# Rows of a block: 16 x 5,000 values of float64 fit the cache of a processor core.
BLOCK_ROWS = 16
# exp of minus this is 0 in float64.
UNRELATED = 1e4
# Below this the kernel is its limit for a vanishing median, and dividing could overflow.
SMALLEST_BANDWIDTH = 1e-250


def dhsic(codes: ArrayLike, *, max_points: int = 5000, seed: int = 0) -> dict[str, float]:
    """Return the d-variable Hilbert-Schmidt independence criterion of the codes.

    mean_ij prod_l K_l(i, j) + prod_l mean_ij K_l(i, j) - 2 mean_i prod_l mean_j K_l(i, j), with the
    kernel K_l = exp(-|z_i - z_j| / h_l^2) and h_l the median of |z_i - z_j| over all pairs, i = j
    included (the form of the InfoGAN-CR release). 0 where codes are independent, in a finite sample
    a little above; the more dependent the codes, the larger, and always below 1. Constant codes are
    left out; with fewer than two others the value is 0. Where more than half of all pairs are equal
    h is 0 and the kernel its limit: 1 for equal values, 0 for others.

    Args:
        codes: float `[points, code_dim]`.
        max_points: a larger sample is thinned out to this many points, without replacement.
        seed: seed of that choice.

    Returns:
        dict: `dhsic`.

    Raises:
        ValueError: malformed array.
    """
    codes = check_codes(codes)
    check_integer(max_points, "max_points", minimum=2)
    check_integer(seed, "seed", minimum=0)
    if len(codes) > max_points:
        chosen = np.random.default_rng(seed).choice(len(codes), max_points, replace=False)
        codes = codes[chosen]
    codes = codes[:, varying_columns(codes)]
    num_points, num_codes = codes.shape
    if num_codes < 2:
        return {"dhsic": 0.0}

    scaled = np.column_stack([_divide_by_squared_median(column) for column in codes.T])
    row_means = np.empty((num_points, num_codes))
    joint_mean = 0.0
    # A few rows at a time: the whole table would be [num_points, num_points, num_codes].
    for start in range(0, num_points, BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        joint = np.ones(1)
        for code in range(num_codes):
            kernel = np.abs(scaled[rows, code, np.newaxis] - scaled[:, code])  # [rows, num_points]
            np.exp(np.negative(kernel, out=kernel), out=kernel)
            row_means[rows, code] = kernel.mean(axis=1)
            joint = kernel if code == 0 else np.multiply(joint, kernel, out=joint)
        joint_mean += joint.sum() / num_points**2
    value = joint_mean + row_means.mean(axis=0).prod() - 2 * row_means.prod(axis=1).mean()
    return {"dhsic": max(0.0, float(value))}


def _divide_by_squared_median(code: np.ndarray) -> np.ndarray:
    """Return the code in units of h^2, h the median distance over ordered pairs and i = j."""
    num_points = len(code)
    distances = scipy.spatial.distance.pdist(code[:, np.newaxis], "cityblock")
    # Sorted, the full table is num_points zeros and then each distance twice.
    middles = {(num_points**2 - 1) // 2, num_points**2 // 2}
    places = {middle: (middle - num_points) // 2 for middle in middles}
    distances.partition(sorted(max(0, place) for place in places.values()))
    centre = [distances[places[m]] if m >= num_points else 0.0 for m in sorted(middles)]
    bandwidth = np.mean(centre) ** 2
    if bandwidth < SMALLEST_BANDWIDTH:
        return np.unique(code, return_inverse=True)[1] * UNRELATED
    return (code - code.mean()) / bandwidth


DHSIC = Metric(
    name="dhsic",
    title="dHSIC",
    function=dhsic,
    needs=frozenset({"codes"}),
    results=(Result("dhsic", "dHSIC", "low"),),
    variants=(Variant(name="dhsic", protocols=("cr",)),),
    bootstrap="None: every resample costs as much as the metric itself, seconds.",
    source="Pfister et al. 2018, Kernel-based Tests for Joint Independence (arXiv 1603.00285), in "
    "the form of the InfoGAN-CR release (Lin et al. 2020)",
    pitfalls="The kernel's width depends on the scale of the codes, and its square is unlike the "
    "usual one. Dead codes are left out, so collapsed models score best.",
    place=4,
)
