"""What is known of a metric: one record, of which protocols, `score`, report and docs read.

A metric is a file that ends with its record, and a line of the face (`metrics/__init__.py`) that
imports both. Names of metrics and of their result keys are written nowhere else.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from metrics.shared.resampling import Resampling

DIRECTIONS = ("high", "low", "none")
NEEDS = {
    "codes": "the codes of each point",
    "test codes": "the codes of held-out points",
    "factors": "known factors",
    "two factors": "at least two known factors that vary",
    "attributes": "at least one known factor with two values",
    "groups": "groups of points that share the value of one factor",
    "pairs": "groups of pairs of points, each pair sharing the value of one factor",
    "posterior": "the mean and log variance of each point's Gaussian posterior",
    "samples": "generated images",
    "real images": "real images to compare with",
    "classifier": "a classifier of the true classes",
    "labels": "a true class for each point",
    "classes": "a model with one categorical code",
    "identities": "the identity of each point",
}
# Without one of these nobody knows what is true of a point.
LABELS = frozenset({"factors", "two factors", "attributes", "labels", "identities"})
LAST = 1000  # place of a metric that nobody has placed


@dataclasses.dataclass(frozen=True)
class Result:
    """One number that a metric yields.

    Attributes:
        key: In the dict of results, and in the column `metric` of scores.csv.
        title: For readers.
        direction: The better end, "high" or "low"; "none" where neither end is better.
        low: Smallest value that it can take.
        high: Largest value.
        is_main: Whether it stands with the first numbers of its room in a report.
        paper_choice: In the table of Lin et al. 2020 one result of a metric stands for it: that
            with the smallest such number that was measured. None: it never does.
    """

    key: str
    title: str
    direction: str = "high"
    low: float = 0.0
    high: float = 1.0
    is_main: bool = True
    paper_choice: int | None = None

    def __post_init__(self):
        if self.direction not in DIRECTIONS:
            raise ValueError(
                f"The result {self.key} has no such direction. Expected: one of "
                f"{', '.join(DIRECTIONS)}. Received: direction={self.direction!r}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to call a metric, by the name that Gin files and the command line use.

    Attributes:
        name: Such as "dci_gbt".
        protocols: Names of the protocols that offer it.
        title: What is particular to it, in words; "" where there is nothing.
        options: Arguments of the function that are its own.
        suffix: Ends the result keys, where the same function is called in several ways.
        results: Its results; None: the metric's own, with the suffix and the title.
        is_slow: Takes minutes: `score` computes it only when asked for by name.
        uses_all_cores: Fits side by side in processes of its own.
        is_made_by_stage: A part of the metric stage makes its results, of several calls or of
            moments that stream by; a call of the function has other keys.
    """

    name: str
    protocols: tuple[str, ...] = ()
    title: str = ""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    suffix: str = ""
    results: tuple[Result, ...] | None = None
    is_slow: bool = False
    uses_all_cores: bool = False
    is_made_by_stage: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """All that is known of one metric.

    Attributes:
        name: That of its function.
        title: For readers.
        function: Arrays to `dict[str, float]`. Arguments without a default are arrays.
        needs: What it needs, of `NEEDS`.
        results: What the function returns, whatever its options.
        variants: How it is called; at least one.
        resampling: Returns the `Resampling` of the same call; None where there is no interval.
        bootstrap: What is drawn again and what is held fixed, or why there is no interval.
        takes_real_factors: Continuous factors are given as they are and not in bins.
        scores_test_points: Held-out points are scored even where the key does not say so.
        source: Citation.
        pitfalls: What a reader of its values has to know.
        place: Orders the metrics of a room, best known first.
    """

    name: str
    title: str
    function: Callable[..., dict[str, float]]
    needs: frozenset[str]
    results: tuple[Result, ...]
    variants: tuple[Variant, ...]
    resampling: Callable[..., Resampling] | None = None
    bootstrap: str
    takes_real_factors: bool = False
    scores_test_points: bool = False
    source: str
    pitfalls: str
    place: int = LAST

    def __post_init__(self):
        unknown = sorted(self.needs - NEEDS.keys())
        if unknown or not self.variants:
            raise ValueError(
                f"The record of the metric {self.name} is wrong. Expected needs among "
                f"{', '.join(NEEDS)}, and at least one variant. Received: needs={unknown}, "
                f"{len(self.variants)} variants"
            )

    @property
    def room(self) -> str:
        """Where it lives: "disentanglement", "independence", "samples", "classes", ..."""
        return self.function.__module__.split(".")[1]

    @property
    def summary(self) -> str:
        """What it measures, in one sentence: the first of the function's docstring."""
        first, _, _ = (inspect.getdoc(self.function) or "").partition("\n\n")
        return " ".join(first.split()).removeprefix("Return ")

    @property
    def arguments(self) -> dict[str, bool]:
        """The arguments of the function: name to whether it must be given."""
        parameters = inspect.signature(self.function).parameters.values()
        return {one.name: one.default is inspect.Parameter.empty for one in parameters}

    @property
    def arrays(self) -> tuple[str, ...]:
        """The arguments that must be given."""
        return tuple(name for name, is_required in self.arguments.items() if is_required)

    @property
    def needs_labels(self) -> bool:
        """Whether it is measured against something known of each point."""
        return bool(self.needs & LABELS)


