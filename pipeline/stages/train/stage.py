"""The training stage: every model of the sweep, each in a worker process of its own."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import StageError
from pipeline.execution import tensorflow_setup
from pipeline.execution.cluster import read_cluster
from pipeline.model_spec import ModelSpec
from pipeline.progress import ProgressDisplay, format_seconds
from pipeline.recipes import fingerprint
from pipeline.runs.directory import ModelDirectory
from pipeline.runs.files import write_text
from pipeline.runs.manifests import (
    declare,
    drop_damaged,
    is_damage,
    read_manifest,
    why_stale,
    write_manifest,
)
from pipeline.runs.tables import MODEL_COLUMNS, write_table
from pipeline.stages.stage import Context, Step
from pipeline.stages.train import pretraining
from pipeline.stages.train.batches import batch_order, pretraining_order
from pipeline.stages.train.checkpoints import newest_iteration
from pipeline.stages.train.labelled import labelled_part
from pipeline.stages.train.timings import UNKNOWN, training_seconds


def plan(context: Context) -> list[Step]:
    """Say which models would be trained, why, and for how long."""
    if not context.is_data_ready:
        return _plan_without_data(context)
    unfinished = [spec for spec in context.specs if _is_to_be_trained(context, spec)]
    _check_batches(context, unfinished)
    steps = pretraining.plan(context, unfinished)
    for spec in context.specs:
        reason = _why(context, spec)
        failure = _failure(context, spec)
        if failure and "train" not in context.forced:
            note = f"failed before: {failure['reason']}; --force train tries again"
            steps.append(Step(spec.model_id, None, note=note, failure=failure["reason"]))
            continue
        if reason is None:
            steps.append(Step(spec.model_id, None))
            continue
        done, shape = _iterations_done(context, spec), context.dataset.image_shape
        seconds = training_seconds(context.cache, spec, shape, done)
        steps.append(_timed_step(context, spec.model_id, reason, seconds))
    return steps


def _check_batches(context: Context, specs: Sequence[ModelSpec]) -> None:
    """Raise ValueError, before anything is trained, where the data set cannot fill a batch."""
    for spec in {spec.setting: spec for spec in specs}.values():
        batch_order(spec.method, context.dataset, spec.training.batch_size, spec.seed)
        if spec.method.pretraining is not None:
            pretraining_order(spec.method.pretraining, context.dataset.num_images)
        if spec.method.num_labelled:
            labelled_part(spec.method, context.dataset, spec.seed)


def _plan_without_data(context: Context) -> list[Step]:
    """Plan every model as new; where the shape of the images is unknown, so is the time."""
    image_shape = context.experiment.dataset.image_shape
    steps = []
    for spec in context.experiment.model_specs("not yet known"):
        seconds = None
        if image_shape is not None:
            seconds = training_seconds(context.cache, spec, image_shape, 0)
        steps.append(_timed_step(context, f"{spec.setting}-seed{spec.seed}", "new", seconds))
    return steps


def _timed_step(context: Context, name: str, reason: str, seconds: float | None) -> Step:
    """Return a model's step with its part of the time that the workers need for all together."""
    if seconds is None:
        return Step(name, reason, note=UNKNOWN)
    num_models = len(context.experiment.settings) * len(context.experiment.seeds)
    return Step(name, reason, seconds / min(context.pool.num_workers, num_models))


def run(context: Context) -> None:
    """Train what is not finished, then write models.csv.

    Raises:
        StageError: At the end, naming the models that failed; the others are finished.
        ValueError: Before anything is trained, if the data set cannot fill a batch.
    """
    is_chief = read_cluster().is_chief
    failures: dict[str, str] = {}
    to_train, damage = [], []
    for spec in context.specs:
        directory = context.run.model(spec.model_id)
        if "train" in context.forced and is_chief:
            shutil.rmtree(directory.root, ignore_errors=True)
        failure = _failure(context, spec)
        reason = _why(context, spec)
        if failure is not None:
            failures[spec.model_id] = failure["reason"] + " (in an earlier run)"
        elif reason is not None:
            to_train.append(spec)
            if is_damage(reason):
                damage.append(f"{reason}: made again from the checkpoints, or by training")
        if is_chief:
            damage += drop_damaged(directory.manifest)
        if is_chief and failure is None and reason is None:
            _keep_configuration(context, spec)
    if is_chief:
        damage += pretraining.damage(context)
    _check_batches(context, to_train)
    display = ProgressDisplay("train", len(to_train))
    for sentence in [*damage, *_damaged_records(context)]:
        display.say(sentence)
    done = len(context.specs) - len(to_train) - len(failures)
    if done:
        display.say(f"{done} of {len(context.specs)} models are finished and valid: skipped")
    try:
        failures |= pretraining.run(context, to_train, display)
        for spec in to_train if is_chief else ():
            write_text(context.run.model(spec.model_id).configuration, context.experiment.gin_text)
        tasks = [
            (spec.model_id, _arguments(context, spec))
            for spec in to_train
            if spec.model_id not in failures
        ]
        outcomes = context.pool.run(_train_model, tasks, display, _describe, new_process_each=True)
        for name, outcome in outcomes:
            if isinstance(outcome, Exception):
                failures[name] = f"{type(outcome).__name__}: {outcome}"
            elif outcome["status"] == "failed":
                failures[name] = outcome["reason"]
            elif outcome["status"] == "stopped":  # by Ctrl-C on another machine
                raise KeyboardInterrupt
    finally:
        display.close()
        unwritten = _write_models_table(context, failures) if is_chief else None
    if unwritten is not None and not failures:
        raise unwritten
    if failures:
        listed = "\n".join(f"    {name}: {reason}" for name, reason in sorted(failures.items()))
        listed += f"\n    {unwritten}" if unwritten else ""
        raise StageError(
            f"{len(failures)} of {len(context.specs)} models failed; any others go on to the next "
            f"stages:\n{listed}"
        )


