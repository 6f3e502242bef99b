"""Mode KL: how evenly samples fall on the classes (Lin et al. 2020, "InfoGAN-CR", appendix)."""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import check_probabilities


def mode_kl(probabilities: ArrayLike) -> dict[str, float]:
    """Return the KL divergence in nats of the classes of the samples from even classes.

    A sample's class is its most probable one. 0 where all classes are equally frequent, log of the
    number of classes where every sample has the same class.

    Args:
        probabilities: float `[points, classes]`, a classifier's distribution for each sample.

    Returns:
        dict: `mode_kl`, from 0 to log(classes).

    Raises:
        ValueError: malformed array, rows that are not distributions.
    """
    return mode_kl_resampling(probabilities).scores()


def mode_kl_resampling(probabilities: ArrayLike) -> Resampling:
    """Return the `Resampling` of `mode_kl` over points."""
    probabilities = check_probabilities(probabilities)
    num_classes = probabilities.shape[1]
    modes = probabilities.argmax(axis=1)

    def score(chosen: np.ndarray) -> dict[str, float]:
        shares = np.bincount(modes[chosen], minlength=num_classes) / len(chosen)
        return {"mode_kl": max(0.0, float(scipy.special.rel_entr(shares, 1 / num_classes).sum()))}

    return Resampling((len(modes),), score, bounds=(0.0, float(np.log(num_classes))))


MODE_KL = Metric(
    name="mode_kl",
    title="Mode KL",
    function=mode_kl,
    needs=frozenset({"samples", "classifier"}),
    results=(Result("mode_kl", "Mode KL", "low", high=np.inf),),
    variants=(Variant(name="mode_kl", protocols=("samples",)),),
    resampling=mode_kl_resampling,
    bootstrap="Samples are drawn again; the classifier's probabilities are held fixed.",
    source="Lin et al. 2020, InfoGAN-CR and ModelCentrality, appendix (arXiv 1906.06034)",
    pitfalls="It compares with equally frequent classes, whatever the data set's own shares are.",
    place=3,
)
