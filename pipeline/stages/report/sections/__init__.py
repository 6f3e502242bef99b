"""The sections of the page, in its order: each is a file here and a template of the same name."""

from pipeline.stages.report.sections import (
    explorer,
    leaderboard,
    models,
    reproduce,
    selection,
    settings,
    shown,
    summary,
)
from pipeline.stages.report.sections.section import Section

SECTIONS: tuple[Section, ...] = (
    summary.SECTION,
    explorer.SECTION,
    shown.TRAVERSALS,
    leaderboard.SECTION,
    selection.SECTION,
    settings.SECTION,
    shown.CLASSES,
    shown.IDENTITIES,
    shown.TRAINING,
    models.SECTION,
    reproduce.SECTION,
)
