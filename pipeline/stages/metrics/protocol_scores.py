"""The part of the metric stage that scores codes by protocol; each image is encoded once."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import metrics
from pipeline.datasets.interface import DatasetRecipe
from pipeline.errors import StageError
from pipeline.execution import worker
from pipeline.inference.code_encoding import encode_missing, open_dataset
from pipeline.inference.code_table import CodeTable, code_files, key_ids
from pipeline.inference.posterior_draws import draw_codes
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import not_declared
from pipeline.runs.representations import MEAN, REPRESENTATIONS, SAMPLE
from pipeline.stages.metrics.metric_results import read_result, write_result
from pipeline.stages.metrics.metric_tasks import run_metric_tasks
from pipeline.stages.metrics.part import Part, Result
from pipeline.stages.metrics.protocols import Protocol, Sample
from pipeline.stages.stage import Context

_STREAM = 40  # of the evaluation seed; the protocols and UDR have those below


@dataclasses.dataclass(frozen=True)
class Work:
    """The metrics that one exported encoder still lacks under one protocol.

    Attributes:
        export: The encoder.
        protocol: The protocol.
        representation: Which of its codes are scored: means, or draws from its posterior.
        metrics: Their names.
    """

    export: Export
    protocol: Protocol
    representation: str
    metrics: tuple[str, ...]

    @property
    def needs_posterior(self) -> bool:
        """Whether codes are drawn, or one of the metrics asks for the posterior of each point."""
        return self.representation == SAMPLE or any(_needs_posterior(name) for name in self.metrics)


def skipped(context: Context) -> list[str]:
    """Say which metrics the data set does not admit, or models without a posterior."""
    lines = []
    for protocol in context.experiment.metrics.protocols:
        lacking: dict[str, list[str]] = {}
        for name in protocol.metrics:
            reason = protocol.why_not(name, context.dataset)
            if reason is None and _needs_posterior(name):
                without = _without_posterior(context)
                reason = f"{', '.join(without)}: no posterior" if without else None
            if reason is not None:
                lacking.setdefault(reason, []).append(name)
        for reason, names in lacking.items():
            lines.append(f"{reason}: skipped {', '.join(names)} ({protocol.name} protocol)")
    return lines


def _needs_posterior(metric: str) -> bool:
    return "posterior" in metrics.CATALOGUE.measure(metric).metric.needs


def _without_posterior(context: Context) -> list[str]:
    exports = context.finished_exports()
    return [export.model_id for export in exports if not _has_posterior(context, export)]


def _has_posterior(context: Context, export: Export) -> bool:
    return context.run.model(export.parent_id).export(export.name).posterior.exists()


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
            for representation in _representations(context, protocol, export):
                for metric in _admitted(context, protocol, export):
                    path = _result_path(context, export, protocol, metric, representation)
                    yield Result(export, protocol.name, path, representation)


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
            for representation in _representations(context, protocol, export):
                names = tuple(
                    metric
                    for metric in _admitted(context, protocol, export)
                    if "metrics" in context.forced
                    or read_result(_result_path(context, export, protocol, metric, representation))
                    is None
                )
                if names:
                    missing.append(Work(export, protocol, representation, names))
    return missing


def _representations(context: Context, protocol: Protocol, export: Export) -> tuple[str, ...]:
    """Return the representations that a protocol scores: where it can, draws as well as means.

    Networks that an earlier version exported may lack the posterior.
    """
    if not protocol.scores_draws or export.posterior_network is None:
        return (MEAN,)
    folder = context.run.model(export.parent_id).export(export.name)
    return REPRESENTATIONS if getattr(folder, export.posterior_network).exists() else (MEAN,)


def _admitted(context: Context, protocol: Protocol, export: Export) -> list[str]:
    """Return the metrics of a protocol for which data set and model have what they need."""
    has_posterior = _has_posterior(context, export)
    return [
        name
        for name in protocol.metrics
        if protocol.admits(name, context.dataset, has_posterior=has_posterior)
    ]


def _result_path(
    context: Context, export: Export, protocol: Protocol, metric: str, representation: str
) -> Path:
    key = context.experiment.metrics.result_key(protocol, metric, representation)
    return context.run.metric_result(export.key, key)


def _encode(context: Context, lacking: Sequence[Work], display: ProgressDisplay) -> None:
    """Encode what the missing metrics read: all draws, and posteriors where one asks for them."""
    keys_of: dict[str, dict[Export, list[np.ndarray]]] = {}  # by network
    drawn: dict[Protocol, list[np.ndarray]] = {}
    for work in lacking:
        if work.protocol not in drawn:
            draws = work.protocol.draws(context.dataset, context.experiment.metrics.seed)
            drawn[work.protocol] = [draw.keys for draw in draws.values()]
        networks = {"encoder"} if work.representation == MEAN else set()
        if work.needs_posterior and work.export.posterior_network is not None:
            networks.add(work.export.posterior_network)
        for network in sorted(networks):
            exports = keys_of.setdefault(network, {})
            exports.setdefault(work.export, []).extend(drawn[work.protocol])
    for network, exports in sorted(keys_of.items()):
        encode_missing(context, exports, display, network=network)


def _compute(context: Context, lacking: Sequence[Work], display: ProgressDisplay) -> list[str]:
    """Compute what is missing: first metrics side by side, then those that use all cores.

    Returns:
        One line for each failure.
    """
    tasks, parallel = [], []
    for work in lacking:
        uses_all = {
            name for name in work.metrics if metrics.CATALOGUE.measure(name).variant.uses_all_cores
        }
        serial = tuple(name for name in work.metrics if name not in uses_all)
        if serial:
            name = f"{work.export.model_id} {work.protocol.name}"
            name += "" if work.representation == MEAN else f" {work.representation}"
            part = dataclasses.replace(work, metrics=serial)
            tasks.append((name, (context.experiment, context.run, context.cache, part)))
        if uses_all:
            rest = tuple(name for name in work.metrics if name in uses_all)
            parallel.append(dataclasses.replace(work, metrics=rest))
    failures = run_metric_tasks(context.pool, _measure_metrics, tasks, display)
    num_jobs = context.pool.num_local_cores
    for work in parallel:
        label = f"{work.export.model_id} {'+'.join(work.metrics)}"
        label += "" if work.representation == MEAN else f" {work.representation}"

        def progress(done: int, total: int, label: str = label, **details: Any) -> None:
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
        except StageError as error:
            failures.append(f"    {label}: {error}")
            display.finish(label, f"{label} failed: {error}")
        else:
            display.finish(label, f"{label} scored")
    return failures


def _measure_metrics(
    experiment: Any,
    run: RunDirectory,
    cache: Path,
    work: Work,
    *,
    progress: Callable[..., None],
    num_jobs: int = 1,
) -> None:
    """Compute the metrics of one piece of work, keeping each result as soon as it is there.

    Raises:
        StageError: If metrics failed, naming each; the others are kept.
    """
    options = experiment.metrics
    samples, dataset = _samples(experiment, run, cache, work)
    failures = []
    for number, metric in enumerate(work.metrics):
        if worker.stop_requested():
            return
        if num_jobs == 1:
            progress(number, len(work.metrics), metric=metric)
        key = options.result_key(work.protocol, metric, work.representation)
        path = run.metric_result(work.export.key, key)
        try:
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
            write_result(path, scores, intervals, num_scored)
        except Exception as error:  # whatever becomes of one metric, the others have their turn
            failures.append(f"{metric}: {type(error).__name__}: {error}")
    if failures:
        raise StageError("; ".join(failures))


def _samples(
    experiment: Any, run: RunDirectory, cache: Path, work: Work
) -> tuple[dict[str, Sample], Any]:
    """Return a protocol's draws as one encoder sees them, and the data set."""
    dataset, draws, ids = _drawn(experiment.dataset, cache, work.protocol, experiment.metrics.seed)
    export, seed = work.export, experiment.metrics.seed
    means = CodeTable(run.codes(export.key)) if work.representation == MEAN else None
    posteriors = CodeTable(run.posteriors(export.key)) if work.needs_posterior else None
    samples = {}
    for number, (name, draw) in enumerate(draws.items()):
        posterior = posteriors.lookup(ids[name]) if posteriors is not None else None
        if means is not None:
            codes = means.lookup(ids[name])
        elif posterior is None or export.posterior_network is None:
            raise ValueError(f"{export.model_id} has no posterior. Expected one to draw codes from")
        else:  # each point of each draw has a draw of its own
            rng = np.random.default_rng([seed, _STREAM, number, *_numbers(export)])
            codes = draw_codes(rng, posterior, export.posterior_network).astype(np.float32)
        samples[name] = Sample(dataset, draw, codes, posterior)
    return samples, dataset


