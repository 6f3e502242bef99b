"""Every path of a run, the manifests that say what is finished, and the lock."""

import contextlib
import dataclasses
import datetime
import importlib.metadata
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import filelock

import pipeline
from pipeline.errors import StageError
from pipeline.files import file_digest, write_json, write_text

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

    @property
    def report(self) -> Path:
        """The folder of tables, plots and the page."""
        return self.root / "report"

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

    def codes(self, export_key: str) -> Path:
        """The cached codes of one exported encoder."""
        return self.root / "codes" / f"{export_key}.npz"

    def metric_result(self, export_key: str, result_key: str) -> Path:
        """The cached result of one metric for one exported encoder."""
        return self.root / "metrics" / export_key / f"{result_key}.json"

    def judge(self, key: str) -> "JudgeDirectory":
        """The folder of a network that judges samples, and of what it makes of real images."""
        return JudgeDirectory(self.root / "judges" / key)

    def votes(self, generator_key: str, options_key: str) -> Path:
        """The votes of every encoder on the samples of one generator."""
        return self.root / "votes" / f"{generator_key}-{options_key}.npz"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run directory; it is free again as soon as the holder's process is gone.

        Raises:
            StageError: If another process holds it, with that process' number and machine.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        holder = self.root / ".lock-holder"
        lock = filelock.FileLock(self.root / ".lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            who = holder.read_text().strip() if holder.exists() else "another process"
            raise StageError(
                f"{self.root} is in use by {who}. Wait for it to end, stop it, or choose another "
                "folder with --out."
            ) from error
        try:
            now = datetime.datetime.now().isoformat(timespec="seconds")
            write_text(holder, f"process {os.getpid()} on {socket.gethostname()} since {now}\n")
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()


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
    def manifest(self) -> Path:
        """The file that says that the export is whole."""
        return self.root / "manifest.json"

    @property
    def files(self) -> tuple[Path, ...]:
        """What an export holds."""
        always = (self.generator, self.encoder, self.traversals)
        return (*always, self.posterior) if self.posterior.exists() else always


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
    path: Path, fingerprint: str, outputs: Iterable[Path], details: Mapping[str, Any] | None = None
) -> None:
    """Declare work finished: from which inputs, giving which files with which content."""
    digests = {
        os.path.relpath(output, path.parent): file_digest(output) for output in sorted(outputs)
    }
    write_json(
        path,
        {
            "fingerprint": fingerprint,
            "outputs": digests,
            "versions": versions(),
            **(details or {}),
        },
    )


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return the content of a manifest, or None if it is absent or not whole."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if not isinstance(content, dict) or not {"fingerprint", "outputs"} <= content.keys():
        return None
    return content


def why_stale(path: Path, fingerprint: str) -> str | None:
    """Return why the work that `path` declares must be done (again), or None if it is valid."""
    content = read_manifest(path)
    if content is None:
        return f"{path.name} is damaged" if path.exists() else "new"
    if content["fingerprint"] != fingerprint:
        return "a binding or an input changed"
    for name, digest in content["outputs"].items():
        output = path.parent / name
        if not output.exists():
            return f"{output.name} is missing"
        if file_digest(output) != digest:
            return f"{output.name} is damaged"
    return None
