"""InfoGAN's lower bound of what an image tells of its code (Chen et al. 2016, equation 5)."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_array, check_labels, check_same_length

SMALLEST_PROBABILITY = 1e-12  # whose logarithm is taken


def information_bound(probabilities: ArrayLike, made_classes: ArrayLike) -> dict[str, float]:
    """Return L_I = H(c) + E log Q(c | G(z, c)), in nats, of equally likely classes.

    At most the mutual information of code and image; it reaches the entropy H(c) of the code where
    Q is sure of the class that each image was generated from.

    Args:
        probabilities: float `[samples, classes]`, what Q says of each generated image.
        made_classes: int `[samples]`, the class that each was generated from, from 0.

    Returns:
        dict: `information_bound`, `code_entropy`.

    Raises:
        ValueError: malformed arrays, a class that Q has no probability of.
    """
    probabilities = check_array(probabilities, "probabilities", ("samples", "classes"))
    made_classes = check_labels(made_classes, "made_classes", "samples")
    check_same_length(probabilities=probabilities, made_classes=made_classes)
    if made_classes.min() < 0 or made_classes.max() >= probabilities.shape[1]:
        raise ValueError(
            f"`made_classes` is out of range. Expected: 0 to {probabilities.shape[1] - 1}. "
            f"Received: {made_classes.min()} to {made_classes.max()}"
        )
    of_own = probabilities[np.arange(len(made_classes)), made_classes]
    entropy = float(np.log(probabilities.shape[1]))
    likelihood = np.log(np.maximum(of_own.astype(np.float64), SMALLEST_PROBABILITY)).mean()
    return {"information_bound": entropy + float(likelihood), "code_entropy": entropy}


INFORMATION_BOUND = Metric(
    name="information_bound",
    title="Information bound",
    function=information_bound,
    needs=frozenset({"classes", "samples"}),
    results=(
        Result("information_bound", "Information bound L_I (nats)", low=-np.inf, high=np.inf),
        Result("code_entropy", "Entropy of the code H(c) (nats)", "none", high=np.inf),
    ),
    variants=(Variant(name="information_bound", protocols=("classes",)),),
    bootstrap="None: at the usual thousand samples of each class its error is far below the "
    "difference between seeds.",
    source="Chen et al. 2016, InfoGAN, equation 5 (arXiv 1606.03657)",
    pitfalls="It says that Q can tell the codes apart, not that they are the classes of the data. "
    "Read it beside the entropy, which it can reach but not exceed.",
    place=3,
)
