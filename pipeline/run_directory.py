"""Every path of a run, and the manifests that say what is finished."""

import contextlib
import dataclasses
import importlib.metadata
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pipeline
from pipeline.errors import StageError
from pipeline.files import file_digest, read_signed_json, write_signed_json
from pipeline.run_lock import hold

RECORDED_PACKAGES = ("keras", "tensorflow", "numpy", "scipy", "scikit-learn")


@cache
def versions() -> str:
    """Return the versions that stand in every result row, as one string."""
    names = [f"pipeline {pipeline.__version__}"]
    names += [f"{name} {importlib.metadata.version(name)}" for name in RECORDED_PACKAGES]
    return "; ".join(names)


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """The files of one run; nothing else in the project spells a file name of a run."""

    root: Path

    @property
    def models_csv(self) -> Path:
        """One row a trained network pair."""
        return self.root / "models.csv"

    @property
    def scores_csv(self) -> Path:
        """One row a model and metric."""
        return self.root / "scores.csv"

    @property
    def cross_scores_csv(self) -> Path:
        """One row an encoder and generator."""
        return self.root / "cross_scores.csv"

    @property
    def selection_csv(self) -> Path:
        """One row a model and selection method."""
        return self.root / "selection.csv"

    @property
    def selection_summary_csv(self) -> Path:
        """One row a selection method."""
        return self.root / "selection_summary.csv"

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the run directory, see `pipeline.run_lock`."""
        return hold(self.root)

    @property
    def report(self) -> Path:
        """The folder of tables, plots and the page."""
        return self.root / "report"

    @property
    def page(self) -> Path:
        """The report's page."""
        return self.report / "index.html"

    @property
    def configuration(self) -> Path:
        """The Gin text of the last run, to be read or run again."""
        return self.root / "configuration.gin"

    def manifest(self, stage: str) -> Path:
        """The file that says that a stage is finished, and from what."""
        return self.root / "manifests" / f"{stage}.json"

    def model(self, model_id: str) -> "ModelDirectory":
        """The folder of one model of the sweep."""
        return ModelDirectory(self.root / "models" / model_id)

    def pretrained(self, key: str) -> "PretrainedDirectory":
        """The folder of an encoder that was trained on real images before some models."""
        return PretrainedDirectory(self.root / "pretrained" / key[:16])

    def codes(self, export_key: str) -> Path:
        """The cached codes of one exported encoder."""
        return self.root / "codes" / f"{export_key}.npz"

    def metric_result(self, export_key: str, result_key: str) -> Path:
        """The cached result of one metric for one exported encoder."""
        return self.root / "metrics" / export_key / f"{result_key}.json"

    def class_pictures(self, export_key: str) -> Path:
        """What the report draws of the classes of one exported model, as arrays."""
        return self.root / "classes" / f"{export_key}.npz"

    def image_classes(self, model_id: str) -> Path:
        """The class of every image, as one exported model tells it."""
        return self.root / "classes" / f"{model_id}.csv"

    def judge(self, key: str) -> "JudgeDirectory":
        """The folder of a network that judges samples, and of what it makes of real images."""
        return JudgeDirectory(self.root / "judges" / key)

    def votes(self, generator_key: str, options_key: str) -> Path:
        """The votes of every encoder on the samples of one generator."""
        return self.root / "votes" / f"{generator_key}-{options_key}.npz"


