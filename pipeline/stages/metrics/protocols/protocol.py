"""What all protocols share: which metrics they admit, and how one is called."""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import metrics
from metrics import Measure
from models import checks
from pipeline.datasets.interface import Dataset
from pipeline.stages.metrics.protocols.sample import Draw, Sample, binary_factors

Offer = Mapping[str, Callable[[], Any]]
"""Arguments of metrics by name, each made when a metric asks for it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol(abc.ABC):
    """One way to draw points and groups, and to score with them.

    A protocol computes the metrics whose records name it: it offers arguments by name, and each
    metric takes those that its function has.

    Attributes:
        metrics: Names of the metrics to compute under this protocol.
    """

    name: ClassVar[str]
    scores_draws: ClassVar[bool] = False  # from posteriors, beside their means

    metrics: tuple[str, ...]

    def __post_init__(self):
        label = f"{self.name}_protocol"
        if isinstance(self.metrics, str) or not isinstance(self.metrics, (list, tuple)):
            checks.fail(f"{label}.metrics", self.metrics, "a tuple of names")
        for metric in self.metrics:
            checks.choice(f"{label}.metrics", metric, self.available())
        doubled = sorted({name for name in self.metrics if self.metrics.count(name) > 1})
        if doubled:
            expected = f"each name once, not {', '.join(map(repr, doubled))} again"
            checks.fail(f"{label}.metrics", self.metrics, expected)
        object.__setattr__(self, "metrics", tuple(self.metrics))
        for field in dataclasses.fields(self):
            if field.type is int:
                value = getattr(self, field.name)
                checks.integer(f"{label}.{field.name}", value, minimum=2)

    @classmethod
    def available(cls) -> tuple[str, ...]:
        """Return the names of the metrics whose records name this protocol."""
        return tuple(metrics.CATALOGUE.measures(cls.name))

    @abc.abstractmethod
    def draws(self, dataset: Dataset, seed: int) -> dict[str, Draw]:
        """Return the draws that this protocol's metrics need, each from a stream of its own."""

    @abc.abstractmethod
    def offer(self, measure: Measure, samples: Mapping[str, Sample], dataset: Dataset) -> Offer:
        """Return the arguments that a metric can have of the samples."""

    def check_factors(self, dataset: Dataset) -> None:
        """Refuse names of factors that the data set does not have; here none are given."""
        del dataset

    @property
    def sampling(self) -> dict[str, Any]:
        """What the draws depend on, apart from data set and seed: not the list of metrics."""
        values = dataclasses.asdict(self)
        del values["metrics"]
        return {"protocol": self.name, **values}

    def why_not(
        self, metric: str, dataset: Dataset, *, has_posterior: bool | None = None
    ) -> str | None:
        """Say what a metric needs that is not there; None where nothing lacks.

        Args:
            metric: One of the metrics of this protocol.
            dataset: The data set: how many factors it knows.
            has_posterior: Whether the model has one; None: no model is asked.
        """
        needs = metrics.CATALOGUE.measure(metric).metric.needs
        if needs & metrics.LABELS and not dataset.num_factors:
            return f"{dataset.name} has no known factors"
        if "two factors" in needs and num_varying_factors(dataset) < 2:
            return f"{dataset.name} has fewer than two factors that vary"
        if "attributes" in needs and not binary_factors(dataset):
            return f"{dataset.name} has no factor of two values"
        if "posterior" in needs and has_posterior is False:
            return "the model has no posterior"
        return None

    def admits(self, metric: str, dataset: Dataset, *, has_posterior: bool | None = None) -> bool:
        """Say whether data set and model have what the metric needs."""
        return self.why_not(metric, dataset, has_posterior=has_posterior) is None

    def measure(
        self,
        metric: str,
        samples: Mapping[str, Sample],
        dataset: Dataset,
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
        measure = metrics.CATALOGUE.measure(metric)
        offer = self.offer(measure, samples, dataset)
        taken = {name: make() for name, make in offer.items() if name in measure.metric.arguments}
        num_scored = len(taken[measure.metric.arrays[0]])
        scores, intervals = measure.score(
            {**taken, "n_jobs": num_jobs, "progress": progress},
            seed=seed,
            num_resamples=num_resamples,
            level=level,
        )
        return self._reported(scores), self._reported(intervals), num_scored

    def _reported(self, results: dict[str, Any]) -> dict[str, Any]:
        return results


def num_varying_factors(dataset: Dataset) -> int:
    """Return the number of known factors with more than one value."""
    return sum(size is None or size > 1 for size in dataset.factor_sizes)
