"""DCI-ES: explicitness and size beside DCI (Eastwood et al. 2023, arXiv 2210.00364)."""

import multiprocessing
from collections.abc import Callable

import joblib
import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from metrics.disentanglement.dci_scores import check_jobs, completeness, disentanglement
from metrics.shared.fitting import quiet_fit
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import (
    check_flags,
    check_integer,
    check_integers,
    check_train_and_test,
    varying_factors,
)

DEPTHS = (1, 2, 3, 4, 8, 10, 12, 14, 16, 18, 20, 32)  # the capacity of a forest
NUM_TREES = 100


def dci_es(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike,
    factors_test: ArrayLike,
    *,
    discrete: ArrayLike = True,
    seed: int = 0,
    n_jobs: int = -1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Return how little capacity a learner needs to read the factors, and DCI at each capacity.

    Random forests (100 trees) of growing depth predict each factor from all codes: a classifier
    scored by its accuracy, or for a factor that is not discrete a regressor scored by R2.
    Explicitness is 1 minus twice the area between the loss on the test points (running minimum over
    depths, so that overfitting does not count) and its smallest value, over the area of a learner
    that never leaves the loss of guessing: 1 where the shallowest trees already do all that the
    deepest do, 0 where the loss falls evenly with the depth. It compares each curve with its own
    minimum, so codes that tell nothing have a flat curve and a high explicitness (about 0.98): read
    it beside informativeness. Size is the number of factors over the number of codes.

    D, C and I at each depth are as in `dci`, the importances those of the forests. The original
    reports them at the depth of the best *test* informativeness, which differs between seeds (D of
    0.28 or 0.44 on one and the same data); here each depth has a key of its own. The original
    shuffles the points; here their order is kept, and the depth is counted linearly as it does for
    forests. A factor with one value is left out; a value that only test points have is an error of
    the classifier.

    Args:
        codes: float `[points, code_dim]`, training points.
        factors: `[points, num_factors]`, integers for discrete and real numbers for other factors.
        codes_test: float `[test_points, code_dim]`.
        factors_test: `[test_points, num_factors]`.
        discrete: True, False, or one flag for each factor.
        seed: seed of the forests; scores depend on it, not on `n_jobs`.
        n_jobs: fit factors in that many processes; -1 is one for each core.
        progress: `progress(done, total)`, called after each fitted factor, or None.

    Returns:
        dict: `dci_es_explicitness`, at most 1; `dci_es_size`, from 1 / code_dim; and for each depth
        `dci_es_depth<NN>_disentanglement` and `_completeness`, from 0 to 1, and `_informativeness`,
        the mean test score, at most 1.

    Raises:
        ValueError: malformed arrays, discrete factors that are not integers, flags that do not fit
            the factors, no factor that varies.
    """
    codes, factors, codes_test, factors_test = check_train_and_test(
        codes, factors, codes_test, factors_test, continuous=True
    )
    is_discrete = check_flags(discrete, "discrete", factors.shape[1])
    if is_discrete.any():
        check_integers(factors[:, is_discrete], "factors")
        check_integers(factors_test[:, is_discrete], "factors_test")
    check_integer(seed, "seed", minimum=0)
    check_jobs(n_jobs)
    varying = np.flatnonzero(varying_factors(factors))

    importance = np.zeros((len(DEPTHS), codes.shape[1], len(varying)))
    quality = np.zeros((len(DEPTHS), len(varying)))
    explicitness = np.zeros(len(varying))
    # A daemonic process may have no children of its own.
    is_serial = multiprocessing.current_process().daemon
    workers = 1 if is_serial else min(joblib.effective_n_jobs(n_jobs), len(varying))
    parallel = joblib.Parallel(workers, return_as="generator", max_nbytes=None)
    fits = parallel(
        joblib.delayed(_fit_depths)(
            codes,
            factors[:, factor],
            codes_test,
            factors_test[:, factor],
            bool(is_discrete[factor]),
            seed,
        )
        for factor in varying
    )
    for place, fitted in enumerate(fits):
        importance[:, :, place], quality[:, place], baseline = fitted
        explicitness[place] = _explicitness(1.0 - quality[:, place], baseline)
        if progress is not None:
            progress(place + 1, len(varying))

    scores = {
        "dci_es_explicitness": float(explicitness.mean()),
        "dci_es_size": len(varying) / codes.shape[1],
    }
    for depth, matrix, of_factors in zip(DEPTHS, importance, quality, strict=True):
        prefix = f"dci_es_depth{depth:02d}"
        scores[f"{prefix}_disentanglement"] = disentanglement(matrix)
        scores[f"{prefix}_completeness"] = completeness(matrix)
        scores[f"{prefix}_informativeness"] = float(of_factors.mean())
    return scores


def _fit_depths(
    codes: np.ndarray,
    factor: np.ndarray,
    codes_test: np.ndarray,
    factor_test: np.ndarray,
    is_discrete: bool,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Fit one factor at all depths.

    Returns:
        `(importance [depths, code_dim], test score [depths], loss of guessing)`.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    values = np.unique(factor)
    if not is_discrete:
        # In single precision, as in the original: equal splits of tied codes hang on the last bit.
        width = values[-1] - values[0]
        factor = ((factor - values[0]) / width).astype(np.float32)
        factor_test = ((factor_test - values[0]) / width).astype(np.float32)
    forest = RandomForestClassifier if is_discrete else RandomForestRegressor
    importance, quality = [], []
    for depth in DEPTHS:
        with quiet_fit(), threadpool_limits(1):
            model = forest(n_estimators=NUM_TREES, max_depth=depth, random_state=seed)
            model.fit(codes, factor)
            quality.append(_score(model.predict(codes_test), factor_test, is_discrete))
        importance.append(model.feature_importances_)
    baseline = 1.0 - 1.0 / len(values) if is_discrete else 1.0
    return np.array(importance), np.array(quality), baseline


def _score(predicted: np.ndarray, truth: np.ndarray, is_discrete: bool) -> float:
    """Return the accuracy, or R2; where the scored part holds one value only, R2 counts 0."""
    if is_discrete:
        return np.mean(predicted == truth)
    variance = truth.var()
    return 1.0 - np.mean((predicted - truth) ** 2) / variance if variance > 0 else 0.0


def _explicitness(losses: np.ndarray, baseline: float) -> float:
    """Return 1 - 2 area / whole, the area between the running minimum and its last value."""
    losses = np.minimum.accumulate(losses)
    area = np.trapezoid(losses - losses[-1], DEPTHS)
    return 1.0 - 2.0 * area / ((DEPTHS[-1] - DEPTHS[0]) * baseline)


def _results() -> tuple[Result, ...]:
    results = [
        Result("dci_es_explicitness", "DCI-ES explicitness", low=-np.inf),
        Result("dci_es_size", "DCI-ES size (factors over codes)", "none", high=np.inf),
    ]
    for depth in DEPTHS:
        for part, low in (
            ("disentanglement", 0),
            ("completeness", 0),
            ("informativeness", -np.inf),
        ):
            key, title = f"dci_es_depth{depth:02d}_{part}", f"DCI-ES {part}, trees of depth {depth}"
            results.append(Result(key, title, low=low, is_main=False))
    return tuple(results)


DCI_ES = Metric(
    name="dci_es",
    title="DCI-ES",
    function=dci_es,
    needs=frozenset({"codes", "test codes", "two factors"}),
    results=_results(),
    variants=(Variant(name="dci_es", protocols=("recent",), is_slow=True, uses_all_cores=True),),
    bootstrap="None: refitting the forests of each resample is unaffordable.",
    takes_real_factors=True,
    scores_test_points=True,
    source="Eastwood et al. 2023, DCI-ES: An Extended Disentanglement Framework "
    "(arXiv 2210.00364), with random forests",
    pitfalls="Codes that tell nothing have a flat curve and an explicitness of about 0.98: read it "
    "beside informativeness. The original reports D, C and I at the depth that is best on the test "
    "points, which differs from seed to seed; here each depth has its keys.",
    place=10,
)
