"""The metric stage: its parts measure what is missing, results are kept by content."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.errors import StageError
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.manifests import drop_damaged, is_damage, reopen, why_stale, write_manifest
from pipeline.runs.tables import SCORE_COLUMNS, write_table
from pipeline.stages.metrics.metric_results import read_result
from pipeline.stages.metrics.options import METRICS_VERSION
from pipeline.stages.metrics.parts import PARTS
from pipeline.stages.stage import Context, Step


def plan(context: Context) -> list[Step]:
    """Say which models lack which metrics."""
    exports = context.finished_exports()
    if _why(context, exports) is None:
        return [Step(f"{len(exports)} encoders", None)]
    lacking: dict[str, list[str]] = {export.model_id: [] for export in exports}
    for part in PARTS:
        for model_id, name in part.missing(context, exports):
            lacking[model_id].append(name)
    return [
        Step(model_id, f"{len(names)} metrics missing" if names else None)
        for model_id, names in lacking.items()
    ]


def run(context: Context) -> None:
    """Let every part measure what is missing, and write scores.csv.

    Raises:
        StageError: If a metric failed; the scores of the others are in scores.csv.
    """
    exports = context.finished_exports()
    display = ProgressDisplay("metrics")
    for part in PARTS:
        for line in part.skipped(context):
            display.say(line)
    manifest = context.run.manifest("metrics")
    for sentence in [*drop_damaged(manifest), *_damage(context, exports)]:
        display.say(sentence)
    if _why(context, exports) is None:
        display.say(f"scores of {len(exports)} encoders are up to date: skipped")
        return
    reopen(manifest, [context.run.scores_csv])
    failures = []
    try:
        for part in PARTS:
            failures += part.measure(context, exports, display)
    finally:
        display.close()
    rows = [row for part in PARTS for row in part.rows(context, exports)]
    write_table(context.run.scores_csv, pd.DataFrame(rows, columns=SCORE_COLUMNS), SCORE_COLUMNS)
    if failures:
        # What was scored can be read; the next run sees that something lacks.
        write_manifest(manifest, "incomplete", [context.run.scores_csv])
        raise StageError(
            f"some metrics failed; the {len(rows)} scores of the others are in "
            f"{context.run.scores_csv.name}:\n" + "\n".join(failures)
        )
    further = [path for part in PARTS for path in part.files(context, exports)]
    kept = [path for part in PARTS for path in part.kept(context, exports) if path.exists()]
    outputs = [context.run.scores_csv, *_result_files(context, exports), *further]
    details = {
        "configuration": context.experiment.gin_text,
        "main_representation": context.experiment.metrics.main_representation,
    }
    write_manifest(manifest, _fingerprint(context, exports), outputs, details, kept=kept)
    display.say(f"{len(rows)} scores of {len(exports)} encoders in {context.run.scores_csv.name}")


def _fingerprint(context: Context, exports: Sequence[Export]) -> str:
    return fingerprint(
        METRICS_VERSION,
        context.experiment.metrics,
        context.dataset.fingerprint,
        [(export.model_id, export.fingerprint) for export in exports],
        *(part.key(context) for part in PARTS if part.key is not None),
    )


def _why(context: Context, exports: Sequence[Export]) -> str | None:
    if "metrics" in context.forced:
        return "forced"
    manifest, table = context.run.manifest("metrics"), context.run.scores_csv
    return why_stale(manifest, _fingerprint(context, exports), table)


def _damage(context: Context, exports: Sequence[Export]) -> list[str]:
    """Name what is damaged of this stage's files; what is needed is made again."""
    reason = _why(context, exports)
    if is_damage(reason):
        return [f"{reason}: made again"]
    return [
        f"{path} is damaged: measured again"
        for path in _result_files(context, exports)
        if reason is not None and path.exists() and read_result(path) is None
    ]


def _result_files(context: Context, exports: Sequence[Export]) -> list[Path]:
    """Return the file of every result that scores.csv is made of, once each."""
    results = [one for part in PARTS for one in part.results(context, exports)]
    return list(dict.fromkeys(one.path for one in results))
