"""The part of the training stage that comes before some models: encoders trained on real images.

A pre-trained encoder depends on the method's pre-training, its network and the data, not on a
model's seed, so that the models of a sweep share it. What runs in the worker is in
`pipeline.stages.train.pretraining_loop`.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.execution import tensorflow_setup
from pipeline.model_spec import ModelSpec
from pipeline.progress import ProgressDisplay, format_seconds
from pipeline.recipes import fingerprint
from pipeline.runs.manifests import drop_damaged, is_damage, why_stale
from pipeline.stages.stage import Context, Step
from pipeline.stages.train.timings import UNKNOWN, pretraining_seconds

# Raised whenever a change of the code changes pre-trained weights.
PRETRAINING_VERSION = 1


def key_of(spec: ModelSpec) -> str | None:
    """Return what a model's pre-training is kept under; None where the method has none."""
    method = spec.method
    if method.pretraining is None:
        return None
    return fingerprint(
        PRETRAINING_VERSION,
        method.pretraining,
        method.class_encoder,
        method.codes.feature_dim,
        spec.training.threads,
        spec.data_fingerprint,
    )


def weights_of(context: Context, spec: ModelSpec) -> Path | None:
    """Return the file of a model's pre-trained weights; None where the method has none."""
    key = key_of(spec)
    return None if key is None else context.run.pretrained(key).weights


def plan(context: Context, specs: Sequence[ModelSpec]) -> list[Step]:
    """Say which encoders would be pre-trained for the models that are to be trained."""
    steps = []
    for key, spec in _distinct(specs).items():
        reason = why_stale(context.run.pretrained(key).manifest, key)
        if "train" in context.forced:
            reason = "forced"
        seconds, note = None, ""
        if reason is not None:
            seconds = pretraining_seconds(context.cache, spec.method, context.dataset.image_shape)
            note = UNKNOWN if seconds is None else ""
        steps.append(Step(f"pre-training {key[:8]}", reason, seconds, note))
    return steps


def damage(context: Context) -> list[str]:
    """Name what is damaged of the encoders; a model that needs one has it made again.

    Finished models need none. Such an encoder is no longer declared, so that this is said once.
    """
    found = []
    for key in _distinct(context.specs):
        manifest = context.run.pretrained(key).manifest
        reason = why_stale(manifest, key)
        if is_damage(reason):
            found.append(f"{reason}: pre-trained again when a model needs it")
            manifest.unlink(missing_ok=True)
        found += drop_damaged(manifest)
    return found


def run(context: Context, specs: Iterable[ModelSpec], display: ProgressDisplay) -> dict[str, str]:
    """Pre-train what the models need and is not there.

    Returns:
        Model id to reason, for each model whose encoder could not be pre-trained.
    """
    specs = list(specs)
    tasks = []
    for key, spec in _distinct(specs).items():
        folder = context.run.pretrained(key)
        if "train" in context.forced:
            shutil.rmtree(folder.root, ignore_errors=True)
        if why_stale(folder.manifest, key) is None:
            display.say(f"the encoder {key[:8]} is pre-trained already: skipped")
        else:
            arguments = (spec.method, spec.dataset, context.cache, folder, key)
            tasks.append((f"pre-training {key[:8]}", arguments))
    failed = {}
    outcomes = context.pool.run(_pretrain, tasks, display, _describe, new_process_each=True)
    for name, outcome in outcomes:
        if isinstance(outcome, Exception):
            failed[name] = f"{name}: {type(outcome).__name__}: {outcome}"
    return {
        spec.model_id: failed[f"pre-training {known[:8]}"]
        for spec in specs
        if (known := key_of(spec)) and f"pre-training {known[:8]}" in failed
    }


def _distinct(specs: Iterable[ModelSpec]) -> dict[str, ModelSpec]:
    """Return one model for each pre-training that there is."""
    found: dict[str, ModelSpec] = {}
    for spec in specs:
        key = key_of(spec)
        if key is not None:
            found.setdefault(key, spec)
    return found


def _pretrain(*arguments, progress: Callable[..., None]) -> dict[str, Any]:
    """Import TensorFlow in the worker only."""
    tensorflow_setup.configure()
    from pipeline.stages.train.pretraining_loop import pretrain

    return pretrain(*arguments, progress=progress)


def _describe(name: str, outcome: Any) -> str:
    if isinstance(outcome, Exception):
        return f"{name} failed: {outcome}"
    text = f"{name} {outcome['status']} at iteration {outcome['iteration']}"
    return f"{text} after {format_seconds(outcome['seconds'])}"
