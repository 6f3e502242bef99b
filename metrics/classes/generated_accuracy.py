"""Whether a model finds the class again that it generated an image from."""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_labels, check_same_length


def generated_accuracy(told: ArrayLike, made_classes: ArrayLike) -> dict[str, float]:
    """Return the share of generated images whose class is told right by the model's own encoder.

    Args:
        told: int `[samples]`, the class that the encoder gives each image.
        made_classes: int `[samples]`, the class that each was generated from.

    Returns:
        dict: `generated_accuracy`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, lengths that differ.
    """
    told = check_labels(told, "told", "samples")
    made_classes = check_labels(made_classes, "made_classes", "samples")
    check_same_length(told=told, made_classes=made_classes)
    return {"generated_accuracy": float(np.mean(told == made_classes))}


GENERATED_ACCURACY = Metric(
    name="generated_accuracy",
    title="Generated classes told right",
    function=generated_accuracy,
    needs=frozenset({"classes", "samples"}),
    results=(Result("generated_accuracy", "Generated classes told right"),),
    variants=(Variant(name="generated_accuracy", protocols=("classes",)),),
    bootstrap="None: at the usual thousand samples of each class its error is far below the "
    "difference between seeds.",
    source="ours",
    pitfalls="It needs no labels and knows none: a model that agrees with itself about classes "
    "that mean nothing scores 1. Chance is 1 over the number of classes.",
    place=4,
)
