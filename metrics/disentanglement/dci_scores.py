"""DCI: disentanglement, completeness, informativeness (Eastwood & Williams 2018, section 2)."""

import multiprocessing
from collections.abc import Callable, Sequence
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from metrics.disentanglement.dci_learners import LEARNERS
from metrics.shared.fitting import quiet_fit, standardize
from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import (
    check_integer,
    check_option,
    check_train_and_test,
    varying_columns,
    varying_factors,
)

# Depth of the cr protocol's regression forests, one for each of dSprites' five factors.
FOREST_DEPTHS = (4, 5, 2, 5, 5)
OTHER_FOREST_DEPTH = 5


def dci(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike,
    factors_test: ArrayLike,
    *,
    learner: str = "gbt",
    seed: int = 0,
    max_depths: Sequence[int] | None = None,
    n_jobs: int = -1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Return how one-to-one the codes are that a learner needs to predict each factor.

    The learner is fitted once for each factor and yields the importance R[code, factor].
    Disentanglement, sum_l rho_l (1 - H_K(R_l)): 1 where each code serves one factor, 0 where each
    serves all equally; rho is a code's share of all importance. Completeness is the same over the
    columns: 1 where each factor needs one code. Informativeness says how well the learner predicts.
    Dead codes have importance 0 and weigh 0; where no code is active all scores are 0.

    | learner | model | protocol |
    |---|---|---|
    | gbt | gradient-boosted trees, scikit-learn defaults | dlib |
    | hist_gbt | histogram gradient-boosted trees: the fast column | as gbt |
    | random_forest | regression forests, 100 trees | cr |
    | lasso | lasso, alpha 0.02, on standardised codes and factors | cr |
    | logistic | logistic regression on standardised codes, mean of abs(coefficient) | as gbt |

    In the cr protocol completeness is the plain mean over factors, where a factor that no code
    predicts counts 0. A factor with one value is left out.

    Args:
        codes: float `[points, code_dim]`, training points.
        factors: `[points, num_factors]`, integers; real numbers for lasso and random_forest.
        codes_test: float `[test_points, code_dim]`.
        factors_test: `[test_points, num_factors]`.
        learner: "gbt", "hist_gbt", "random_forest", "lasso" or "logistic".
        seed: seed of the trees; scores depend on it, not on `n_jobs`.
        max_depths: random_forest only: depth of each factor's trees. None: (4, 5, 2, 5, 5) where
            five factors vary, else 5 for all. The IB-GAN paper's are (4, 2, 4, 2, 2).
        n_jobs: tree learners fit factors in that many processes; -1 is one a core.
        progress: `progress(done, total)`, called after each fitted factor, or None.

    Returns:
        dict with prefix `dci_<learner>_`: `disentanglement`, `completeness`, from 0 to 1;
        `informativeness_train`, `informativeness_test`: mean accuracy, from 0 to 1. For lasso and
        random_forest instead `nrmse_train`, `nrmse_test`: root mean squared error over the
        factor's standard deviation in the scored part; 0 is perfect, about 1 is chance.

    Raises:
        ValueError: malformed arrays, unknown learner, factors that are not integers where classes
            are learned, no factor that varies.
    """
    check_option(learner, "learner", LEARNERS)
    method = LEARNERS[learner]
    codes, factors, codes_test, factors_test = check_train_and_test(
        codes, factors, codes_test, factors_test, continuous=method.is_regression
    )
    check_integer(seed, "seed", minimum=0)
    check_jobs(n_jobs)
    varying = varying_factors(factors)
    depths = _check_depths(max_depths, learner, varying)
    factors, factors_test = factors[:, varying], factors_test[:, varying]

    if method.standardize_codes:
        codes, codes_test = standardize(codes, codes_test)
    if method.is_regression:
        factors, factors_test = standardize(factors, factors_test)
    active = varying_columns(codes)
    if active.any() or method.is_regression:
        importance, train, test = _fit_factors(
            learner, codes, factors, codes_test, factors_test, seed, depths, n_jobs, progress
        )
        importance[~active] = 0.0
    else:
        importance, train, test = np.zeros((codes.shape[1], factors.shape[1])), 0.0, 0.0

    quality = "nrmse" if method.is_regression else "informativeness"
    return {
        f"dci_{learner}_disentanglement": disentanglement(importance, method.is_regression),
        f"dci_{learner}_completeness": completeness(importance, method.is_regression),
        f"dci_{learner}_{quality}_train": float(train),
        f"dci_{learner}_{quality}_test": float(test),
    }


def disentanglement(importance: np.ndarray, is_cr: bool = False) -> float:
    """Return the mean over codes of 1 - entropy, weighted by each code's share of importance.

    Args:
        importance: float64 `[code_dim, num_factors]`, none negative.
        is_cr: which protocol's guard against log 0 applies.
    """
    weights = importance.sum(axis=1)
    if not weights.any():
        return 0.0
    return float(np.average(_concentration(importance, is_cr), weights=weights))


def completeness(importance: np.ndarray, is_cr: bool = False) -> float:
    """Return the mean over factors of 1 - entropy: weighted by importance, in cr plain.

    Args:
        importance: float64 `[code_dim, num_factors]`, none negative.
        is_cr: which protocol applies.
    """
    weights = importance.sum(axis=0)
    if not weights.any():
        return 0.0
    concentration = _concentration(importance.T, is_cr)
    if is_cr:
        return float(concentration.mean())
    return float(np.average(concentration, weights=weights))


def _concentration(rows: np.ndarray, is_cr: bool) -> np.ndarray:
    """Return 1 - entropy of each row to the base of its length; 0 for a row without importance."""
    length = rows.shape[1]
    used = rows.sum(axis=1) > 0
    if length == 1:
        return used.astype(np.float64)
    if is_cr:
        shares = rows / np.where(used, rows.sum(axis=1), 1.0)[:, np.newaxis]
        entropy = -np.sum(shares * np.log(shares + 1e-12), axis=1) / np.log(length + 1e-12)
    else:
        shares = (rows + 1e-11) / (rows + 1e-11).sum(axis=1, keepdims=True)
        entropy = -np.sum(shares * np.log(shares), axis=1) / np.log(length)
    return np.where(used, np.clip(1.0 - entropy, 0.0, 1.0), 0.0)


def _fit_factors(
    learner: str,
    codes: np.ndarray,
    factors: np.ndarray,
    codes_test: np.ndarray,
    factors_test: np.ndarray,
    seed: int,
    depths: Sequence[int | None],
    n_jobs: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[np.ndarray, float, float]:
    """Return the importance `[code_dim, num_factors]` and the mean train and test quality."""
    num_factors = factors.shape[1]
    importance = np.zeros((codes.shape[1], num_factors))
    qualities = np.zeros((num_factors, 2))
    # A factor's cost grows with its number of values: the dearest first keeps all cores busy.
    order = np.argsort([-len(np.unique(column)) for column in factors.T], kind="stable")
    # A daemonic process may have no children of its own.
    is_serial = not LEARNERS[learner].parallel or multiprocessing.current_process().daemon
    workers = 1 if is_serial else min(joblib.effective_n_jobs(n_jobs), num_factors)
    # Arrays travel whole (`max_nbytes`): they are small, and no temporary files are left behind.
    parallel = joblib.Parallel(workers, return_as="generator_unordered", max_nbytes=None)
    fits = parallel(
        joblib.delayed(_fit_factor)(
            learner,
            factor,
            codes,
            factors[:, factor],
            codes_test,
            factors_test[:, factor],
            seed,
            depths[factor],
        )
        for factor in order
    )
    for done, (factor, column, train, test) in enumerate(fits, start=1):
        importance[:, factor] = column
        qualities[factor] = train, test
        if progress is not None:
            progress(done, num_factors)
    return importance, *qualities.mean(axis=0)


def _fit_factor(
    learner: str,
    index: int,
    codes: np.ndarray,
    factor: np.ndarray,
    codes_test: np.ndarray,
    factor_test: np.ndarray,
    seed: int,
    max_depth: int | None,
) -> tuple[int, np.ndarray, float, float]:
    """Fit one factor; returns `(index, importance [code_dim], train quality, test quality)`."""
    method = LEARNERS[learner]
    # One thread a fit: the processes share the cores, and OpenMP threads that wait for each other
    # make histogram trees a hundred times slower on a busy machine.
    with quiet_fit(), threadpool_limits(1):
        model = method.make(seed, max_depth).fit(codes, factor)
        importance = method.importance(model, codes.shape[1])
        predicted, predicted_test = model.predict(codes), model.predict(codes_test)
    if method.is_regression:
        quality = _normalized_error(predicted, factor, 1.0)
        quality_test = _normalized_error(predicted_test, factor_test, 1.0)
    else:
        quality, quality_test = np.mean(predicted == factor), np.mean(predicted_test == factor_test)
    return index, importance, quality, quality_test


def _normalized_error(predicted: np.ndarray, target: np.ndarray, train_deviation: float) -> float:
    """Return the root mean squared error over the target's standard deviation.

    A factor that is constant in the scored part is measured by its deviation in training.
    """
    deviation = target.std() if target.max() > target.min() else train_deviation
    return np.sqrt(np.mean((predicted - target) ** 2)) / deviation


def _check_depths(max_depths: Sequence[int] | None, learner: str, varying: np.ndarray) -> list[int]:
    """Return the depth of each varying factor's trees, as a list."""
    num_varying = int(varying.sum())
    if max_depths is None:
        is_dsprites = num_varying == len(FOREST_DEPTHS)
        return list(FOREST_DEPTHS if is_dsprites else (OTHER_FOREST_DEPTH,) * num_varying)
    if learner != "random_forest":
        raise ValueError(
            "`max_depths` belongs to random_forest. Expected: None. "
            f"Received: max_depths={max_depths!r}, learner={learner!r}"
        )
    if np.ndim(max_depths) != 1 or len(max_depths) != len(varying):
        raise ValueError(
            f"`max_depths` does not fit the factors. Expected: {len(varying)} integers, "
            f"one a factor. Received: max_depths={max_depths!r}"
        )
    depths = [check_integer(depth, "max_depths", minimum=1) for depth in max_depths]
    return [depth for depth, varies in zip(depths, varying, strict=True) if varies]


def check_jobs(n_jobs: int) -> None:
    """Raise unless `n_jobs` is -1 or a positive integer."""
    if n_jobs != -1:
        check_integer(n_jobs, "n_jobs", minimum=1)


_LEARNER_TITLES = {
    "gbt": "boosted trees",
    "hist_gbt": "histogram trees",
    "random_forest": "random forest",
    "lasso": "lasso",
    "logistic": "logistic",
}
# Which learner the table of Lin et al. 2020 has is not known; their program has these two first.
_PAPER_CHOICES = {"lasso": 0, "random_forest": 1, "gbt": 2, "hist_gbt": 3, "logistic": 4}


def _results(learner: str) -> tuple[Result, ...]:
    """Return what a learner yields."""
    title, prefix = _LEARNER_TITLES[learner], f"dci_{learner}"
    if LEARNERS[learner].is_regression:
        quality, told, direction, high = "nrmse", "error", "low", np.inf
    else:
        quality, told, direction, high = "informativeness", "informativeness", "high", 1.0

    def part(name: str, words: str) -> Result:
        text = f"DCI {told}{words}, {title}"
        return Result(f"{prefix}_{quality}_{name}", text, direction, high=high, is_main=False)

    return (
        Result(
            f"{prefix}_disentanglement",
            f"DCI disentanglement, {title}",
            paper_choice=_PAPER_CHOICES[learner],
        ),
        Result(f"{prefix}_completeness", f"DCI completeness, {title}", is_main=False),
        part("test", ""),
        part("train", " (training part)"),
    )


def _variant(learner: str, protocol: str, **facts: Any) -> Variant:
    return Variant(
        name=f"dci_{learner}",
        protocols=(protocol,),
        title=_LEARNER_TITLES[learner],
        options={"learner": learner},
        results=_results(learner),
        **facts,
    )


DCI = Metric(
    name="dci",
    title="DCI",
    function=dci,
    needs=frozenset({"codes", "test codes", "two factors"}),
    results=(),
    variants=(
        _variant("gbt", "dlib", is_slow=True, uses_all_cores=True),
        _variant("hist_gbt", "dlib"),
        _variant("random_forest", "cr", uses_all_cores=True),
        _variant("lasso", "cr"),
        _variant("logistic", "dlib"),
    ),
    bootstrap="None: importances change with every refit, and refitting each resample is "
    "unaffordable.",
    takes_real_factors=True,
    source="Eastwood & Williams 2018, A Framework for the Quantitative Evaluation of Disentangled "
    "Representations, section 2 (ICLR 2018)",
    pitfalls="The learner changes the score (0.80 against 0.40 on the same codes), so it is part "
    "of the key: compare equal learners only. Completeness is a plain mean for lasso and forests "
    "and a weighted one for the others. Boosted trees take minutes.",
    place=7,
)
