"""Trade-offs between classes and images: models along one weight, and the worst class of each.

As in CoDeGAN (Zhao et al. 2021, https://arxiv.org/abs/2103.03636): how well kinds are told apart
against the Frechet distance, over beta_1 of CoDeGAN and over lambda of InfoGAN.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.stages.report.ablations import ablations, weight_names
from pipeline.stages.report.class_arrays import read_class_arrays
from pipeline.stages.report.content import Report

PROTOCOL, SAMPLES = "classes", "samples"
DISTANCES = ("fid_inception", "fid_local")  # the first that was measured


@dataclasses.dataclass(frozen=True)
class TradeOff:
    """Models that differ in one weight.

    Attributes:
        label: Names the method and the weight.
        weight: The name of the weight.
        values: The weight of each model, by its id; in the order of weight and id.
    """

    label: str
    weight: str
    values: Mapping[str, float]

    @property
    def settings(self) -> dict[float, list[str]]:
        """The models of each weight, the smallest weight first."""
        found: dict[float, list[str]] = {}
        for model_id, value in self.values.items():
            found.setdefault(value, []).append(model_id)
        return found


@dataclasses.dataclass(frozen=True)
class WorstClass:
    """The class of the generator that shows its commonest kind least, as a classifier judges.

    Attributes:
        code: Its number.
        kind: The name of that kind.
        share: Of the class's samples that show it.
        images: Samples, uint8 `[n, h, w, c]`.
    """

    code: int
    kind: str
    share: float
    images: np.ndarray


def trade_off_scores(report: Report) -> pd.DataFrame | None:
    """Return the two scores of each model that has both, or None where none has.

    Returns:
        A row for each model (its id is the index); columns: the metric of classes that models are
        compared by, and a Frechet distance.
    """
    if report.main[0] != PROTOCOL or report.tables.main_scores is None:
        return None
    scores = report.tables.main_scores
    wide = {
        protocol: scores[scores["protocol"] == protocol].pivot(
            index="model_id", columns="metric", values="value"
        )
        for protocol in (PROTOCOL, SAMPLES)
    }
    distance = next((name for name in DISTANCES if name in wide[SAMPLES]), None)
    if distance is None or report.main[1] not in wide[PROTOCOL]:
        return None
    both = wide[PROTOCOL][[report.main[1]]].join(wide[SAMPLES][[distance]]).dropna()
    both = both[both.index.isin(report.finished["model_id"])]
    return None if both.empty else both


def trade_offs(report: Report) -> list[TradeOff]:
    """Return what a report has of curves: models with both scores that differ in one weight."""
    scores = trade_off_scores(report)
    if scores is None:
        return []
    methods = {name: report.configs.get(name, {}).get("method", {}) for name in scores.index}
    found = []
    for weight in weight_names(methods.values()):
        for group in ablations(methods, weight):
            ordered = dict(sorted(group.items(), key=lambda item: (item[1], item[0])))
            first = report.model(next(iter(ordered)))
            found.append((f"{first['method']}, {weight.replace('_', ' ')}", first, weight, ordered))
    times = Counter(label for label, *_ in found)
    return [
        TradeOff(f"{label} ({first['setting']} …)" if times[label] > 1 else label, weight, ordered)
        for label, first, weight, ordered in found
    ]


def worst_class(report: Report, model_id: str) -> WorstClass | None:
    """Return the worst class of a model, None where no classifier judged its classes.

    Raises:
        ValueError: If the file of its classes is damaged.
    """
    arrays = read_class_arrays(report, report.model(model_id)["model_fingerprint"])
    if arrays is None or "coverage" not in arrays:
        return None
    shares = arrays["coverage"] / np.maximum(arrays["coverage"].sum(axis=1, keepdims=True), 1)
    code = int(shares.max(axis=1).argmin())
    kind = int(shares[code].argmax())
    name = str(arrays["label_names"][kind])
    return WorstClass(code, name, float(shares[code, kind]), arrays["grid"][code])
