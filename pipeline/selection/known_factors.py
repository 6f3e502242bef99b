"""Scores of the metric stage that know the factors, by model: for the supervised ranking."""

import dataclasses
from collections.abc import Sequence

import pandas as pd

from pipeline.runs.representations import main_rows
from pipeline.runs.tables import SCORE_COLUMNS, read_table
from pipeline.stages.stage import Context

# What tells with labels which model is good: the first that every model has.
SUPERVISED_METRICS = ("factor_vae", "acc_hungarian")


@dataclasses.dataclass(frozen=True)
class Supervised:
    """What is known with factors.

    Attributes:
        protocol: The protocol of the scores.
        metric: The metric that models are ranked by.
        table: A row a model id, a column a metric.
    """

    protocol: str
    metric: str
    table: pd.DataFrame

    @property
    def scores(self) -> pd.Series:
        """The scores by which models are ranked."""
        return self.table[self.metric]


def supervised_scores(context: Context, model_ids: Sequence[str]) -> Supervised | None:
    """Return the scores of scores.csv; None without known factors.

    Of the protocols under which every model has a FactorVAE score the first one: "cr" before
    "dlib". Models of classes have an accuracy instead.
    """
    if not context.dataset.num_factors or not context.run.scores_csv.exists():
        return None
    table = read_table(context.run.scores_csv, SCORE_COLUMNS)
    table = main_rows(table, context.experiment.metrics.main_representation)
    table = table[table.model_id.isin(model_ids)]
    for metric in SUPERVISED_METRICS:
        for protocol in sorted(table[table.metric == metric].protocol.unique()):
            wide = table[table.protocol == protocol].pivot(
                index="model_id", columns="metric", values="value"
            )
            if wide[metric].notna().sum() == len(model_ids):
                return Supervised(protocol, metric, wide)
    return None
