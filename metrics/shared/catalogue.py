"""All records together, found by the name of a metric or by the key of a result."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from metrics.shared.record import Measure, Metric, Result
from metrics.shared.validation import check_option

# The rooms in the order of a report.
ROOMS = ("disentanglement", "independence", "samples", "classes", "identities")


class Catalogue:
    """The records of all metrics, in the order for a reader.

    Args:
        records: The records, in any order.

    Raises:
        ValueError: A metric, variant or result is declared twice.
    """

    def __init__(self, records: Iterable[Metric]) -> None:
        self.records = tuple(
            sorted(records, key=lambda one: (ROOMS.index(one.room), one.place, one.name))
        )
        self._measures: dict[str, Measure] = {}
        self._of_result: dict[str, tuple[Measure, Result]] = {}
        _refuse_doubled("metric", [record.name for record in self.records])
        for record in self.records:
            for variant in record.variants:
                measure = Measure(record, variant)
                _refuse_doubled("variant", [*self._measures, measure.name])
                self._measures[measure.name] = measure
                for result in measure.results:
                    _refuse_doubled("result", [*self._of_result, result.key])
                    self._of_result[result.key] = (measure, result)
        main_first = sorted(
            self._of_result.items(),
            key=lambda item: (ROOMS.index(item[1][0].metric.room), not item[1][1].is_main),
        )
        self._places = {key: place for place, (key, _) in enumerate(main_first)}

    def __iter__(self) -> Iterator[Metric]:
        return iter(self.records)

    def measures(self, protocol: str | None = None) -> dict[str, Measure]:
        """Return what can be measured, by name, in the order for a reader.

        Args:
            protocol: Only what the protocol of that name offers; None: everything.
        """
        return {
            name: measure
            for name, measure in self._measures.items()
            if protocol is None or protocol in measure.variant.protocols
        }

    def measure(self, name: str) -> Measure:
        """Return what a Gin file or command line calls by `name`.

        Raises:
            ValueError: Nothing has that name.
        """
        check_option(name, "metric", self._measures)
        return self._measures[name]

    @property
    def keys(self) -> tuple[str, ...]:
        """Every declared result key, in the order for a reader."""
        return tuple(self._places)

    def result(self, key: str) -> Result | None:
        """Return the declared result of a key; None where no record declares it."""
        found = self._of_result.get(key)
        return found[1] if found else None

    def measure_of(self, key: str) -> Measure | None:
        """Return what yields a result key; None where no record declares it."""
        found = self._of_result.get(key)
        return found[0] if found else None

    def place(self, key: str) -> int:
        """Return where a result key stands for a reader; undeclared ones stand last."""
        return self._places.get(key, len(self._places))

    def refuse_undeclared(self, keys: Collection[str]) -> None:
        """Raise unless a record declares every one of the result keys.

        Raises:
            ValueError: Keys that no record declares.
        """
        unknown = [key for key in keys if key not in self._of_result]
        if unknown:
            raise ValueError(
                "A metric yields results that no record declares. Expected: a Result of that key "
                f"in the record beside the metric's function. Received: {', '.join(unknown)}"
            )

    def score_with_interval(
        self,
        metric: str,
        *arrays: Any,
        seed: int = 0,
        num_resamples: int = 1000,
        level: float = 0.95,
        **options: Any,
    ) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
        """Return a metric's scores together with their bootstrap intervals; models fitted once.

        Args:
            metric: Name of the metric's function, one of `INTERVAL_METRICS`.
            *arrays: What the metric of that name takes.
            seed: Of the resamples.
            num_resamples: Number of resamples.
            level: Probability that the percentile interval is to cover.
            **options: Keyword arguments of the metric of that name.

        Returns:
            `(scores, intervals)`: what the metric returns, and `dict[str, tuple[float, float]]`
            with (low, high) for each key that varies with its items.

        Raises:
            ValueError: Unknown metric, whatever the metric refuses, options out of range.
        """
        resamplings = self._resamplings()
        check_option(metric, "metric", resamplings)
        resampling = resamplings[metric](*arrays, **options)
        intervals = resampling.interval(seed=seed, num_resamples=num_resamples, level=level)
        return resampling.scores(), intervals

    @property
    def interval_metrics(self) -> tuple[str, ...]:
        """Names of the functions that have a bootstrap interval."""
        return tuple(self._resamplings())

    def _resamplings(self) -> Mapping[str, Any]:
        return {one.name: one.resampling for one in self.records if one.resampling is not None}


def _refuse_doubled(what: str, names: list[str]) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(
            f"The records declare a {what} twice. Expected: each name once. "
            f"Received: {', '.join(doubled)}"
        )
