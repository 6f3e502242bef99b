"""The part of the metric stage that asks how well a model tells kinds of images apart.

For models with one categorical code. Every image is given a class (`classes/<model>.csv`), labels
or not; where there are labels they score. What is measured runs in workers, see
`pipeline.stages.metrics.class_judging`. The rows' protocol is "classes".
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipeline.execution import tensorflow_setup
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.files import file_digest
from pipeline.runs.manifests import why_stale
from pipeline.stages.metrics import sample_quality
from pipeline.stages.metrics.metric_results import read_result
from pipeline.stages.metrics.metric_tasks import run_metric_tasks
from pipeline.stages.metrics.part import Part, Result
from pipeline.stages.stage import Context

# Raised whenever a change of the code changes these scores, or what the report shows beside them.
CLASS_QUALITY_VERSION = 4
PROTOCOL = "classes"


def skipped(context: Context) -> list[str]:
    """Say what the data set does not admit, in one line."""
    options = context.experiment.metrics.class_disentanglement
    if options is None or _factor(context) is not None:
        return []
    return [
        f"{context.dataset.name} has no discrete factor {options.factor!r}: images are given "
        f"classes, which nobody can score: skipped accuracies, NMI and ARI ({PROTOCOL} protocol)"
    ]


def _factor(context: Context) -> str | None:
    """Return the factor that is the true class, or None where the data do not tell it."""
    dataset, options = context.dataset, context.experiment.metrics.class_disentanglement
    if options is None:
        return None
    factor = options.factor
    sizes = dict(zip(dataset.factor_names, dataset.factor_sizes, strict=True))
    return factor if (sizes.get(factor) or 0) >= 2 else None


def missing(context: Context, exports: Sequence[Export]) -> list[tuple[str, str]]:
    """Return (model id, protocol) for every model whose classes have not been scored."""
    return [(export.model_id, PROTOCOL) for export in _missing_exports(context, exports)]


def results(context: Context, exports: Sequence[Export]) -> Iterator[Result]:
    """Yield the result of every model with classes."""
    for export in _scored(context, exports):
        yield Result(export, PROTOCOL, _result_path(context, export))


def _missing_exports(context: Context, exports: Sequence[Export]) -> list[Export]:
    """Return the models with classes that have not been scored."""
    return [
        export
        for export in _scored(context, exports)
        if "metrics" in context.forced or not _is_whole(context, export)
    ]


def _is_whole(context: Context, export: Export) -> bool:
    result, files = read_result(_result_path(context, export)), _files(context, export)
    if result is None or not all(path.exists() for path in files):
        return False
    return result["files"] == [file_digest(path) for path in files]


def _files(context: Context, export: Export) -> tuple[Path, Path]:
    return context.run.class_pictures(export.key), context.run.image_classes(export.model_id)


def _scored(context: Context, exports: Sequence[Export]) -> list[Export]:
    if context.experiment.metrics.class_disentanglement is None:
        return []
    return [export for export in exports if export.codes.class_code is not None]


def _judge(context: Context) -> sample_quality.Judge | None:
    """Return the classifier that names what generated images show, if there is one to ask."""
    options = context.experiment.metrics
    if options.sample_quality is None or options.class_disentanglement is None:
        return None
    if options.sample_quality.factor != options.class_disentanglement.factor:
        return None
    return next((one for one in sample_quality.judges(context) if one.name == "classifier"), None)


def _result_path(context: Context, export: Export) -> Path:
    judge = _judge(context)
    digest = fingerprint(
        CLASS_QUALITY_VERSION,
        context.experiment.metrics.class_disentanglement,
        context.dataset.fingerprint,
        judge.key if judge else None,
    )[:16]
    return context.run.metric_result(export.key, f"{PROTOCOL}-{digest}")


def measure(context: Context, exports: Sequence[Export], display: ProgressDisplay) -> list[str]:
    """Score what is missing; the classifier has been made before, or what it tells is left out.

    Returns:
        A line for each failure.
    """
    lacking = _missing_exports(context, exports)
    if not lacking:
        return []
    judge, folder = _judge(context), None
    if judge is not None and judge not in sample_quality.too_weak(context):
        folder = context.run.judge(judge.key)
        folder = folder if why_stale(folder.manifest, judge.key) is None else None
    if folder is None:
        display.say("no classifier tells what classes show: skipped their coverage and diversity")
    tasks = []
    for export in lacking:
        networks = context.run.model(export.parent_id).export(export.name)
        arguments = (
            networks.generator,
            networks.encoder,
            export.codes,
            (context.experiment.dataset, context.cache),
            folder,
            context.experiment.metrics.class_disentanglement,
            _factor(context),
            _result_path(context, export),
            _files(context, export),
        )
        tasks.append((f"{export.model_id} {PROTOCOL}", arguments))

    return run_metric_tasks(context.pool, _judge_classes, tasks, display)


def _judge_classes(*arguments, progress: Callable[..., None]):
    """Import TensorFlow in the worker only."""
    tensorflow_setup.configure()
    from pipeline.stages.metrics.class_judging import judge_classes

    return judge_classes(*arguments, progress=progress)


def _further_files(context: Context, exports: Sequence[Export]) -> list[Path]:
    """Return what is written for the report, and the classes of images."""
    return [path for export in _scored(context, exports) for path in _files(context, export)]


CLASSES = Part(
    name="classes",
    skipped=skipped,
    missing=missing,
    measure=measure,
    results=results,
    key=lambda context: CLASS_QUALITY_VERSION,
    files=_further_files,
)
