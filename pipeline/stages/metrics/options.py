"""What a Gin file says about the metric stage."""

import dataclasses
from pathlib import Path

from models import checks
from models.networks.shape_classifier import ShapeClassifier
from pipeline.datasets.interface import Dataset
from pipeline.recipes import fingerprint
from pipeline.runs.representations import MEAN, REPRESENTATIONS
from pipeline.stages.metrics.protocols import PROTOCOL_KINDS, Protocol

# Raised whenever a change of the code changes scores.
METRICS_VERSION = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleQuality:
    """How generated images are judged; Gin's `sample_quality`.

    Attributes:
        factor: Discrete factor that the classifier learns, such as 'shape' of dSprites; None: no
            classifier.
        num_samples: Images of each generator, and real ones that they are compared with
            (published: 50,000).
        classifier_iterations: Batches that the classifier learns from.
        batch_size: Images of such a batch.
        classifier: Its layers and learning rate.
        min_accuracy: On held-out images; a classifier below it judges nothing.
        inception_weights: File of weights for Inception-V3; None: no `fid_inception`.
        seed: Of the classifier, and of the real images that samples are compared with.
    """

    factor: str | None
    num_samples: int
    classifier_iterations: int
    batch_size: int
    classifier: ShapeClassifier = ShapeClassifier()
    min_accuracy: float = 0.9
    inception_weights: str | None = None
    seed: int = 0

    def __post_init__(self):
        if self.factor is not None and (not isinstance(self.factor, str) or not self.factor):
            checks.fail("sample_quality.factor", self.factor, "the name of a factor, or None")
        checks.integer("sample_quality.num_samples", self.num_samples, minimum=2)
        for name in ("classifier_iterations", "batch_size"):
            checks.integer(f"sample_quality.{name}", getattr(self, name), minimum=1)
        checks.instance("sample_quality.classifier", self.classifier, ShapeClassifier)
        checks.number("sample_quality.min_accuracy", self.min_accuracy, minimum=0.0, maximum=1.0)
        checks.integer("sample_quality.seed", self.seed, minimum=0)
        weights = self.inception_weights
        # Found out now, not after days of training.
        if weights is not None and not (isinstance(weights, str) and Path(weights).is_file()):
            expected = "None, or the path of a file with weights for keras.applications.InceptionV3"
            checks.fail("sample_quality.inception_weights", weights, expected)
        if self.factor is None and weights is None:
            checks.fail("sample_quality.factor", None, "a factor where no inception_weights are")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassDisentanglement:
    """How classes are scored; Gin's `class_disentanglement`.

    Attributes:
        factor: The factor that is the true class, such as 'label'.
        num_images: Images whose features are clustered, a random part of the held-out test images
            or, where none are held out, of the training images; None: all, of training images at
            most 10,000.
        seeds: Of k-means, a run each; scores are their mean, with the standard deviation. The
            first is that of the classes given to images.
        samples_per_class: Generated images of each class, for what the classes show.
        embedded_images: Test images in the two-dimensional picture of the features, and a third
            as many generated ones; 0: no such picture.
    """

    factor: str = "label"
    num_images: int | None = None
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    samples_per_class: int = 1000
    embedded_images: int = 1500

    def __post_init__(self):
        checks.label("class_disentanglement.factor", self.factor)
        if self.num_images is not None:
            checks.integer("class_disentanglement.num_images", self.num_images, minimum=2)
        if not isinstance(self.seeds, tuple | list) or not self.seeds:
            checks.fail("class_disentanglement.seeds", self.seeds, "a tuple of integers")
        for seed in self.seeds:
            checks.integer("class_disentanglement.seeds", seed, minimum=0)
        object.__setattr__(self, "seeds", tuple(self.seeds))
        checks.integer("class_disentanglement.samples_per_class", self.samples_per_class, minimum=2)
        checks.integer("class_disentanglement.embedded_images", self.embedded_images, minimum=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class IdentityScores:
    """How identities are looked for; Gin's `identity_scores`.

    Attributes:
        num_fit: Images that each classifier is fitted on, at most.
        num_test: Images that it is scored on, at most.
        hidden: Units of the classifiers' hidden layers (scikit-learn's multilayer perceptron).
        max_epochs: Passes over the images fitted.
        baseline_side: Images larger than so many pixels are averaged down to at most this height
            and width before the supervised baseline sees them.
        seed: Of the choice of images and of the classifiers.
    """

    num_fit: int = 20000
    num_test: int = 10000
    hidden: tuple[int, ...] = (64,)
    max_epochs: int = 30
    baseline_side: int = 32
    seed: int = 0

    def __post_init__(self):
        for name in ("num_fit", "num_test"):
            checks.integer(f"identity_scores.{name}", getattr(self, name), minimum=4)
        hidden = checks.positive_integers("identity_scores.hidden", self.hidden)
        object.__setattr__(self, "hidden", hidden)
        for name in ("max_epochs", "baseline_side"):
            checks.integer(f"identity_scores.{name}", getattr(self, name), minimum=1)
        checks.integer("identity_scores.seed", self.seed, minimum=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metrics:
    """What is measured; Gin's `metrics`.

    Attributes:
        protocols: Of `@cr_protocol()`, `@dlib_protocol()` and `@recent_protocol()`, each with its
            metrics and sizes.
        seed: Of the evaluation draws, the same for every model.
        num_resamples: Bootstrap resamples of each confidence interval; 0: no intervals.
        level: Probability that an interval is to cover.
        sample_quality: `@sample_quality()`, or None: the generators' samples are not judged.
        class_disentanglement: `@class_disentanglement()`, or None: classes are not scored.
        identity_scores: `@identity_scores()`, or None: identities are not looked for.
        main_representation: What stands for a model with a posterior in ModelCentrality, in the
            supervised ranking and wherever the report gives a model one number: 'mean', its
            posterior's, or 'sample', a draw from it, as published by Lin et al. 2020. The cr
            protocol scores both, a row each.
    """

    protocols: tuple[Protocol, ...]
    seed: int = 0
    num_resamples: int = 200
    level: float = 0.95
    sample_quality: SampleQuality | None = None
    class_disentanglement: ClassDisentanglement | None = None
    identity_scores: IdentityScores | None = None
    main_representation: str = dataclasses.field(
        default=MEAN, metadata={"omitted_at_default": True}
    )

    def __post_init__(self):
        checks.choice("metrics.main_representation", self.main_representation, REPRESENTATIONS)
        if not isinstance(self.protocols, (list, tuple)):
            checks.fail("metrics.protocols", self.protocols, "a tuple such as (@cr_protocol(),)")
        for protocol in self.protocols:
            checks.instance("metrics.protocols", protocol, PROTOCOL_KINDS)
        names = [protocol.name for protocol in self.protocols]
        if len(set(names)) < len(names):
            checks.fail("metrics.protocols", names, "each protocol once")
        object.__setattr__(self, "protocols", tuple(self.protocols))
        checks.integer("metrics.seed", self.seed, minimum=0)
        checks.integer("metrics.num_resamples", self.num_resamples, minimum=0)
        checks.number("metrics.level", self.level, minimum=0.5, maximum=0.999)
        if self.sample_quality is not None:
            checks.instance("metrics.sample_quality", self.sample_quality, SampleQuality)
        if self.class_disentanglement is not None:
            given = self.class_disentanglement
            checks.instance("metrics.class_disentanglement", given, ClassDisentanglement)
        if self.identity_scores is not None:
            checks.instance("metrics.identity_scores", self.identity_scores, IdentityScores)

    def check_factors(self, dataset: Dataset) -> None:
        """Refuse names of factors that an opened data set does not have.

        Raises:
            ConfigurationError: With the names that there are.
        """
        for protocol in self.protocols:
            protocol.check_factors(dataset)

    def result_key(self, protocol: Protocol, metric: str, representation: str = MEAN) -> str:
        """Return the name under which a result is kept: changes whenever the result would."""
        # A draw never depends on which other metrics are computed.
        options = {**protocol.sampling, "metric": metric}
        bootstrap = (self.num_resamples, self.level)
        digest = fingerprint(METRICS_VERSION, options, self.seed, bootstrap)[:16]
        drawn = "" if representation == MEAN else f"-{representation}"
        return f"{protocol.name}-{metric}{drawn}-{digest}"
