"""How the run is made again: command, configuration, data, versions."""

from collections.abc import Mapping
from typing import Any

from pipeline.stages.report.configurations import kept_configurations
from pipeline.stages.report.content import Report
from pipeline.stages.report.sections.section import Parts, Section


def build(report: Report, parts: Parts) -> Mapping[str, Any]:
    """Return what made what the page shows: configurations, data sets, versions."""
    scores = report.tables.scores
    data, versions = [], []
    if scores is not None:
        data = scores[["dataset", "data_fingerprint"]].drop_duplicates().values.tolist()
        versions = sorted(scores["versions"].unique())
    return {
        "configurations": kept_configurations(report.directory, report.tables),
        "data_sets": data,
        "versions": versions,
    }


SECTION = Section("reproduce", "How to reproduce", build)
