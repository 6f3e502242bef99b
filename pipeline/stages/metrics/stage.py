"""The metric stage: codes encoded once per model, each metric a lookup, results kept by content."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import StageError
from pipeline.execution import worker
from pipeline.inference.code_encoding import encode_missing, open_dataset
from pipeline.inference.code_table import CodeTable, key_ids
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.manifests import drop_damaged, is_damage, reopen, why_stale, write_manifest
from pipeline.runs.tables import SCORE_COLUMNS, write_table
from pipeline.stages.metrics import class_quality, identity_scores, sample_quality
from pipeline.stages.metrics.metric_results import read_result, score_rows, write_result
from pipeline.stages.metrics.metric_tasks import run_metric_tasks
from pipeline.stages.metrics.options import METRICS_VERSION
from pipeline.stages.metrics.protocols import PARALLEL, Protocol, Sample
from pipeline.stages.stage import Context, Step


@dataclasses.dataclass(frozen=True)
class Work:
    """The metrics that one exported encoder still lacks under one protocol."""

    export: Export
    protocol: Protocol
    metrics: tuple[str, ...]


def plan(context: Context) -> list[Step]:
    """Say which models lack which metrics."""
    exports = context.finished_exports()
    if _why(context, exports) is None:
        return [Step(f"{len(exports)} encoders", None)]
    missing = {export.model_id: [] for export in exports}
    for work in _missing_work(context, exports):
        missing[work.export.model_id] += work.metrics
    for judgement in sample_quality.missing(context, exports):
        missing[judgement.export.model_id] += judgement.judge.metrics
    for export in class_quality.missing(context, exports):
        missing[export.model_id].append(class_quality.PROTOCOL)
    for export in identity_scores.missing(context, exports):
        missing[export.model_id].append(identity_scores.PROTOCOL)
    return [
        Step(model_id, f"{len(names)} metrics missing" if names else None)
        for model_id, names in missing.items()
    ]


def run(context: Context) -> None:
    """Encode, measure, and write scores.csv.

    Raises:
        StageError: If a metric failed; the others are kept.
    """
    exports = context.finished_exports()
    display = ProgressDisplay("metrics")
    for line in _skipped_metrics(context):
        display.say(line)
    manifest = context.run.manifest("metrics")
    for sentence in [*drop_damaged(manifest), *_damage(context, exports)]:
        display.say(sentence)
    if _why(context, exports) is None:
        display.say(f"scores of {len(exports)} encoders are up to date: skipped")
        return
    missing = _missing_work(context, exports)
    reopen(manifest, [context.run.scores_csv])
    try:
        _encode(context, missing, display)
        failures = _measure(context, missing, display)
        failures += sample_quality.measure(context, exports, display)
        failures += class_quality.measure(context, exports, display)
        failures += identity_scores.measure(context, exports, display)
    finally:
        display.close()
    if failures:
        raise StageError("some metrics failed; the others are kept:\n" + "\n".join(failures))
    rows = [
        row
        for export, protocol, path in _results(context, exports)
        for row in score_rows(read_result(path), export, protocol.name, context.dataset)
    ]
    rows += sample_quality.rows(context, exports)
    rows += class_quality.rows(context, exports)
    rows += identity_scores.rows(context, exports)
    write_table(context.run.scores_csv, pd.DataFrame(rows, columns=SCORE_COLUMNS), SCORE_COLUMNS)
    tables = [context.run.codes(export.key) for export in exports]
    tables += sample_quality.judge_files(context)
    write_manifest(
        manifest,
        _fingerprint(context, exports),
        [
            context.run.scores_csv,
            *_result_files(context, exports),
            *class_quality.further_files(context, exports),
        ],
        {"configuration": context.experiment.gin_text},
        kept=[path for path in tables if path.exists()],
    )
    display.say(f"{len(rows)} scores of {len(exports)} encoders in {context.run.scores_csv.name}")


def _fingerprint(context: Context, exports: Sequence[Export]) -> str:
    return fingerprint(
        METRICS_VERSION,
        context.experiment.metrics,
        context.dataset.fingerprint,
        [(export.model_id, export.fingerprint) for export in exports],
        [judge.key for judge in sample_quality.judges(context)],
        class_quality.CLASS_QUALITY_VERSION,
        identity_scores.IDENTITY_VERSION,
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


def _skipped_metrics(context: Context) -> list[str]:
    lines = []
    for protocol in context.experiment.metrics.protocols:
        names = [name for name in protocol.metrics if not protocol.admits(name, context.dataset)]
        if names:
            lines.append(
                f"{context.dataset.name} has no known factors: skipped {', '.join(names)} "
                f"({protocol.name} protocol)"
            )
    lines += sample_quality.skipped(context) + class_quality.skipped(context)
    return lines + identity_scores.skipped(context)


def _missing_work(context: Context, exports: Sequence[Export]) -> list[Work]:
    missing = []
    for export in exports:
        for protocol in context.experiment.metrics.protocols:
            names = tuple(
                metric
                for metric in _admitted(context, protocol)
                if "metrics" in context.forced
                or read_result(_result_path(context, export, protocol, metric)) is None
            )
            if names:
                missing.append(Work(export, protocol, names))
    return missing


def _admitted(context: Context, protocol: Protocol) -> list[str]:
    """Return the metrics of a protocol for which the data set has what they need."""
    return [name for name in protocol.metrics if protocol.admits(name, context.dataset)]


def _results(
    context: Context, exports: Sequence[Export]
) -> Iterator[tuple[Export, Protocol, Path]]:
    """Yield every result that scores.csv is made of, but those of samples, in its order."""
    for export in exports:
        for protocol in context.experiment.metrics.protocols:
            for metric in _admitted(context, protocol):
                yield export, protocol, _result_path(context, export, protocol, metric)


def _result_files(context: Context, exports: Sequence[Export]) -> list[Path]:
    """Return the file of every result that scores.csv is made of."""
    files = [path for _, _, path in _results(context, exports)]
    files += sample_quality.result_files(context, exports)
    files += class_quality.result_files(context, exports)
    return files + identity_scores.result_files(context, exports)


def _result_path(context: Context, export: Export, protocol: Protocol, metric: str) -> Path:
    key = context.experiment.metrics.result_key(protocol, metric)
    return context.run.metric_result(export.key, key)


def _encode(context: Context, missing: Sequence[Work], display: ProgressDisplay) -> None:
    keys_of: dict[Export, list[np.ndarray]] = {}
    drawn: dict[Protocol, list[np.ndarray]] = {}
    for work in missing:
        if work.protocol not in drawn:
            draws = work.protocol.draws(context.dataset, context.experiment.metrics.seed)
            drawn[work.protocol] = [draw.keys for draw in draws.values()]
        keys_of.setdefault(work.export, []).extend(drawn[work.protocol])
    encode_missing(context, keys_of, display)


def _measure(context: Context, missing: Sequence[Work], display: ProgressDisplay) -> list[str]:
    """Compute what is missing: the serial metrics side by side, then the parallel ones."""
    tasks, parallel = [], []
    for work in missing:
        serial = tuple(name for name in work.metrics if name not in PARALLEL)
        if serial:
            name = f"{work.export.model_id} {work.protocol.name}"
            part = dataclasses.replace(work, metrics=serial)
            tasks.append((name, (context.experiment, context.run, context.cache, part)))
        if len(serial) < len(work.metrics):
            rest = tuple(name for name in work.metrics if name in PARALLEL)
            parallel.append(dataclasses.replace(work, metrics=rest))
    failures = run_metric_tasks(context.pool, _measure_metrics, tasks, display)
    num_jobs = context.pool.num_local_cores
    for work in parallel:
        label = f"{work.export.model_id} {'+'.join(work.metrics)}"

        def progress(done: int, total: int, label=label, **details: Any) -> None:
            display.update(label, done, total)

        try:
            _measure_metrics(
                context.experiment,
                context.run,
                context.cache,
                work,
                progress=progress,
                num_jobs=num_jobs,
            )
        except ValueError as error:
            failures.append(f"    {label}: {error}")
            display.finish(label, f"{label} failed: {error}")
        else:
            display.finish(label, f"{label} scored")
    return failures


def _measure_metrics(
    experiment, run, cache: Path, work: Work, *, progress: Callable[..., None], num_jobs: int = 1
) -> None:
    """Compute the metrics of one piece of work, keeping each result as soon as it is there."""
    options = experiment.metrics
    dataset, draws, ids = _drawn(experiment.dataset, cache, work.protocol, options.seed)
    table = CodeTable(run.codes(work.export.key))
    samples = {name: Sample(dataset, draw, table.lookup(ids[name])) for name, draw in draws.items()}
    for number, metric in enumerate(work.metrics):
        if worker.stop_requested():
            return
        if num_jobs == 1:
            progress(number, len(work.metrics), metric=metric)
        scores, intervals, num_scored = work.protocol.measure(
            metric,
            samples,
            dataset,
            seed=options.seed,
            num_resamples=options.num_resamples,
            level=options.level,
            num_jobs=num_jobs,
            progress=progress if num_jobs > 1 else None,
        )
        path = run.metric_result(work.export.key, options.result_key(work.protocol, metric))
        write_result(path, scores, intervals, num_scored)


@lru_cache(maxsize=2)
def _drawn(recipe, cache: Path, protocol: Protocol, seed: int):
    """Return the data set, a protocol's draws and the ids of their keys; kept between models."""
    dataset = open_dataset(recipe, cache)
    draws = protocol.draws(dataset, seed)
    return dataset, draws, {name: key_ids(draw.keys) for name, draw in draws.items()}
