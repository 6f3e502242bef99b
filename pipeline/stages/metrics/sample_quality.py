"""The part of the metric stage that judges generated images: which judges, what they lack, rows.

Two judges exist. The classifier is trained here on a known factor of the data set and gives the
Inception score, mode KL, confidence and, from its penultimate features, `fid_local`. The standard
Inception-V3 network, of which the user names the weights, gives `fid_inception` and needs no
factor. What they do runs in workers, see `pipeline.stages.metrics.sample_judging`.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import metrics
from pipeline.datasets.interface import Dataset, DatasetRecipe
from pipeline.execution import tensorflow_setup
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.directory import JudgeDirectory
from pipeline.runs.files import file_digest
from pipeline.runs.manifests import is_damage, read_manifest, why_stale
from pipeline.stages.metrics.metric_results import read_result
from pipeline.stages.metrics.metric_tasks import run_metric_tasks
from pipeline.stages.metrics.options import SampleQuality
from pipeline.stages.metrics.part import Part, Result
from pipeline.stages.stage import Context, exported_file

# Raised whenever a change of the code changes a judge or its scores.
SAMPLE_QUALITY_VERSION = 2
PROTOCOL = "samples"
# What a classifier's probabilities admit, and the distances of features that stream by.
PROBABILITY_METRICS = tuple(
    name
    for name, measure in metrics.CATALOGUE.measures(PROTOCOL).items()
    if measure.metric.arrays == ("probabilities",)
)
CLASSIFIER_METRICS = (*PROBABILITY_METRICS, "fid_local")
INCEPTION_METRICS = ("fid_inception",)


@dataclasses.dataclass(frozen=True)
class Judge:
    """A network that judges samples.

    Attributes:
        name: "classifier" or "inception".
        metrics: What it gives.
        key: Changes whenever what it says about an image would; names its folder.
    """

    name: str
    metrics: tuple[str, ...]
    key: str


@dataclasses.dataclass(frozen=True)
class Judgement:
    """One generator before one judge."""

    export: Export
    judge: Judge

    @property
    def label(self) -> str:
        """What it is called where progress is shown."""
        return f"{self.export.model_id} {PROTOCOL} ({self.judge.name})"


def judges(context: Context) -> list[Judge]:
    """Return the judges that the experiment asks for and the data set admits."""
    options, dataset = context.experiment.metrics.sample_quality, context.dataset
    if options is None:
        return []
    shared = (SAMPLE_QUALITY_VERSION, dataset.fingerprint, options.num_samples, options.seed)
    found = []
    if options.factor is not None and _why_no_classifier(options, dataset) is None:
        recipe = (
            options.factor,
            options.classifier,
            options.classifier_iterations,
            options.batch_size,
        )
        key = fingerprint("classifier", shared, recipe)[:16]
        found.append(Judge("classifier", CLASSIFIER_METRICS, key))
    if options.inception_weights is not None:
        key = fingerprint("inception", shared, _weights_digest(options.inception_weights))[:16]
        found.append(Judge("inception", INCEPTION_METRICS, key))
    return found


def _why_no_classifier(options: SampleQuality, dataset: Dataset) -> str | None:
    if not dataset.num_factors:
        return "has no known factors"
    sizes = dict(zip(dataset.factor_names, dataset.factor_sizes, strict=True))
    if options.factor is None or (sizes.get(options.factor) or 0) < 2:
        known = ", ".join(f"{name} ({size or 'continuous'})" for name, size in sizes.items())
        return f"has no discrete factor {options.factor!r} but {known}"
    return None


def _weights_digest(path: str) -> str:
    status = Path(path).stat()
    return _file_digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1)
def _file_digest(path: str, size: int, time: int) -> str:
    """Return the digest of a file; size and time tell when it must be read again."""
    return file_digest(Path(path))


def skipped(context: Context) -> list[str]:
    """Say what the data set does not admit, in one line."""
    options = context.experiment.metrics.sample_quality
    if options is None or options.factor is None:
        return []
    reason = _why_no_classifier(options, context.dataset)
    if reason is None:
        return []
    names = ", ".join(CLASSIFIER_METRICS)
    return [f"{context.dataset.name} {reason}: skipped {names} ({PROTOCOL} protocol)"]


def missing(context: Context, exports: Sequence[Export]) -> list[tuple[str, str]]:
    """Return (model id, metric) for every judgement that a model lacks."""
    return [
        (judgement.export.model_id, metric)
        for judgement in _missing_judgements(context, exports)
        for metric in judgement.judge.metrics
    ]


def _missing_judgements(context: Context, exports: Sequence[Export]) -> list[Judgement]:
    """Return the judgements that are not there yet, or were made by another network."""
    lacking = []
    for judge in judges(context):
        manifest = read_manifest(context.run.judge(judge.key).manifest)
        for export in exports:
            result = read_result(_result_path(context, Judgement(export, judge)))
            is_judged = result is not None and (
                # A classifier trained anew elsewhere may differ in its last bits.
                manifest is None or result["judge"] == manifest["network"]
            )
            if "metrics" in context.forced or not is_judged:
                lacking.append(Judgement(export, judge))
    return lacking


def _result_path(context: Context, judgement: Judgement) -> Path:
    options = context.experiment.metrics
    bootstrap = (options.num_resamples, options.level, options.seed)
    digest = fingerprint(judgement.judge.key, bootstrap)[:16]
    name = f"{PROTOCOL}-{judgement.judge.name}-{digest}"
    return context.run.metric_result(judgement.export.key, name)


def results(context: Context, exports: Sequence[Export]) -> Iterator[Result]:
    """Yield every judgement; its rows' representation is that of the codes beside them."""
    for export in exports:
        for judge in judges(context):
            path = _result_path(context, Judgement(export, judge))
            yield Result(export, PROTOCOL, path)


