"""The page: one self-contained file from the templates, that opens from disk without a network.

Numbers are rounded here and only here (and in the plots); the tables beside it keep full precision.
"""

import importlib.resources
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe

from pipeline.stages.report.content import Report
from pipeline.stages.report.sections import SECTIONS
from pipeline.stages.report.sections.section import Parts
from pipeline.stages.report.texts import interval_text, number_text

LARGEST = 14_500_000  # bytes of a page, which people send by mail
# What a reader is told of a link to a file that does not travel with the page.
BESIDE = "A file beside this page: the link opens in the run's folder, not where the page is alone."
SCRIPTS = ("page.js", "plots.js", "leaderboard.js", "explorer.js", "swap.js", "models.js")


def render_page(report: Report, parts: Parts) -> str:
    """Return the page as HTML; of too many explorers, the last are left out until it fits.

    Args:
        report: What to show.
        parts: Its plots, pictures, explorer and notes.
    """
    explorer = dict(parts.explorer)
    while True:
        page = _render(report, parts, explorer)
        excess = len(page.encode("utf-8")) - LARGEST
        if excess <= 0 or not explorer:
            return page
        while excess > 0 and explorer:
            _, content = explorer.popitem()
            excess -= sum(map(len, content["sheets"])) * 4 // 3


def _render(report: Report, parts: Parts, explorer: Mapping[str, Any]) -> str:
    parts = Parts(parts.plots, parts.pictures, explorer, parts.notes)
    sections = []
    for section in SECTIONS:
        content = section.build(report, parts)
        if content is not None:
            sections.append(
                {
                    "key": section.key,
                    "title": section.title,
                    "template": f"sections/{section.key}.html",
                    "content": content,
                    "tables": [
                        name for name in section.tables if (report.directory.report / name).exists()
                    ],
                    "notes": [text for key, text in parts.notes if key == section.key],
                    "plots": [plot for plot in parts.plots if plot.section == section.key],
                    "pictures": [
                        file for file in parts.pictures if file.picture.section == section.key
                    ],
                }
            )
    return render_sections(report.title, sections, SCRIPTS, report=report)


def render_sections(
    title: str, sections: Sequence[Mapping[str, Any]], scripts: Sequence[str], **more: Any
) -> str:
    """Return a page of some sections as HTML.

    Args:
        title: Of the page.
        sections: What the template of pages reads of each: key, title, template, content, tables,
            notes, plots, pictures.
        scripts: Names of scripts that the page needs.
        more: What else the sections' templates read.
    """
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=title,
            sections=sections,
            style=_asset("page.css"),
            scripts=[_asset(name) for name in scripts],
            beside=BESIDE,
            **more,
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.stages.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "number": number_text,
        "interval": interval_text,
        "as_is": markupsafe.Markup,
    }
    return environment


def _asset(name: str) -> markupsafe.Markup:
    """Return a style sheet or script of the templates, which is ours and needs no escaping."""
    folder = importlib.resources.files("pipeline.stages.report") / "templates"
    return markupsafe.Markup((folder / name).read_text(encoding="utf-8"))
