"""Results of the metric stage: kept one file a model and metric, and as rows of scores.csv."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import metrics
from pipeline.datasets.interface import Dataset
from pipeline.model_spec import Export
from pipeline.runs.files import read_signed_json, write_signed_json
from pipeline.runs.manifests import versions
from pipeline.runs.representations import MEAN


def read_result(path: Path) -> dict[str, Any] | None:
    """Return a result that was kept, or None if it is absent or damaged."""
    return read_signed_json(path)


def write_result(
    path: Path,
    scores: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
    num_scored: int,
    **details: Any,
) -> None:
    """Keep a result.

    Args:
        path: Its file.
        scores: Key to value.
        intervals: Key to bootstrap interval, of the scores that have one.
        num_scored: Points or groups that were scored.
        **details: More that belongs to the result, as JSON-able data.

    Raises:
        ValueError: If no record declares a score's key.
    """
    metrics.CATALOGUE.refuse_undeclared(scores)
    result = {
        "scores": dict(scores),
        "intervals": dict(intervals),
        "num_scored": num_scored,
        "versions": versions(),
        **details,
    }
    write_signed_json(path, result)


def score_rows(
    result: Mapping[str, Any] | None,
    export: Export,
    protocol: str,
    dataset: Dataset,
    representation: str = MEAN,
) -> list[dict[str, Any]]:
    """Return a result as rows of scores.csv; none where there is no result."""
    if result is None:
        return []
    rows = []
    for key, value in result["scores"].items():
        low, high = result["intervals"].get(key, (None, None))
        rows.append(
            {
                **export.columns,
                "metric": key,
                "value": value,
                "ci_low": low,
                "ci_high": high,
                "protocol": protocol,
                "representation": representation,
                "num_points": result["num_scored"],
                "dataset": dataset.name,
                "data_fingerprint": dataset.fingerprint,
                "versions": result["versions"],
            }
        )
    return rows
