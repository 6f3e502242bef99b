"""Numbers as texts for a reader."""

from collections.abc import Mapping
from typing import Any


def number_text(value: float | None, digits: int = 3) -> str:
    """Return a number rounded for a reader; a dash where there is none."""
    if value is None or value != value:
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def interval_text(score: Mapping[str, Any]) -> str:
    """Return the interval of a row of the scores table as text; empty where there is none."""
    if score["ci_low"] != score["ci_low"] or score["ci_high"] != score["ci_high"]:
        return ""
    return f"{number_text(score['ci_low'])} to {number_text(score['ci_high'])}"