@dataclasses.dataclass(frozen=True)
class ModelDirectory:
    """The files of one model: a setting of the sweep trained from one seed."""

    root: Path

    @property
    def config(self) -> Path:
        """What the model was trained from, as JSON."""
        return self.root / "config.json"

    @property
    def history(self) -> Path:
        """Losses and quick scores along the iterations."""
        return self.root / "history.csv"

    @property
    def checkpoints(self) -> Path:
        """States from which training goes on."""
        return self.root / "checkpoints"

    @property
    def pictures(self) -> Path:
        """Samples and traversals along the iterations."""
        return self.root / "pictures"

    @property
    def tensorboard(self) -> Path:
        """Event files for TensorBoard."""
        return self.root / "tensorboard"

    @property
    def manifest(self) -> Path:
        """The file that says that the model is finished."""
        return self.root / "manifest.json"

    @property
    def failure(self) -> Path:
        """The file that says why training stopped for good."""
        return self.root / "failure.json"

    @property
    def lock(self) -> Path:
        """Held by the process that trains the model."""
        return self.root / ".lock"

    def export(self, name: str) -> "ExportDirectory":
        """The networks of one moment: "final" or a snapshot such as "before_cr"."""
        return ExportDirectory(self.root if name == "final" else self.root / name)


@dataclasses.dataclass(frozen=True)
class ExportDirectory:
    """The exported networks of a model at one moment."""

    root: Path

    @property
    def generator(self) -> Path:
        """Latent vectors to images in [0, 1]."""
        return self.root / "generator.keras"

    @property
    def encoder(self) -> Path:
        """Images in [0, 1] to codes."""
        return self.root / "encoder.keras"

    @property
    def posterior(self) -> Path:
        """Images in [0, 1] to mean and log variance of the codes, of models that have them."""
        return self.root / "posterior.keras"

    @property
    def traversals(self) -> Path:
        """Pictures of what each code does, as arrays."""
        return self.root / "traversals.npz"

    @property
    def code_kl(self) -> Path:
        """How much each code tells of an image, in nats; only of models with a posterior."""
        return self.root / "code_kl.json"

    @property
    def manifest(self) -> Path:
        """The file that says that the export is whole."""
        return self.root / "manifest.json"

    @property
    def files(self) -> tuple[Path, ...]:
        """What an export holds."""
        always = (self.generator, self.encoder, self.traversals)
        optional = (self.code_kl, self.posterior)
        return (*always, *(path for path in optional if path.exists()))


@dataclasses.dataclass(frozen=True)
class PretrainedDirectory:
    """The files of one pre-trained encoder."""

    root: Path

    @property
    def weights(self) -> Path:
        """Its variables by name."""
        return self.root / "weights.npz"

    @property
    def history(self) -> Path:
        """The loss along the iterations."""
        return self.root / "history.csv"

    @property
    def checkpoints(self) -> Path:
        """States from which training goes on."""
        return self.root / "checkpoints"

    @property
    def manifest(self) -> Path:
        """The file that says that the encoder is finished."""
        return self.root / "manifest.json"

    @property
    def lock(self) -> Path:
        """Held by the process that trains the encoder."""
        return self.root / ".lock"


@dataclasses.dataclass(frozen=True)
class JudgeDirectory:
    """The files of one judge of sample quality."""

    root: Path

    @property
    def classifier(self) -> Path:
        """The classifier that was trained; a judge whose weights are the user's has none."""
        return self.root / "classifier.keras"

    @property
    def reference(self) -> Path:
        """Mean and covariance of the features of real images."""
        return self.root / "reference.npz"

    @property
    def manifest(self) -> Path:
        """The file that says that the judge is whole, and how well it judges."""
        return self.root / "manifest.json"


def write_manifest(
    path: Path,
    fingerprint: str,
    outputs: Iterable[Path],
    details: Mapping[str, Any] | None = None,
    *,
    kept: Iterable[Path] = (),
) -> None:
    """Declare work finished: from which inputs, giving which files with which content.

    Args:
        path: The manifest.
        fingerprint: Of the inputs.
        outputs: Files without which the work must be done again.
        details: More that belongs to the result, as JSON-able data.
        kept: Files that may go: pictures, and what only saves time.
    """
    write_signed_json(
        path,
        {
            "fingerprint": fingerprint,
            "outputs": _digests(path, outputs),
            "kept": _digests(path, kept),
            "versions": versions(),
            **(details or {}),
        },
    )


