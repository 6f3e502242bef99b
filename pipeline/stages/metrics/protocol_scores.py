"""The part of the metric stage that scores codes by protocol; each image is encoded once."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.execution import worker
from pipeline.inference.code_encoding import encode_missing, open_dataset
from pipeline.inference.code_table import CodeTable, key_ids
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.stages.metrics.metric_results import read_result, write_result
from pipeline.stages.metrics.metric_tasks import run_metric_tasks
from pipeline.stages.metrics.part import Part, Result
from pipeline.stages.metrics.protocols import PARALLEL, Protocol, Sample
from pipeline.stages.stage import Context


@dataclasses.dataclass(frozen=True)
class Work:
    """The metrics that one exported encoder still lacks under one protocol."""

    export: Export
    protocol: Protocol
    metrics: tuple[str, ...]


def skipped(context: Context) -> list[str]:
    """Say which metrics need factors that the data set does not know."""
    lines = []
    for protocol in context.experiment.metrics.protocols:
        names = [name for name in protocol.metrics if not protocol.admits(name, context.dataset)]
        if names:
            lines.append(
                f"{context.dataset.name} has no known factors: skipped {', '.join(names)} "
                f"({protocol.name} protocol)"
            )
    return lines


def missing(context: Context, exports: Sequence[Export]) -> list[tuple[str, str]]:
    """Return (model id, metric) for every metric that a model lacks."""
    return [
        (work.export.model_id, metric)
        for work in _missing_work(context, exports)
        for metric in work.metrics
    ]


def results(context: Context, exports: Sequence[Export]) -> Iterator[Result]:
    """Yield the result of every metric, model by model."""
    for export in exports:
        for protocol in context.experiment.metrics.protocols:
            for metric in _admitted(context, protocol):
                path = _result_path(context, export, protocol, metric)
                yield Result(export, protocol.name, path)


def measure(context: Context, exports: Sequence[Export], display: ProgressDisplay) -> list[str]:
    """Encode the images that are needed, and compute what is missing.

    Returns:
        One line for each failure.
    """
    lacking = _missing_work(context, exports)
    _encode(context, lacking, display)
    return _compute(context, lacking, display)


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


def _result_path(context: Context, export: Export, protocol: Protocol, metric: str) -> Path:
    key = context.experiment.metrics.result_key(protocol, metric)
    return context.run.metric_result(export.key, key)


def _encode(context: Context, lacking: Sequence[Work], display: ProgressDisplay) -> None:
    keys_of: dict[Export, list[np.ndarray]] = {}
    drawn: dict[Protocol, list[np.ndarray]] = {}
    for work in lacking:
        if work.protocol not in drawn:
            draws = work.protocol.draws(context.dataset, context.experiment.metrics.seed)
            drawn[work.protocol] = [draw.keys for draw in draws.values()]
        keys_of.setdefault(work.export, []).extend(drawn[work.protocol])
    encode_missing(context, keys_of, display)


def _compute(context: Context, lacking: Sequence[Work], display: ProgressDisplay) -> list[str]:
    """Compute what is missing: the serial metrics side by side, then the parallel ones."""
    tasks, parallel = [], []
    for work in lacking:
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


def _code_tables(context: Context, exports: Sequence[Export]) -> list[Path]:
    return [context.run.codes(export.key) for export in exports]


PROTOCOLS = Part(
    name="metrics by protocol",
    skipped=skipped,
    missing=missing,
    measure=measure,
    results=results,
    kept=_code_tables,
)
