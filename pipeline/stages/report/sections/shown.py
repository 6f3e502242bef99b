"""Sections that are pictures and plots only."""

from collections.abc import Mapping
from typing import Any

from pipeline.stages.report.content import Report
from pipeline.stages.report.sections.section import Parts, Section


def _build_always(report: Report, parts: Parts) -> Mapping[str, Any]:
    return {}


def _build(key: str):
    """Return a function that leaves the section out where it has nothing to show."""
    return lambda report, parts: {} if parts.shows(key) else None


TRAVERSALS = Section("traversals", "Traversals", _build_always)
CLASSES = Section("classes", "Classes", _build("classes"))
IDENTITIES = Section("identities", "Identity and everything else", _build("identities"))
TRAINING = Section("training", "Training", _build_always)