def _digests(manifest: Path, files: Iterable[Path]) -> dict[str, str]:
    return {os.path.relpath(file, manifest.parent): file_digest(file) for file in sorted(files)}


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return the content of a manifest, or None if it is absent or not whole."""
    content = read_signed_json(path)
    if content is None or not {"fingerprint", "outputs", "kept"} <= content.keys():
        return None
    return content


def why_stale(path: Path, fingerprint: str, result: Path | None = None) -> str | None:
    """Return why the work that `path` declares must be done (again), or None if it is valid.

    Files that are damaged or missing are named, each with its path.

    Args:
        path: The manifest.
        fingerprint: Of the inputs.
        result: A file that the work leaves: where it is there and the manifest is not, that one
            is missing, and the work not new.
    """
    content = read_manifest(path)
    if content is None:
        if path.exists():
            return f"{path} is damaged"
        return f"{path} is missing" if result is not None and result.exists() else "new"
    if content["fingerprint"] != fingerprint:
        return "a binding or an input changed"
    damaged = damaged_files(path, content["outputs"])
    return "; ".join(f"{file} is {state}" for file, state in damaged.items()) or None


def is_damage(reason: str | None) -> bool:
    """Say whether `why_stale` gave damage as the reason, and not new or changed work."""
    return reason is not None and reason.endswith((" is damaged", " is missing"))


def damaged_files(manifest: Path, digests: Mapping[str, str]) -> dict[Path, str]:
    """Return the files that are not as `digests` of a manifest say: "damaged" or "missing"."""
    states = {}
    for name, digest in digests.items():
        file = Path(os.path.normpath(manifest.parent / name))
        if not file.exists():
            states[file] = "missing"
        elif file_digest(file) != digest:
            states[file] = "damaged"
    return states


def drop_damaged(manifest: Path) -> list[str]:
    """Remove what is damaged of the files that may go, from disk and manifest.

    Returns:
        A sentence for each. No result depends on them: what only saves time is made again when
        it is needed.
    """
    content = read_manifest(manifest)
    damaged = damaged_files(manifest, content["kept"]) if content else {}
    if not damaged:
        return []
    for file in damaged:
        file.unlink(missing_ok=True)
    names = {os.path.relpath(file, manifest.parent) for file in damaged}
    kept = {name: digest for name, digest in content["kept"].items() if name not in names}
    write_signed_json(manifest, {**content, "kept": kept})
    return [f"{file} is {state}: no result depends on it" for file, state in damaged.items()]


def reopen(manifest: Path, tables: Iterable[Path]) -> None:
    """Take back that work is finished, before it is done again.

    What was written before stays until it is replaced; of it, the manifest goes on declaring
    `tables`, which other stages read.
    """
    content = read_manifest(manifest)
    if content is not None:
        names = {os.path.relpath(table, manifest.parent) for table in tables}
        outputs = {name: digest for name, digest in content["outputs"].items() if name in names}
        write_signed_json(
            manifest, {**content, "fingerprint": "reopened", "outputs": outputs, "kept": {}}
        )


def refuse_damaged(manifest: Path, file: Path, stage: str) -> None:
    """Make sure that a file which another stage wrote is as it wrote it.

    Args:
        manifest: Of the work that wrote it.
        file: One of its outputs.
        stage: To be run again otherwise.

    Raises:
        StageError: If the file is damaged or missing, or its manifest is, so that nobody can tell.
    """
    content = read_manifest(manifest)
    name = os.path.relpath(file, manifest.parent)
    if content is None:
        state = "damaged" if manifest.exists() else "missing"
        problem = f"{manifest} is {state}, so {file} cannot be verified"
    elif name not in content["outputs"]:
        problem = f"{file} is not what {manifest} declares"
    elif damaged := damaged_files(manifest, {name: content["outputs"][name]}):
        problem = f"{file} is {damaged[file]}"
    else:
        return
    raise StageError(
        f"{problem}. Run the {stage} stage again, which restores it: --stages {stage}, or leave "
        "--stages out."
    )
