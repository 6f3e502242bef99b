"""The part of the metric stage that asks where a model keeps the identity: what lacks, and rows.

A small classifier is trained on the specified code s, on the unspecified z, and, for comparison, on
the images themselves, once a data set. z is a draw of q(z | x), which is what the decoder is given;
z_mean is the mean, which tells more: where noise hides a latent from the decoder, its mean is still
there, at a small scale that the classifier's standardisation undoes. What a model without these two
codes keeps is measured on all its codes together.

Seen identities: fitted on training images, scored on held-out ones. Unseen identities: fitted on
one half of their images, scored on the other. The work is in
`pipeline.stages.metrics.identity_scoring`.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipeline.execution import tensorflow_setup
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.stages.metrics.metric_results import read_result
from pipeline.stages.metrics.metric_tasks import run_metric_tasks
from pipeline.stages.metrics.part import Part, Result
from pipeline.stages.stage import Context

# Raised whenever a change of the code changes scores.
IDENTITY_VERSION = 1
PROTOCOL = "identity"
_BASELINE = "supervised_baseline"  # in the place of an export's key


def skipped(context: Context) -> list[str]:
    """Say what the data set does not admit, in one line."""
    options = context.experiment.metrics.identity_scores
    if options is None or context.dataset.has_identity_parts:
        return []
    return [
        f"{context.dataset.name} is not split by identity (identity_split): skipped the "
        f"{PROTOCOL} protocol"
    ]


def _is_wanted(context: Context) -> bool:
    return context.experiment.metrics.identity_scores is not None and not skipped(context)


def _key(context: Context) -> str:
    """Return the name of a result: changes whenever the result would."""
    options = context.experiment.metrics
    bootstrap = (options.num_resamples, options.level, options.seed)
    parts = (IDENTITY_VERSION, options.identity_scores, context.dataset.fingerprint, bootstrap)
    return f"{PROTOCOL}-{fingerprint(*parts)[:16]}"


def missing(context: Context, exports: Sequence[Export]) -> list[tuple[str, str]]:
    """Return (model id, protocol) for every model that is not scored yet."""
    return [(export.model_id, PROTOCOL) for export in _missing_exports(context, exports)]


def results(context: Context, exports: Sequence[Export]) -> Iterator[Result]:
    """Yield every result; each model has the baseline's beside its own."""
    if not _is_wanted(context):
        return
    for export in exports:
        for key in (export.key, _BASELINE):
            yield Result(export, PROTOCOL, _path(context, key))


def _missing_exports(context: Context, exports: Sequence[Export]) -> list[Export]:
    """Return the exports that are not scored yet."""
    if not _is_wanted(context):
        return []
    return [
        export
        for export in exports
        if "metrics" in context.forced or read_result(_path(context, export.key)) is None
    ]


def _path(context: Context, key: str) -> Path:
    return context.run.metric_result(key, _key(context))


def measure(context: Context, exports: Sequence[Export], display: ProgressDisplay) -> list[str]:
    """Score what is missing, and the baseline once.

    Returns:
        A line for each failure.
    """
    if not _is_wanted(context):
        return []
    shared = (context.experiment.dataset, context.cache, context.experiment.metrics)
    tasks: list[tuple[str, tuple]] = []
    baseline = _path(context, _BASELINE)
    if "metrics" in context.forced or read_result(baseline) is None:
        tasks.append((_BASELINE.replace("_", " "), (*shared, None, None, baseline)))
    for export in _missing_exports(context, exports):
        folder = context.run.model(export.parent_id).export(export.name)
        task = (*shared, folder, export.codes, _path(context, export.key))
        tasks.append((f"{export.model_id} {PROTOCOL}", task))

    return run_metric_tasks(context.pool, _score, tasks, display)


def _score(*arguments, progress: Callable[..., None]):
    """Import TensorFlow in the worker only."""
    tensorflow_setup.configure()
    from pipeline.stages.metrics.identity_scoring import score_identities

    return score_identities(*arguments, progress=progress)


IDENTITIES = Part(
    name="identities",
    skipped=skipped,
    missing=missing,
    measure=measure,
    results=results,
    key=lambda context: IDENTITY_VERSION,
)
