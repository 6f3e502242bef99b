"""Every path of a run."""

import contextlib
import dataclasses
from pathlib import Path

from pipeline.runs.lock import hold

ONNX = ".onnx"


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
        """Hold the run directory, see `pipeline.runs.lock`."""
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

    @property
    def errors_log(self) -> Path:
        """Tracebacks of what went wrong, each with its time and command; absent without any."""
        return self.root / "errors.log"

    @property
    def mlflow_store(self) -> Path:
        """The database of `--tracker mlflow`."""
        return self.root / "mlflow.db"

    @property
    def mlflow_artifacts(self) -> Path:
        """Pictures of `--tracker mlflow`."""
        return self.root / "mlflow"

    def manifest(self, stage: str) -> Path:
        """Return the file that says that a stage is finished, and from what."""
        return self.root / "manifests" / f"{stage}.json"

    def model(self, model_id: str) -> "ModelDirectory":
        """Return the folder of one model of the sweep."""
        return ModelDirectory(self.root / "models" / model_id)

    def pretrained(self, key: str) -> "PretrainedDirectory":
        """Return the folder of an encoder that was trained on real images before some models."""
        return PretrainedDirectory(self.root / "pretrained" / key[:16])

    def codes(self, export_key: str) -> Path:
        """Return the folder of cached codes of one exported encoder."""
        return self.root / "codes" / export_key

    def posteriors(self, export_key: str) -> Path:
        """Return the folder of cached posteriors of one exported model: means and log variances."""
        return self.root / "codes" / f"{export_key}-posterior"

    def metric_result(self, export_key: str, result_key: str) -> Path:
        """Return the cached result of one metric for one exported encoder."""
        return self.root / "metrics" / export_key / f"{result_key}.json"

    def class_pictures(self, export_key: str) -> Path:
        """Return what the report draws of the classes of one exported model, as arrays."""
        return self.root / "classes" / f"{export_key}.npz"

    def image_classes(self, model_id: str) -> Path:
        """Return the class of every image, as one exported model tells it."""
        return self.root / "classes" / f"{model_id}.csv"

    def explored(self, export_key: str) -> Path:
        """Return the images of the report's latent explorer of one exported generator."""
        return self.root / "explored" / f"{export_key}.npz"

    def judge(self, key: str) -> "JudgeDirectory":
        """Return the folder of a network that judges samples, with its results on real images."""
        return JudgeDirectory(self.root / "judges" / key)

    def votes(self, generator_key: str, options_key: str) -> Path:
        """Return the votes of every encoder on the samples of one generator."""
        return self.root / "votes" / f"{generator_key}-{options_key}.npz"

    def selection_result(self, name: str) -> Path:
        """Return what a selection method keeps of the models that it judged together."""
        return self.root / "selection" / f"{name}.json"


@dataclasses.dataclass(frozen=True)
class ModelDirectory:
    """The files of one model: a setting of the sweep trained from one seed."""

    root: Path

    @property
    def config(self) -> Path:
        """What the model was trained from, as JSON."""
        return self.root / "config.json"

    @property
    def configuration(self) -> Path:
        """The Gin text of the experiment that the model was trained in."""
        return self.root / "configuration.gin"

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
        """Return the networks of one moment: "final" or a snapshot such as "before_cr"."""
        return ExportDirectory(self.root if name == "final" else self.root / name)


@dataclasses.dataclass(frozen=True)
class ExportDirectory:
    """The exported networks of a model at one moment."""

    root: Path

    @property
    def generator(self) -> Path:
        """Latent vectors to images in [0, 1]."""
        return self._network("generator")

    @property
    def encoder(self) -> Path:
        """Images in [0, 1] to codes."""
        return self._network("encoder")

    def _network(self, name: str) -> Path:
        """Return the file of a network; others than this project may have left it as ONNX."""
        path = self.root / f"{name}.keras"
        onnx = path.with_suffix(ONNX)
        return onnx if onnx.exists() and not path.exists() else path

    @property
    def posterior(self) -> Path:
        """Images in [0, 1] to mean and log variance of the codes, of models that have them."""
        return self.root / "posterior.keras"

    @property
    def full_posterior(self) -> Path:
        """Images to mean and triangle of the covariance, where that is no diagonal."""
        return self.root / "full_posterior.keras"

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
        optional = (self.code_kl, self.posterior, self.full_posterior)
        return (*always, *(path for path in optional if path.exists()))


@dataclasses.dataclass(frozen=True)
class CardDirectory(ExportDirectory):
    """The files of a model that is given away: its networks with a card."""

    @property
    def card(self) -> Path:
        """What the model is, as Markdown; the name that code hosts show."""
        return self.root / "README.md"

    @property
    def config(self) -> Path:
        """What the model was trained from, as JSON."""
        return ModelDirectory(self.root).config

    @property
    def configuration(self) -> Path:
        """The Gin text of the experiment that the model was trained in."""
        return ModelDirectory(self.root).configuration

    @property
    def scores_csv(self) -> Path:
        """The model's rows of the run's scores."""
        return RunDirectory(self.root).scores_csv

    @property
    def selection_csv(self) -> Path:
        """The model's rows of the run's selection."""
        return RunDirectory(self.root).selection_csv

    @property
    def traversal_picture(self) -> Path:
        """Each code moved, as a picture."""
        return self.root / "traversals.png"

    @property
    def sample_picture(self) -> Path:
        """Random samples."""
        return self.root / "samples.png"


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
