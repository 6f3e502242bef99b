"""How much a code tells of an identity: what a small classifier finds in it (Mathieu et al. 2016).

The specified code of a conditional autoencoder should tell the identity as well as the image does,
the unspecified one no better than chance.
"""

import numpy as np
from numpy.typing import ArrayLike

from metrics.shared.fitting import quiet_fit, standardize
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.resampling import Resampling
from metrics.shared.validation import (
    check_codes,
    check_integer,
    check_labels,
    check_same_length,
    check_same_width,
)

LEAST_PROBABILITY = 1e-6  # of the true identity: one confident mistake is not without bounds


def identity_leakage(
    codes: ArrayLike,
    identities: ArrayLike,
    codes_test: ArrayLike,
    identities_test: ArrayLike,
    *,
    hidden: tuple[int, ...] = (64,),
    max_epochs: int = 30,
    seed: int = 0,
) -> dict[str, float]:
    """Return how well a classifier finds the identity in codes, and what it learns of it.

    The classifier is scikit-learn's multilayer perceptron (ReLU, Adam, its defaults otherwise) on
    codes standardised by the training points. With H the entropy of the test points' identities and
    CE the classifier's mean cross-entropy on them, H - CE is at most the mutual information of code
    and identity (Barber and Agakov 2003), up to the error of both estimates; below 0 it says
    nothing and counts 0. Test points of identities that no training point has are left out.

    Args:
        codes: float `[points, code_dim]`, training points; or images as rows of pixels.
        identities: int `[points]`.
        codes_test: float `[test_points, code_dim]`.
        identities_test: int `[test_points]`.
        hidden: units of the classifier's hidden layers.
        max_epochs: passes over the training points.
        seed: of the classifier's initial weights and batches.

    Returns:
        dict: `accuracy`, from 0 to 1; `information`, in nats; `chance`, the accuracy of always
        naming the commonest identity of the test points.

    Raises:
        ValueError: malformed arrays, fewer than two identities among the training points, no test
            point of theirs.
    """
    return identity_leakage_resampling(
        codes,
        identities,
        codes_test,
        identities_test,
        hidden=hidden,
        max_epochs=max_epochs,
        seed=seed,
    ).scores()


def identity_leakage_resampling(
    codes: ArrayLike,
    identities: ArrayLike,
    codes_test: ArrayLike,
    identities_test: ArrayLike,
    *,
    hidden: tuple[int, ...] = (64,),
    max_epochs: int = 30,
    seed: int = 0,
) -> Resampling:
    """Return the `Resampling` of `identity_leakage` over test points; the classifier is fixed."""
    codes, identities = _checked(codes, identities, "")
    codes_test, identities_test = _checked(codes_test, identities_test, "_test")
    check_same_width(codes=codes, codes_test=codes_test)
    check_integer(max_epochs, "max_epochs", minimum=1)
    check_integer(seed, "seed", minimum=0)
    known = np.unique(identities)
    is_known = np.isin(identities_test, known)
    if len(known) < 2 or not is_known.any():
        raise ValueError(
            "There is nothing to tell apart. Expected: `identities` of two values at least, some "
            f"of them in `identities_test`. Received: {len(known)} values, "
            f"{int(is_known.sum())} test points of them"
        )
    from sklearn.neural_network import MLPClassifier

    codes_test, identities_test = codes_test[is_known], identities_test[is_known]
    codes, codes_test = standardize(codes, codes_test)
    classifier = MLPClassifier(tuple(hidden), max_iter=max_epochs, random_state=seed)
    with quiet_fit():
        classifier.fit(codes.astype(np.float32), identities)
        probabilities = classifier.predict_proba(codes_test.astype(np.float32))
    truth = np.searchsorted(known, identities_test)
    is_right = probabilities.argmax(axis=1) == truth
    of_truth = probabilities[np.arange(len(truth)), truth]
    cross_entropy = -np.log(np.maximum(of_truth, LEAST_PROBABILITY))

    def score(chosen: np.ndarray) -> dict[str, float]:
        shares = np.bincount(truth[chosen], minlength=len(known)) / len(chosen)
        entropy = -np.sum(shares[shares > 0] * np.log(shares[shares > 0]))
        information = max(0.0, entropy - cross_entropy[chosen].mean())
        return {"accuracy": is_right[chosen].mean(), "information": information}

    largest = np.bincount(truth).max() / len(truth)
    bounds = (0.0, max(1.0, np.log(len(known))))
    return Resampling((len(truth),), score, bounds, {"chance": float(largest)})


def _checked(codes: ArrayLike, identities: ArrayLike, suffix: str) -> tuple[np.ndarray, np.ndarray]:
    codes_name, identities_name = f"codes{suffix}", f"identities{suffix}"
    codes = check_codes(codes, codes_name)
    identities = check_labels(identities, identities_name)
    check_same_length(**{codes_name: codes, identities_name: identities})
    return codes, identities


# What is looked into, with its title and whether more found is better: s should tell the identity,
# z should not; of all codes together, and of images, neither is better.
VIEWS = {
    "s": ("s", "high"),
    "z": ("z", "low"),
    "z_mean": ("Mean of z", "low"),
    "codes": ("Codes", "none"),
    "codes_drawn": ("Codes, drawn", "none"),
    "images": ("Images", "none"),
}
PARTS = ("seen", "unseen")


def _results() -> tuple[Result, ...]:
    """Return the results of the identity protocol, one for each view and part."""
    found = [
        Result(f"{view}_{score}_{part}", f"{title}: {told} ({part})", direction, high=high)
        for part in PARTS
        for view, (title, direction) in VIEWS.items()
        for score, told, high in (
            ("accuracy", "identity", 1.0),
            ("information", "nats of identity", np.inf),
        )
    ]
    return (*found, *(Result(f"chance_{part}", f"Chance ({part})", "none") for part in PARTS))


IDENTITY_LEAKAGE = Metric(
    name="identity_leakage",
    title="Identity found",
    function=identity_leakage,
    needs=frozenset({"codes", "test codes", "identities"}),
    results=(
        Result("accuracy", "Identity found", "none"),
        Result("information", "Nats of identity", "none", high=np.inf),
        Result("chance", "Chance of the identity", "none"),
    ),
    variants=(
        Variant(name="identity_leakage"),
        Variant(
            name="identity_leakage_of_views",
            protocols=("identity",),
            results=_results(),
            is_made_by_stage=True,
        ),
    ),
    resampling=identity_leakage_resampling,
    bootstrap="Test points are drawn again; the classifier is held fixed.",
    scores_test_points=True,
    source="Mathieu et al. 2016, Disentangling Factors of Variation in Deep Representations using "
    "Adversarial Training (arXiv 1611.03383); information: Barber & Agakov 2003",
    pitfalls="A small classifier finds less than there is: a low score does not prove that a code "
    "holds nothing. Means tell more than draws, which are what the decoder sees. Chance is the "
    "commonest identity's share.",
    place=1,
)
