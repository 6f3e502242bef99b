"""What a Gin file says about the report."""

import dataclasses
import difflib
from typing import ClassVar

import metrics
from models import checks


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """How the report looks; Gin's `report`.

    Attributes:
        main_metric: The metric that models are compared by: a metric of scores.csv, and the
            column of history.csv that is drawn over training.
        main_protocol: The protocol of that metric; where it was not measured so, another is taken.
        traversal_frames: Frames from one end of a code to the other in the animation.
        frame_milliseconds: How long the animation shows a frame.
        explorer_megabytes: What the images of the latent explorer take in the page at most; the
            less, the fewer steps and models it has. 0: no explorer.
    """

    gin_name: ClassVar[str] = "report"

    main_metric: str = "factor_vae"
    main_protocol: str = "cr"
    traversal_frames: int = 24
    frame_milliseconds: int = 90
    explorer_megabytes: float = dataclasses.field(default=6.0, metadata=checks.LATER)

    def __post_init__(self):
        if self.main_metric not in metrics.CATALOGUE.keys:
            known = metrics.CATALOGUE.keys
            close = difflib.get_close_matches(str(self.main_metric), known, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            expected = f"a metric of scores.csv{hint}: one of {', '.join(known)}"
            checks.fail("report.main_metric", self.main_metric, expected)
        checks.label("report.main_protocol", self.main_protocol)
        checks.integer("report.traversal_frames", self.traversal_frames, minimum=2)
        checks.integer("report.frame_milliseconds", self.frame_milliseconds, minimum=20)
        size = checks.number("report.explorer_megabytes", self.explorer_megabytes, 0.0, 12.0)
        object.__setattr__(self, "explorer_megabytes", size)