def _keep_configuration(context: Context, spec: ModelSpec) -> None:
    """Keep the Gin text with a finished model of an earlier version, which kept none.

    The text is not the one that it was trained under, but one that gives the very same model.
    """
    directory = context.run.model(spec.model_id)
    if not directory.configuration.exists():
        write_text(directory.configuration, context.experiment.gin_text)
        declare(directory.manifest, directory.configuration)


def _arguments(context: Context, spec: ModelSpec) -> tuple:
    directory, weights = context.run.model(spec.model_id), pretraining.weights_of(context, spec)
    tracker = context.tracker if read_cluster().is_chief else None
    return spec, directory, context.cache, weights, tracker


def _train_model(
    spec: ModelSpec,
    directory: ModelDirectory,
    cache: Path,
    pretrained: Path | None,
    tracker: str | None,
    *,
    progress: Callable[..., None],
) -> dict[str, Any]:
    """Import TensorFlow in the worker only."""
    tensorflow_setup.configure(spec.training.replicas)
    from pipeline.stages.train.joint import own_directory
    from pipeline.stages.train.loop import train_model

    with own_directory(directory) as own:
        return train_model(spec, own, cache, pretrained, tracker, progress=progress)


def _describe(name: str, outcome: Any) -> str:
    if isinstance(outcome, Exception):
        return f"{name} failed: {outcome}"
    text = f"{name} {outcome['status']} at iteration {outcome['iteration']}"
    reason = f": {outcome['reason']}" if outcome["reason"] else ""
    return f"{text} after {format_seconds(outcome['seconds'])}{reason}"


def _why(context: Context, spec: ModelSpec) -> str | None:
    """Return why a model must be trained, or None."""
    if "train" in context.forced:
        return "forced"
    directory = context.run.model(spec.model_id)
    networks = directory.export("final")
    reason = why_stale(directory.manifest, spec.fingerprint, networks.generator)
    if reason == "new" and _iterations_done(context, spec):
        return f"goes on from iteration {_iterations_done(context, spec)}"
    return reason


def _is_to_be_trained(context: Context, spec: ModelSpec) -> bool:
    return _failure(context, spec) is None and _why(context, spec) is not None


def _iterations_done(context: Context, spec: ModelSpec) -> int:
    return newest_iteration(context.run.model(spec.model_id).checkpoints)


def _failure(context: Context, spec: ModelSpec) -> dict[str, Any] | None:
    """Return what is written about an earlier failure of the same model, or None."""
    path = context.run.model(spec.model_id).failure
    return None if why_stale(path, spec.fingerprint) else read_manifest(path)


def _damaged_records(context: Context) -> list[str]:
    """Name the damage to what this stage writes anew whenever it runs, and to failure.json."""
    found = []
    for spec in context.specs:
        reason = why_stale(context.run.model(spec.model_id).failure, spec.fingerprint)
        if is_damage(reason):
            found.append(f"{reason}: {spec.model_id} is trained again")
    table = context.run.manifest("train")
    content = read_manifest(table)
    reason = why_stale(table, content["fingerprint"] if content else "", context.run.models_csv)
    if is_damage(reason):
        found.append(f"{reason}: written again")
    return found


def _write_models_table(context: Context, failures: dict[str, str]) -> OSError | None:
    """Write models.csv; an error is returned, so that it hides no other (of the same full disk)."""
    try:
        write_models_table(context, failures)
    except OSError as error:
        return error
    return None


def write_models_table(context: Context, failures: dict[str, str]) -> None:
    """Write models.csv: one row an export of each model of the sweep, finished or not."""
    manifest_path = context.run.manifest("train")
    manifest_path.unlink(missing_ok=True)
    rows = []
    for spec in context.specs:
        manifest = read_manifest(context.run.model(spec.model_id).manifest)
        for export in spec.exports:
            folder = context.run.model(spec.model_id).export(export.name).root
            status = "done" if manifest else "failed" if spec.model_id in failures else "missing"
            rows.append(
                {
                    **export.columns,
                    "export": export.name,
                    "directory": str(folder.relative_to(context.run.root)),
                    "status": status,
                    "reason": failures.get(spec.model_id, ""),
                    "train_seconds": manifest["train_seconds"] if manifest else None,
                    "parameters": manifest["parameters"] if manifest else None,
                }
            )
    write_table(context.run.models_csv, pd.DataFrame(rows, columns=MODEL_COLUMNS), MODEL_COLUMNS)
    fingerprints = [spec.fingerprint for spec in context.specs]
    write_manifest(manifest_path, fingerprint(fingerprints), [context.run.models_csv])
