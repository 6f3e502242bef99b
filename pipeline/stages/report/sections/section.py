"""What a section of the page is: a record that names its template and finds what it shows."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.stages.report.content import Report
from pipeline.stages.report.picture_files import PictureFile


@dataclasses.dataclass(frozen=True)
class Parts:
    """What was drawn before the page is put together.

    Attributes:
        plots: `plots.files.PlotFiles` of every plot.
        pictures: Files of every picture.
        explorer: Images of the latent explorer, by model.
        notes: (section, sentence) pairs about what is missing there.
    """

    plots: Sequence[Any]
    pictures: Sequence[PictureFile]
    explorer: Mapping[str, Mapping[str, Any]]
    notes: Sequence[tuple[str, str]]

    def shows(self, section: str) -> bool:
        """Say whether a section has a plot, a picture or a note."""
        return (
            any(plot.section == section for plot in self.plots)
            or any(file.picture.section == section for file in self.pictures)
            or any(key == section for key, _ in self.notes)
        )


@dataclasses.dataclass(frozen=True)
class Section:
    """The record of a section of the page; its template is `sections/<key>.html`.

    Attributes:
        key: Names its template and its address in the page.
        title: Its heading.
        build: Returns what its template shows; None leaves the section out.
        tables: The CSV files that hold its numbers, relative to the report.
    """

    key: str
    title: str
    build: Callable[[Report, Parts], Mapping[str, Any] | None]
    tables: Sequence[str] = ()
