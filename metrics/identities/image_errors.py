"""Squared errors of images made from codes: their own, or with the identity of another image."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_array

AXES = ("points", "height", "width", "channels")
PARTS = ("seen", "unseen")


def reconstruction_error(made: ArrayLike, images: ArrayLike) -> dict[str, float]:
    """Return the mean squared error, per value, of images made from their own codes.

    Args:
        made: float `[points, height, width, channels]`, in [0, 1].
        images: the images that the codes are of, of the same shape.

    Returns:
        dict: `reconstruction_error`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, shapes that differ.
    """
    return {"reconstruction_error": _mean_squared_error(made, images)}


def swap_error(made: ArrayLike, images: ArrayLike) -> dict[str, float]:
    """Return the mean squared error, per value, of images made with another image's identity code.

    The unspecified code is the image's own, the specified code that of another image of the same
    identity: 0 where the specified code holds the identity and nothing else.

    Args:
        made: float `[points, height, width, channels]`, in [0, 1].
        images: the images that the unspecified codes are of, of the same shape.

    Returns:
        dict: `swap_error`, from 0 to 1.

    Raises:
        ValueError: malformed arrays, shapes that differ.
    """
    return {"swap_error": _mean_squared_error(made, images)}


def _mean_squared_error(made: ArrayLike, images: ArrayLike) -> float:
    made, images = check_array(made, "made", AXES), check_array(images, "images", AXES)
    if made.shape != images.shape:
        raise ValueError(
            "`made` and `images` differ in shape. Expected: equal shapes. "
            f"Received: made.shape={made.shape}, images.shape={images.shape}"
        )
    return float(np.mean((made - images) ** 2))


def _record(
    function: Callable[..., dict[str, float]],
    title: str,
    place: int,
    needs: frozenset[str],
    source: str,
    pitfalls: str,
) -> Metric:
    name = function.__name__
    of_parts = tuple(Result(f"{name}_{part}", f"{title} ({part})", "low") for part in PARTS)
    return Metric(
        name=name,
        title=title,
        function=function,
        needs=needs,
        results=(Result(name, title, "low"),),
        variants=(
            Variant(name=name),
            Variant(
                name=f"{name}_of_parts",
                protocols=("identity",),
                results=of_parts,
                is_made_by_stage=True,
            ),
        ),
        bootstrap="None: thousands of images leave an error far below the difference between "
        "seeds.",
        source=source,
        pitfalls=pitfalls,
        place=place,
    )


RECONSTRUCTION_ERROR = _record(
    reconstruction_error,
    "Reconstruction error",
    2,
    frozenset({"codes", "real images"}),
    "Mathieu et al. 2016, Disentangling Factors of Variation in Deep Representations using "
    "Adversarial Training (arXiv 1611.03383)",
    "Squared errors prefer blurred images, and say nothing of what a code holds.",
)
SWAP_ERROR = _record(
    swap_error,
    "Swap error",
    3,
    frozenset({"codes", "real images", "identities"}),
    "Mathieu et al. 2016 (arXiv 1611.03383), as a number (ours)",
    "A model that keeps everything in the unspecified code scores as well as one that separates: "
    "read it beside the identity found in z.",
)
