"""The protocol of what has been published since the large-scale study."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import metrics
from pipeline.datasets.interface import Dataset
from pipeline.stages.metrics.protocols.protocol import Offer, Protocol
from pipeline.stages.metrics.protocols.sample import Draw, Sample, draw_points


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecentProtocol(Protocol):
    """Metrics since 2018 that neither older protocol has, on points of the whole data set.

    Attributes:
        num_train_points: Points that are fitted and, where a metric has no test part, scored
            (InfoMEC's authors: 10,000; also the samples of Chen's MIG).
        num_test_points: Fresh points, of DCI-ES (5,000).
        num_attribute_points: Points of TAD, the first of those that are fitted (published: one
            batch of 1,000 images).
    """

    name: ClassVar[str] = "recent"

    num_train_points: int
    num_test_points: int
    num_attribute_points: int

    def draws(self, dataset: Dataset, seed: int) -> dict[str, Draw]:
        """Return "train" and "test" points."""
        return {
            "train": draw_points(dataset, self.num_train_points, [seed, 20]),
            "test": draw_points(dataset, self.num_test_points, [seed, 21]),
        }

    def offer(
        self, measure: metrics.Measure, samples: Mapping[str, Sample], dataset: Dataset
    ) -> Offer:
        """Return the arguments that a metric can have."""
        train, test = samples["train"], samples["test"]
        is_real = measure.metric.takes_real_factors
        rows = slice(self.num_attribute_points if "attributes" in measure.metric.needs else None)
        return {
            "codes": lambda: train.codes[rows],
            "factors": lambda: train.values if is_real else train.classes,
            "codes_test": lambda: test.codes,
            "factors_test": lambda: test.values if is_real else test.classes,
            "means": lambda: train.means,
            "log_variances": lambda: train.log_variances,
            "attributes": lambda: train.attributes[rows],
            "discrete": lambda: [size is not None for size in dataset.factor_sizes],
        }
