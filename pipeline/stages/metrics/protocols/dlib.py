"""The protocol of the large-scale study (Locatello et al. 2019)."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

import metrics
from models import checks
from pipeline.datasets.interface import Dataset
from pipeline.stages.metrics.protocols.protocol import Offer, Protocol
from pipeline.stages.metrics.protocols.sample import Draw, Sample, draw_groups, draw_points


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

    def draws(self, dataset: Dataset, seed: int) -> dict[str, Draw]:
        """Return the points, and groups and pairs only where a metric needs them."""
        draws = {
            "train": draw_points(dataset, self.num_train_points, [seed, 10]),
            "test": draw_points(dataset, self.num_test_points, [seed, 11]),
        }
        needs = {
            need
            for metric in self.metrics
            if self.admits(metric, dataset)
            for need in metrics.CATALOGUE.measure(metric).metric.needs
        }
        counts = {"train": self.num_train_groups, "eval": self.num_eval_groups}
        for number, (part, count) in enumerate(counts.items()):
            if not needs & {"groups", "pairs"}:
                break
            rng = np.random.default_rng([seed, 12 + number])
            fixed = rng.integers(dataset.num_factors, size=count)
            if "groups" in needs:
                draws[f"{part}_groups"] = draw_groups(
                    dataset, fixed, self.group_size, [seed, 14 + number]
                )
            if "pairs" in needs:
                # Each pair shares a value of its own, so a point is made of groups of two.
                pairs = draw_groups(
                    dataset, np.repeat(fixed, self.group_size), 2, [seed, 16 + number]
                )
                draws[f"{part}_pairs"] = Draw(pairs.keys, fixed)
        return draws

    def offer(
        self, measure: metrics.Measure, samples: Mapping[str, Sample], dataset: Dataset
    ) -> Offer:
        """Return the arguments that a metric can have: points and groups to fit, fresh to score."""
        train, test = samples["train"], samples["test"]
        kind = "pairs" if "pairs" in measure.metric.needs else "groups"
        return {
            "codes": lambda: train.codes,
            "factors": lambda: train.classes,
            "codes_test": lambda: test.codes,
            "factors_test": lambda: test.classes,
            "codes_std": lambda: train.codes,
            "groups": lambda: samples[f"train_{kind}"].groups,
            "fixed_factor": lambda: samples[f"train_{kind}"].fixed_factor,
            "eval_groups": lambda: samples[f"eval_{kind}"].groups,
            "eval_fixed_factor": lambda: samples[f"eval_{kind}"].fixed_factor,
            "prune_std": lambda: self.prune_std,
        }
