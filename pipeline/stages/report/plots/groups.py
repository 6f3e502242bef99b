"""What models are grouped and coloured by, and their scores as arrays."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.datasets.own_values import natural_key
from pipeline.stages.report import summaries
from pipeline.stages.report.plots.style import group_styles


@dataclasses.dataclass(frozen=True)
class GroupScores:
    """The scores of a group's models in one metric: names, values, interval ends, each `[n]`.

    The ends of an interval are NaN where there is none.
    """

    names: Sequence[str]
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


def group_scores(rows: pd.DataFrame) -> GroupScores:
    """Return rows of a scores table as arrays."""
    return GroupScores(
        rows["model_id"].tolist(),
        *(rows[name].to_numpy(dtype=np.float64) for name in ("value", "ci_low", "ci_high")),
    )


def group_labels(rows: pd.DataFrame) -> pd.Series:
    """Return the group of each row of a table that names models and settings."""
    labels = [
        summaries.group_label(model_id, setting)
        for model_id, setting in zip(rows["model_id"], rows["setting"], strict=True)
    ]
    return pd.Series(labels, index=rows.index, dtype=object)


def all_groups(run: summaries.RunTables) -> list[str]:
    """Return every group of the report, so that a group has one colour in all plots."""
    return sorted(set(group_labels(run.models)), key=natural_key)


def used_styles(groups: Sequence[str], used: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the styles of those groups that a plot shows."""
    return {group: look for group, look in group_styles(groups).items() if group in set(used)}


def error_bars(scores: GroupScores, indices: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the lengths of error bars `[2, n]`; zero where there is no interval."""
    values = scores.values[indices]
    lengths = np.stack([values - scores.low[indices], scores.high[indices] - values])
    return np.maximum(np.nan_to_num(lengths), 0.0)
