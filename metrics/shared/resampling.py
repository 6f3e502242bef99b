"""Bootstrap over what a metric has already computed.

A metric that can be resampled is split in two: the dear part, done once (encode votes, fit
classifiers, bin codes), and a cheap score of any selection of its items. `Resampling` holds the
second, so that the score and its interval come from one pass over the data.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from metrics.shared.validation import check_integer, check_number


@dataclasses.dataclass(frozen=True)
class Resampling:
    """A metric as a function of which of its items are counted, and how often.

    Attributes:
        sizes: number of items in each independent part (training groups, evaluation groups;
            training points, test points).
        score: called with one int array of item numbers for each part, returns `dict[str, float]`.
            NaN means that the selection cannot be scored (a resample of one single class); such a
            resample is passed over.
        bounds: smallest and largest value that a score can take.
        constants: further results that do not depend on the items; reported without an interval.
    """

    sizes: tuple[int, ...]
    score: Callable[..., dict[str, float]]
    bounds: tuple[float, float] = (0.0, 1.0)
    constants: dict[str, float] = dataclasses.field(default_factory=dict)

    def scores(self) -> dict[str, float]:
        """Return the metric itself: every item counted once."""
        scored = self.score(*(np.arange(size) for size in self.sizes))
        return {key: float(value) for key, value in (scored | self.constants).items()}

    def interval(
        self, *, seed: int = 0, num_resamples: int = 1000, level: float = 0.95
    ) -> dict[str, tuple[float, float]]:
        """Return the percentile bootstrap interval of every score (Efron 1979).

        Each part is drawn anew with replacement, at its own size, `num_resamples` times. The
        percentiles are moved by the difference between the score and the mean of the resamples:
        drawing makes equal items, which look like dependence, so counted information and majority
        votes come out too high, and unmoved percentiles can miss the score itself.

        Args:
            seed: seed of the draws.
            num_resamples: number of draws, at least 2.
            level: probability that the interval is to cover, above 0 and at most 1.

        Returns:
            `dict[str, tuple[float, float]]`: key of the score to (low, high).
        """
        check_integer(seed, "seed", minimum=0)
        check_integer(num_resamples, "num_resamples", minimum=2)
        check_number(level, "level", low=0, high=1, low_included=False)
        generator = np.random.default_rng(seed)
        draws = [
            self.score(*(generator.integers(size, size=size) for size in self.sizes))
            for _ in range(num_resamples)
        ]
        scores = self.scores()
        tail = (1 - level) / 2
        intervals = {}
        for key in draws[0]:
            values = np.array([draw[key] for draw in draws])
            values = values[np.isfinite(values)]
            if not values.size:
                raise ValueError(
                    f"No resample of `{key}` could be scored. Expected: data whose resamples keep "
                    f"two classes. Received: parts of {self.sizes} items"
                )
            shift = scores[key] - values.mean()
            low, high = np.clip(np.quantile(values, [tail, 1 - tail]) + shift, *self.bounds)
            intervals[key] = (float(low), float(high))
        return intervals
