"""The two published ways to sample and score, which give different numbers under one name.

A protocol draws evaluation points and groups from a data set, and says with which of them each
metric is called. `cr` is that of InfoGAN-CR (Lin et al. 2020): scored on what was fitted, nothing
pruned. `dlib` is that of the large-scale study (Locatello et al. 2019): held-out scores, dead codes
pruned.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

import metrics
from models import checks

# Metrics of the codes alone: they are all that label-free data admit.
UNSUPERVISED = frozenset(
    {
        "dhsic",
        "gaussian_total_correlation",
        "gaussian_wasserstein_correlation",
        "pairwise_mutual_information",
    }
)
# Metrics that use several cores themselves, so they run one after another.
PARALLEL = frozenset({"dci_gbt", "dci_random_forest"})


@dataclasses.dataclass(frozen=True)
class Draw:
    """Evaluation keys, and what their groups share.

    Attributes:
        keys: `[n, ...]`, points; or group after group.
        fixed_factor: int `[num_groups]`, or None for points.
    """

    keys: np.ndarray
    fixed_factor: np.ndarray | None = None


class Sample:
    """A draw seen through one encoder.

    Attributes:
        codes: float `[n, code_dim]`.
        groups: float `[num_groups, group_size, code_dim]`, of a draw of groups.
        fixed_factor: int `[num_groups]`, of a draw of groups.
    """

    def __init__(self, dataset, draw: Draw, codes: np.ndarray):
        self._dataset = dataset
        self._keys = draw.keys
        self.codes = codes
        self.fixed_factor = draw.fixed_factor

    @property
    def groups(self) -> np.ndarray:
        """The codes, group by group."""
        return self.codes.reshape(len(self.fixed_factor), -1, self.codes.shape[-1])

    @property
    def values(self) -> np.ndarray:
        """Factor values as they are, `[n, num_factors]`."""
        return self._dataset.factors_of(self._keys)

    @property
    def classes(self) -> np.ndarray:
        """Factor values as integers, continuous ones in 20 bins, `[n, num_factors]`."""
        return self._dataset.binned_factors_of(self._keys)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol(abc.ABC):
    """What the two protocols share.

    Attributes:
        metrics: Names of the metrics to compute under this protocol.
    """

    name: ClassVar[str]
    calls: ClassVar[Mapping[str, Callable]]

    metrics: tuple[str, ...]

    def __post_init__(self):
        label = f"{self.name}_protocol"
        if isinstance(self.metrics, str) or not isinstance(self.metrics, (list, tuple)):
            checks.fail(f"{label}.metrics", self.metrics, "a tuple of names")
        for metric in self.metrics:
            checks.choice(f"{label}.metrics", metric, self.calls)
        object.__setattr__(self, "metrics", tuple(self.metrics))
        for field in dataclasses.fields(self):
            if field.type is int:
                value = getattr(self, field.name)
                checks.integer(f"{label}.{field.name}", value, minimum=2)

    @abc.abstractmethod
    def draws(self, dataset, seed: int) -> dict[str, Draw]:
        """Return the draws that this protocol's metrics need, each from a stream of its own."""

    @property
    def sampling(self) -> dict[str, Any]:
        """What the draws depend on, apart from data set and seed: not the list of metrics."""
        values = dataclasses.asdict(self)
        del values["metrics"]
        return {"protocol": self.name, **values}

    def admits(self, metric: str, dataset) -> bool:
        """Say whether the data set knows what the metric needs."""
        return dataset.num_factors > 0 or metric in UNSUPERVISED

    def measure(
        self,
        metric: str,
        samples: Mapping[str, Sample],
        dataset,
        *,
        seed: int,
        num_resamples: int,
        level: float,
        num_jobs: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[dict[str, float], dict[str, tuple[float, float]], int]:
        """Compute one metric.

        Returns:
            Its scores, the bootstrap intervals of those that have one, and the number of points
            or groups that were scored.
        """
        function, arrays, options = self.calls[metric](self, samples, dataset)
        num_scored = len(arrays[0])
        if function == "dci":
            scores = metrics.dci(*arrays, seed=seed, n_jobs=num_jobs, progress=progress, **options)
            return self._reported(scores), {}, num_scored
        if function == "dhsic":
            options = options | {"seed": seed}
        if num_resamples and function in metrics.INTERVAL_METRICS:
            scores, intervals = metrics.score_with_interval(
                function, *arrays, seed=seed, num_resamples=num_resamples, level=level, **options
            )
            return self._reported(scores), self._reported(intervals), num_scored
        return self._reported(getattr(metrics, function)(*arrays, **options)), {}, num_scored

    def _reported(self, results: dict[str, Any]) -> dict[str, Any]:
        return results


def _codes_only(part: str, function: str) -> Callable:
    return lambda protocol, samples, dataset: (function, (samples[part].codes,), {})


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrProtocol(Protocol):
    """The InfoGAN-CR paper's: scored on the data that were fitted, nothing pruned.

    Attributes:
        num_points: Points for spreads and point metrics (published: 73,728 of dSprites, 20,000
            teapots, 108 CdSprites).
        num_groups: Groups of FactorVAE and BetaVAE (500; CdSprites 200); group g fixes factor
            g mod K.
        group_size: Images of a group (100; CdSprites 25).
        nominal_factors: Factors without an order, besides those that the data set names: SAP
            classifies them and correlates the rest.
        forest_depths: Depth of the trees of dci_random_forest, one a factor; None: (4, 5, 2, 5, 5)
            where five factors vary, else 5 for all. The IB-GAN paper's are (4, 2, 4, 2, 2).
    """

    name: ClassVar[str] = "cr"

    num_points: int
    num_groups: int
    group_size: int
    nominal_factors: tuple[str, ...] = ("shape", "label")
    forest_depths: tuple[int, ...] | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.forest_depths is not None:
            depths = checks.positive_integers("cr_protocol.forest_depths", self.forest_depths)
            object.__setattr__(self, "forest_depths", depths)

    @property
    def sampling(self) -> dict[str, Any]:
        """See `Protocol`; depths count where they are given."""
        values = super().sampling
        if self.forest_depths is None:
            del values["forest_depths"]
        return values

    def draws(self, dataset, seed: int) -> dict[str, Draw]:
        """Return "points" and, where factors are known, "groups"."""
        draws = {"points": _draw_points(dataset, self.num_points, [seed, 0])}
        if dataset.num_factors:
            fixed = np.arange(self.num_groups) % dataset.num_factors
            draws["groups"] = _draw_groups(dataset, fixed, self.group_size, [seed, 1])
        return draws

    def _reported(self, results: dict[str, Any]) -> dict[str, Any]:
        # Training and test points are the same here: a "_test" would promise too much.
        return {key: value for key, value in results.items() if not key.endswith("_test")}

    def _sap(self, samples, dataset):
        points = samples["points"]
        nominal = {*self.nominal_factors, *dataset.nominal_factors}
        continuous = [name not in nominal for name in dataset.factor_names]
        arrays = (points.codes, points.values, points.codes, points.values)
        return "sap", arrays, {"continuous": continuous}

    def _dci(self, samples, dataset, learner):
        points = samples["points"]
        arrays = (points.codes, points.values, points.codes, points.values)
        depths = self.forest_depths if learner == "random_forest" else None
        return "dci", arrays, {"learner": learner, "max_depths": depths}

    def _binned(self, samples, dataset, function):
        points = samples["points"]
        return function, (points.codes, points.classes), {}

    def _explicitness(self, samples, dataset):
        points = samples["points"]
        arrays = (points.codes, points.classes, points.codes, points.classes)
        return "explicitness", arrays, {}

    def _factor_vae(self, samples, dataset):
        groups = samples["groups"]
        arrays = (groups.groups, groups.fixed_factor, samples["points"].codes)
        return "factor_vae", arrays, {}

    def _beta_vae(self, samples, dataset):
        groups = samples["groups"]
        in_pairs = self.group_size // 2 * 2  # of an odd group the last image has no partner
        return "beta_vae", (groups.groups[:, :in_pairs], groups.fixed_factor), {}

    calls: ClassVar[Mapping[str, Callable]] = {
        "factor_vae": _factor_vae,
        "beta_vae": _beta_vae,
        "mig": lambda *given: CrProtocol._binned(*given, "mig"),
        "sap": _sap,
        "modularity": lambda *given: CrProtocol._binned(*given, "modularity"),
        "explicitness": _explicitness,
        "dci_lasso": lambda *given: CrProtocol._dci(*given, "lasso"),
        "dci_random_forest": lambda *given: CrProtocol._dci(*given, "random_forest"),
        "dhsic": _codes_only("points", "dhsic"),
        "gaussian_total_correlation": _codes_only("points", "gaussian_total_correlation"),
        "gaussian_wasserstein_correlation": _codes_only(
            "points", "gaussian_wasserstein_correlation"
        ),
        "pairwise_mutual_information": _codes_only("points", "pairwise_mutual_information"),
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class DlibProtocol(Protocol):
    """The large-scale study's: scored on fresh points, dead codes pruned.

    Attributes:
        num_train_points: Points that are fitted (published: 10,000).
        num_test_points: Fresh points (5,000).
        num_train_groups: Groups or BetaVAE points that are fitted (10,000).
        num_eval_groups: Fresh ones (5,000).
        group_size: Images of a FactorVAE group and pairs of a BetaVAE point (64).
        prune_std: Codes of smaller standard deviation may not be voted for (0.05).
    """

    name: ClassVar[str] = "dlib"

    num_train_points: int
    num_test_points: int
    num_train_groups: int
    num_eval_groups: int
    group_size: int
    prune_std: float

    def __post_init__(self):
        super().__post_init__()
        checks.number("dlib_protocol.prune_std", self.prune_std, minimum=0.0)

    def draws(self, dataset, seed: int) -> dict[str, Draw]:
        """Return the points, and groups and pairs only where a metric needs them."""
        draws = {
            "train": _draw_points(dataset, self.num_train_points, [seed, 10]),
            "test": _draw_points(dataset, self.num_test_points, [seed, 11]),
        }
        if not dataset.num_factors:
            return draws
        counts = {"train": self.num_train_groups, "eval": self.num_eval_groups}
        for number, (part, count) in enumerate(counts.items()):
            rng = np.random.default_rng([seed, 12 + number])
            fixed = rng.integers(dataset.num_factors, size=count)
            if "factor_vae" in self.metrics:
                draws[f"{part}_groups"] = _draw_groups(
                    dataset, fixed, self.group_size, [seed, 14 + number]
                )
            if "beta_vae" in self.metrics:
                # Each pair shares a value of its own, so a point is made of groups of two.
                pairs = _draw_groups(
                    dataset, np.repeat(fixed, self.group_size), 2, [seed, 16 + number]
                )
                draws[f"{part}_pairs"] = Draw(pairs.keys, fixed)
        return draws

    def _held_out(self, samples, dataset, function, **options):
        train, test = samples["train"], samples["test"]
        return function, (train.codes, train.classes, test.codes, test.classes), options

    def _train_only(self, samples, dataset, function):
        train = samples["train"]
        return function, (train.codes, train.classes), {}

    def _factor_vae(self, samples, dataset):
        train, fresh = samples["train_groups"], samples["eval_groups"]
        options = {
            "eval_groups": fresh.groups,
            "eval_fixed_factor": fresh.fixed_factor,
            "prune_std": self.prune_std,
        }
        arrays = (train.groups, train.fixed_factor, samples["train"].codes)
        return "factor_vae", arrays, options

    def _beta_vae(self, samples, dataset):
        train, fresh = samples["train_pairs"], samples["eval_pairs"]
        options = {"eval_groups": fresh.groups, "eval_fixed_factor": fresh.fixed_factor}
        return "beta_vae", (train.groups, train.fixed_factor), options

    calls: ClassVar[Mapping[str, Callable]] = {
        "factor_vae": _factor_vae,
        "beta_vae": _beta_vae,
        "mig": lambda *given: DlibProtocol._train_only(*given, "mig"),
        "modularity": lambda *given: DlibProtocol._train_only(*given, "modularity"),
        "irs": lambda *given: DlibProtocol._train_only(*given, "irs"),
        "sap": lambda *given: DlibProtocol._held_out(*given, "sap"),
        "explicitness": lambda *given: DlibProtocol._held_out(*given, "explicitness"),
        "dci_gbt": lambda *given: DlibProtocol._held_out(*given, "dci", learner="gbt"),
        "dci_hist_gbt": lambda *given: DlibProtocol._held_out(*given, "dci", learner="hist_gbt"),
        "dci_logistic": lambda *given: DlibProtocol._held_out(*given, "dci", learner="logistic"),
        "gaussian_total_correlation": _codes_only("train", "gaussian_total_correlation"),
        "gaussian_wasserstein_correlation": _codes_only(
            "train", "gaussian_wasserstein_correlation"
        ),
        "pairwise_mutual_information": _codes_only("train", "pairwise_mutual_information"),
    }


def _draw_points(dataset, num_points: int, stream: list[int]) -> Draw:
    return Draw(dataset.sample_keys(np.random.default_rng(stream), num_points))


def _draw_groups(dataset, fixed: np.ndarray, group_size: int, stream: list[int]) -> Draw:
    keys = dataset.sample_group_keys(np.random.default_rng(stream), fixed, group_size)
    return Draw(keys, fixed)
