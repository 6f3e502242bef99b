"""What a part of the metric stage is: one record, of which the stage reads all it does."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.runs.representations import MEAN
from pipeline.stages.metrics.metric_results import read_result, score_rows
from pipeline.stages.stage import Context


@dataclasses.dataclass(frozen=True)
class Result:
    """One kept result, as it goes into scores.csv.

    Attributes:
        export: The model that its rows are about.
        protocol: The protocol that its rows name.
        path: Its file.
        representation: Which codes of the model were scored, "mean" or "sample".
    """

    export: Export
    protocol: str
    path: Path
    representation: str = MEAN


def _none(*_: Any) -> list[Any]:
    return []


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the metric stage: metrics by protocol, or what judges samples, and so on.

    A part is a file of this package that ends with its record, and one line in
    `pipeline.stages.metrics.parts`. A part that the experiment does not ask for skips, misses,
    measures and yields nothing.

    Attributes:
        name: For messages and docs.
        skipped: Says what the data set does not admit, one sentence each.
        missing: Names what each model lacks: (model id, what) each.
        measure: Computes what is missing, and returns one line for each failure.
        results: Yields every result that scores.csv is made of, in a fixed order.
        key: What scores depend on beside the options, such as the version of the code; part of
            the stage's fingerprint. None: nothing more.
        files: Other files without which the work must be done again.
        kept: Files that only save time.
    """

    name: str
    skipped: Callable[[Context], list[str]] = _none
    missing: Callable[[Context, Sequence[Export]], list[tuple[str, str]]]
    measure: Callable[[Context, Sequence[Export], ProgressDisplay], list[str]]
    results: Callable[[Context, Sequence[Export]], Iterator[Result]]
    key: Callable[[Context], Any] | None = None
    files: Callable[[Context, Sequence[Export]], list[Path]] = _none
    kept: Callable[[Context, Sequence[Export]], list[Path]] = _none

    def rows(self, context: Context, exports: Sequence[Export]) -> list[dict[str, Any]]:
        """Return the rows of scores.csv that this part's results make, of those that are there."""
        return [
            row
            for one in self.results(context, exports)
            for row in score_rows(
                read_result(one.path),
                one.export,
                one.protocol,
                context.dataset,
                one.representation,
            )
        ]
