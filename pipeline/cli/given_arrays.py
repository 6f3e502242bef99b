"""What `score` is given: whole sets of arrays, each of which something reads."""

from collections.abc import Iterator, Mapping

import numpy as np

import metrics
from metrics.disentanglement.dci_learners import LEARNERS
from pipeline.errors import ConfigurationError, did_you_mean

# Of each set, all arrays are there or none.
TOGETHER = (
    ("groups", "fixed_factor"),
    ("eval_groups", "eval_fixed_factor"),
    ("means", "log_variances"),
    ("features", "reference_features"),
)
HELD_OUT = "_test"  # how the name of a held-out part ends
CODES_ARE_COLUMNS = ("codes", "codes_test", "codes_std", "means", "log_variances")


def check_arrays(place: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse arrays that nothing reads, and sets of which a part lacks.

    With a part missing, the held-out codes would be compared with other points' factors.

    Args:
        place: The file, for messages.
        arrays: Its arrays by name.

    Raises:
        ConfigurationError: With the nearest name, or with what lacks.
    """
    known = sorted(
        {name for one in metrics.CATALOGUE.measures().values() for name in one.metric.arguments}
    )
    for name in arrays:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ConfigurationError(
                f"{place}: no metric reads the array {name!r}. {hint}Expected some of: "
                f"{', '.join(known)}. Received: {', '.join(arrays)}. Rename it, or leave it out."
            )
    for names, missing in _incomplete_sets(arrays):
        raise ConfigurationError(
            f"{place}: {', '.join(names)} belong together. Expected all of them, or none. "
            f"Received: {', '.join(arrays)} (missing: {', '.join(missing)})."
        )


def _incomplete_sets(
    arrays: Mapping[str, np.ndarray],
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield (names that belong together, those that lack)."""
    sets: list[tuple[str, ...]] = [
        names for names in TOGETHER if any(name in arrays for name in names)
    ]
    if "eval_groups" in arrays:
        sets.append(("groups", "fixed_factor", "eval_groups", "eval_fixed_factor"))
    known = [base for base in ("factors", "identities") if _has_either(arrays, base)]
    if any(name.endswith(HELD_OUT) for name in arrays):
        for base in known or ["factors"]:
            sets.append(("codes", base, f"codes{HELD_OUT}", f"{base}{HELD_OUT}"))
    for names in sets:
        missing = [name for name in names if name not in arrays]
        if missing:
            yield names, missing


def _has_either(arrays: Mapping[str, np.ndarray], base: str) -> bool:
    return base in arrays or f"{base}{HELD_OUT}" in arrays


def warnings(arrays: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield a sentence for each array that looks transposed: with fewer points than codes."""
    for name in CODES_ARE_COLUMNS:
        array = arrays.get(name)
        if array is not None and array.ndim == 2 and array.shape[0] < array.shape[1]:
            points, codes = array.shape
            yield (
                f"{name} has fewer points ({points}) than codes ({codes}). Expected "
                f"[points, code_dim]; if its rows are the codes, save {name}.T instead"
            )


def real_factors(arrays: Mapping[str, np.ndarray]) -> list[bool] | None:
    """Return which factors hold real numbers; None where there are no factors to tell it of."""
    factors = arrays.get("factors")
    if factors is None or factors.ndim != 2 or factors.dtype.kind not in "biuf":
        return None
    with np.errstate(invalid="ignore"):
        return [bool((column != np.floor(column)).any()) for column in factors.T]


def needs_classes(measure: metrics.Measure) -> bool:
    """Say whether a metric takes no factors but whole numbers."""
    if "factors" not in measure.metric.arrays:
        return False
    learner = measure.variant.options.get("learner")
    if learner is not None:
        return not LEARNERS[learner].is_regression
    return not measure.metric.takes_real_factors
