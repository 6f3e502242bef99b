"""What the classes of a generator show, told by a classifier: is each one kind, is a kind lost?"""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_codes, check_labels, check_same_length


def class_coverage(
    made_classes: ArrayLike, shown_classes: ArrayLike, num_codes: int, num_classes: int
) -> dict[str, float]:
    """Return how the generated classes (codes) and the true ones cover each other.

    Args:
        made_classes: int `[samples]`, the class (code) that each was generated from, from 0.
        shown_classes: int `[samples]`, the true class that a classifier finds in it, from 0.
        num_codes: generated classes.
        num_classes: true classes.

    Returns:
        dict: `code_purity`, the share of samples in the most frequent true class of their code;
        `classes_covered`, the number of true classes that are the most frequent one of some code;
        `least_class_share`, the share of the rarest true class among all samples, times the number
        of classes (1: as many as any other; 0: never made).

    Raises:
        ValueError: malformed arrays, or a code or class out of range.
    """
    table = code_table(made_classes, shown_classes, num_codes, num_classes)
    return {
        "code_purity": float(table.max(axis=1).sum() / table.sum()),
        "classes_covered": float(len(np.unique(table.argmax(axis=1)[table.sum(axis=1) > 0]))),
        "least_class_share": float(table.sum(axis=0).min() * num_classes / table.sum()),
    }


def code_table(
    codes: ArrayLike, classes: ArrayLike, num_codes: int, num_classes: int
) -> np.ndarray:
    """Return how many samples of each code show each class, int64 `[num_codes, num_classes]`."""
    arrays = {"codes": check_labels(codes, "codes"), "classes": check_labels(classes, "classes")}
    limits = {"codes": num_codes, "classes": num_classes}
    for name, values in arrays.items():
        if values.min() < 0 or values.max() >= limits[name]:
            raise ValueError(
                f"`{name}` is out of range. Expected: 0 to {limits[name] - 1}. Received: "
                f"{values.min()} to {values.max()}"
            )
    check_same_length(**arrays)
    table = np.zeros((num_codes, num_classes), np.int64)
    np.add.at(table, (arrays["codes"], arrays["classes"]), 1)
    return table


def relative_diversity(
    made_features: ArrayLike,
    made_classes: ArrayLike,
    real_features: ArrayLike,
    real_classes: ArrayLike,
    class_of_code: ArrayLike,
) -> dict[str, float]:
    """Return the variety of each code's samples, relative to that of real images of its class.

    The variety is the sum of the variances of all features; a collapsed code has next to none.

    Args:
        made_features: float `[samples, feature_dim]`, of generated samples.
        made_classes: int `[samples]`, the class (code) that each was generated from, from 0.
        real_features: float `[points, feature_dim]`, of real images.
        real_classes: int `[points]`, their true classes.
        class_of_code: int `[num_codes]`, the true class that each code shows.

    Returns:
        dict: `least_diversity` and `mean_diversity` over the codes; 1 is as varied as real images.
        A class of which there are fewer than two real images, or two that differ, is left out; 0
        where none is left.
    """
    made_features = check_codes(made_features, "made_features").astype(np.float64)
    real_features = check_codes(real_features, "real_features").astype(np.float64)
    shares = []
    for code, true_class in enumerate(np.asarray(class_of_code)):
        real = real_features[real_classes == true_class]
        variety = real.var(axis=0).sum() if len(real) > 1 else 0.0
        made = made_features[made_classes == code]
        if variety > 0 and len(made) > 1:
            shares.append(float(made.var(axis=0).sum() / variety))
    return {
        "least_diversity": min(shares, default=0.0),
        "mean_diversity": float(np.mean(shares)) if shares else 0.0,
    }


CLASS_COVERAGE = Metric(
    name="class_coverage",
    title="Coverage of classes",
    function=class_coverage,
    needs=frozenset({"classes", "samples", "classifier"}),
    results=(
        Result("code_purity", "Purity of generated classes"),
        Result("classes_covered", "True classes covered", high=np.inf),
        Result("least_class_share", "Share of the rarest class"),
    ),
    variants=(Variant(name="class_coverage", protocols=("classes",)),),
    bootstrap="None: at the usual thousand samples of each class its error is far below the "
    "difference between seeds.",
    source="ours",
    pitfalls="A classifier trained on real images names the classes; on images unlike any of "
    "them it guesses.",
    place=5,
)

RELATIVE_DIVERSITY = Metric(
    name="relative_diversity",
    title="Diversity of classes",
    function=relative_diversity,
    needs=frozenset({"classes", "samples", "classifier", "real images"}),
    results=(
        Result("least_diversity", "Diversity of the least diverse class", high=np.inf),
        Result("mean_diversity", "Diversity", high=np.inf),
    ),
    variants=(Variant(name="relative_diversity", protocols=("classes",)),),
    bootstrap="None: at the usual thousand samples of each class its error is far below the "
    "difference between seeds.",
    source="ours",
    pitfalls="1 is as varied as real images of the class; noise in the images can exceed it.",
    place=6,
)