def _judge_files(context: Context, exports: Sequence[Export]) -> list[Path]:
    folders = [context.run.judge(judge.key) for judge in judges(context)]
    return [
        path
        for folder in folders
        for path in (folder.manifest, folder.classifier, folder.reference)
    ]


def measure(context: Context, exports: Sequence[Export], display: ProgressDisplay) -> list[str]:
    """Make the judges that are needed, let them judge what is missing.

    Returns:
        A line for each failure.
    """
    lacking = _missing_judgements(context, exports)
    failures = _prepare(context, {judgement.judge for judgement in lacking}, display)
    unfit = too_weak(context)
    failures += unfit.values()
    tasks = []
    # What a classifier that was trained anew just now had said before counts as missing, too.
    for judgement in _missing_judgements(context, exports):
        is_ready = why_stale(context.run.judge(judgement.judge.key).manifest, judgement.judge.key)
        if is_ready is not None or judgement.judge in unfit:
            continue
        export = judgement.export
        task = (
            exported_file(context.run, export, "generator"),
            export.codes,
            export.fingerprint,
            judgement.judge,
            context.run.judge(judgement.judge.key),
            context.experiment.metrics,
            _result_path(context, judgement),
        )
        tasks.append((judgement.label, task))

    return failures + run_metric_tasks(context.pool, _judge_samples, tasks, display)


def too_weak(context: Context) -> dict[Judge, str]:
    """Return the classifiers that find too few classes to judge anything, with what to do."""
    options = context.experiment.metrics.sample_quality
    weak: dict[Judge, str] = {}
    if options is None:
        return weak
    for judge in judges(context):
        manifest = read_manifest(context.run.judge(judge.key).manifest) or {}
        accuracy = manifest.get("held_out_accuracy")
        if accuracy is not None and accuracy < options.min_accuracy:
            weak[judge] = (
                f"    {PROTOCOL} protocol: the classifier of {options.factor} is right on "
                f"{accuracy:.2%} of held-out images. Expected at least sample_quality.min_accuracy"
                f"={options.min_accuracy}: raise sample_quality.classifier_iterations. "
                f"Received: classifier_iterations={options.classifier_iterations}"
            )
    return weak


def _prepare(context: Context, needed: set[Judge], display: ProgressDisplay) -> list[str]:
    """Train or load each judge and take the moments of real images, unless that was done."""
    tasks = []
    for judge in sorted(needed, key=lambda one: one.name):
        folder = context.run.judge(judge.key)
        reason = why_stale(folder.manifest, judge.key)
        if "metrics" in context.forced:
            reason = "forced"
        if reason is None:
            continue
        if is_damage(reason):
            display.say(f"{reason}: the {judge.name} judge is made again")
        options = context.experiment.metrics.sample_quality
        arguments = (context.experiment.dataset, context.cache, options, judge, folder)
        tasks.append((f"{judge.name} judge", arguments))

    return run_metric_tasks(
        context.pool, _make_judge, tasks, display, lambda name, outcome: str(outcome)
    )


def _make_judge(
    recipe: DatasetRecipe,
    cache: Path,
    options: Any,
    judge: Judge,
    folder: JudgeDirectory,
    *,
    progress: Callable[..., None],
):
    """Import TensorFlow in the worker only."""
    tensorflow_setup.configure()
    from pipeline.stages.metrics.sample_judging import make_judge

    return make_judge(recipe.open(cache), options, judge, folder, progress=progress)


def _judge_samples(*arguments, progress: Callable[..., None]):
    """Import TensorFlow in the worker only."""
    tensorflow_setup.configure()
    from pipeline.stages.metrics.sample_judging import judge_samples

    return judge_samples(*arguments, progress=progress)


SAMPLES = Part(
    name="sample quality",
    skipped=skipped,
    missing=missing,
    measure=measure,
    results=results,
    key=lambda context: [judge.key for judge in judges(context)],
    kept=_judge_files,
)