def _numbers(export: Export) -> list[int]:
    """Return numbers that depend on the content of a model only."""
    return [int(export.fingerprint[start : start + 8], 16) for start in range(0, 32, 8)]


@lru_cache(maxsize=2)
def _drawn(recipe: DatasetRecipe, cache: Path, protocol: Protocol, seed: int):
    """Return the data set, a protocol's draws and the ids of their keys; kept between models."""
    dataset = open_dataset(recipe, cache)
    draws = protocol.draws(dataset, seed)
    return dataset, draws, {name: key_ids(draw.keys) for name, draw in draws.items()}


def _code_tables(context: Context, exports: Sequence[Export]) -> list[Path]:
    """Return the files of codes that the select stage has not declared its own."""
    run = context.run
    folders = [path for one in exports for path in (run.codes(one.key), run.posteriors(one.key))]
    files = [path for folder in folders for path in code_files(folder)]
    return not_declared(files, run.manifest("select"))


def _key(context: Context) -> list[str]:
    """Name the protocols that score draws, too: what earlier versions wrote lacks these rows."""
    protocols = context.experiment.metrics.protocols
    can_draw = any(setting.method.posterior_network for setting in context.experiment.settings)
    return [one.name for one in protocols if can_draw and one.scores_draws]


PROTOCOLS = Part(
    name="metrics by protocol",
    skipped=skipped,
    missing=missing,
    measure=measure,
    results=results,
    key=_key,
    kept=_code_tables,
)
