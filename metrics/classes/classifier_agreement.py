"""How well the classes that a model's own classifier names match the true ones."""

from numpy.typing import ArrayLike

from metrics.classes.cluster_agreement import partition_agreement
from metrics.shared.record import Metric, Result, Variant


def classifier_agreement(found: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Return how well the class that a classifier finds matches the label, matched one to one.

    The same four scores as of clusters (see `clustering`), here of a classifier that learned its
    classes without labels, such as InfoGAN's Q.

    Args:
        found: int `[points]`, the class that the classifier names.
        labels: int `[points]`.

    Returns:
        dict: `classifier_acc_hungarian`, `classifier_acc_purity`, `classifier_nmi`,
        `classifier_ari`, and `classifier_error`, 1 minus the first.

    Raises:
        ValueError: malformed arrays, lengths that differ.
    """
    agreement = partition_agreement(found, labels)
    scores = {f"classifier_{name}": value for name, value in agreement.items()}
    return scores | {"classifier_error": 1.0 - agreement["acc_hungarian"]}


CLASSIFIER_AGREEMENT = Metric(
    name="classifier_agreement",
    title="Agreement of Q",
    function=classifier_agreement,
    needs=frozenset({"classes", "labels"}),
    results=(
        Result("classifier_error", "Error of Q as classifier", "low"),
        Result("classifier_acc_hungarian", "Accuracy of Q (Hungarian)"),
        Result("classifier_acc_purity", "Accuracy of Q (purity)"),
        Result("classifier_nmi", "NMI of Q"),
        Result("classifier_ari", "ARI of Q", low=-0.5),
    ),
    variants=(Variant(name="classifier_agreement", protocols=("classes",)),),
    bootstrap="None: what varies most is the training of the model; compare seeds.",
    source="Chen et al. 2016, InfoGAN, section 7.2 (arXiv 1606.03657), which reports the error",
    pitfalls="For models whose encoder names a class itself (InfoGAN); features of CoDeGAN are "
    "clustered instead.",
    place=2,
)