@dataclasses.dataclass(frozen=True)
class Measure:
    """A metric in one of its variants, ready to be called with arguments by name."""

    metric: Metric
    variant: Variant

    @property
    def name(self) -> str:
        """The name that Gin files and the command line use."""
        return self.variant.name

    @property
    def title(self) -> str:
        """For readers."""
        return _joined(self.metric.title, self.variant.title)

    @property
    def results(self) -> tuple[Result, ...]:
        """What it yields."""
        if self.variant.results is not None:
            return self.variant.results
        suffix, title = self.variant.suffix, self.variant.title
        return tuple(
            dataclasses.replace(
                one,
                key=f"{one.key}{suffix}",
                title=_joined(one.title, title),
                is_main=one.is_main and not suffix,
                paper_choice=None if suffix else one.paper_choice,
            )
            for one in self.metric.results
        )

    def is_offered_by(self, arrays: Mapping[str, Any]) -> bool:
        """Say whether all arguments that must be given are among `arrays`."""
        return not self.missing(arrays)

    def missing(self, arrays: Mapping[str, Any]) -> list[str]:
        """Return the arguments that must be given and are neither its options nor in `arrays`."""
        given = {*arrays, *self.variant.options}
        return [name for name in self.metric.arrays if name not in given]

    def score(
        self,
        offered: Mapping[str, Any],
        *,
        seed: int,
        num_resamples: int = 0,
        level: float = 0.95,
    ) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
        """Call the metric with whatever of `offered` its function takes.

        Args:
            offered: Arguments by name; more than the function takes may be there.
            seed: Of the metric, where it is random, and of the resamples.
            num_resamples: Bootstrap resamples; 0: no intervals.
            level: Probability that an interval is to cover.

        Returns:
            Scores and the intervals of those that have one, by result key.

        Raises:
            ValueError: What the metric refuses, or an argument that nobody offers.
        """
        missing = self.missing(offered)
        if missing:
            raise ValueError(
                f"{self.name} lacks arguments. Expected: {', '.join(self.metric.arrays)}. "
                f"Received: nothing for {', '.join(missing)}"
            )
        offered = {"seed": seed, **offered, **self.variant.options}
        given = {name: offered[name] for name in self.metric.arguments if name in offered}
        intervals = {}
        if num_resamples and self.metric.resampling is not None:
            resampling = self.metric.resampling(**given)
            intervals = resampling.interval(seed=seed, num_resamples=num_resamples, level=level)
            scores = resampling.scores()
        else:
            scores = self.metric.function(**given)
        return self._named(scores), self._named(intervals)

    def _named(self, results: dict[str, Any]) -> dict[str, Any]:
        return {f"{key}{self.variant.suffix}": value for key, value in results.items()}


def result_range(result: Result) -> str:
    """Return the range of a result as text, such as "0 to 1"."""

    def bound(value: float, word: str) -> str:
        return word if math.isinf(value) else f"{value:g}"

    if math.isinf(result.low) and math.isinf(result.high):
        return "any number"
    if math.isinf(result.low):
        return f"up to {result.high:g}"
    return f"{bound(result.low, '')} to {bound(result.high, 'any size')}"


def _joined(title: str, addition: str) -> str:
    return f"{title}, {addition}" if addition else title
