import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from metrics import frechet_distance
from metrics.samples.frechet import distance_of_gaussians
from models.codes.joint_code import CategoricalCode, JointCode
from models.networks import inception_features
from models.networks.shape_classifier import ShapeClassifier
from pipeline import metric_names
from pipeline.datasets.squares import Squares
from pipeline.execution import tensorflow_setup
from pipeline.experiment import load_experiment
from pipeline.model_spec import Export
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import read_manifest, write_manifest
from pipeline.stages.metrics import sample_quality
from pipeline.stages.metrics.feature_moments import FeatureMoments
from pipeline.stages.metrics.options import Metrics, SampleQuality
from pipeline.stages.metrics.sample_quality import CLASSIFIER_METRICS

SQUARES = Squares(image_size=16, positions=8, sizes=(3.0, 6.0, 9.0))
KEYS = np.arange(8 * 8 * 3)
RECIPE = SampleQuality(
    factor="size",
    num_samples=400,
    classifier_iterations=150,
    batch_size=32,
    classifier=ShapeClassifier(conv=(8, 16), dense=(16,), learning_rate=1e-2),
)
CODES = JointCode((CategoricalCode(len(KEYS)),))


class InlinePool:
    """Runs tasks here, and keeps their names."""

    def __init__(self):
        self.ran = []

    def run(self, function, tasks, display, describe):
        for name, arguments in tasks:
            self.ran.append(name)
            try:
                result = function(*arguments, progress=lambda done, total, **details: None)
            except Exception as error:
                result = error
            display.say(describe(name, result))
            yield name, result


class Run:
    """A run of finished generators, without the stages before the metrics."""

    def __init__(self, root, cache, recipe=RECIPE, num_resamples=20):
        metrics = Metrics(protocols=(), num_resamples=num_resamples, sample_quality=recipe)
        self.said = []
        self.display = SimpleNamespace(say=self.said.append)
        self.context = SimpleNamespace(
            experiment=SimpleNamespace(metrics=metrics, dataset=SQUARES),
            dataset=SQUARES.open(cache),
            run=RunDirectory(root),
            cache=cache,
            pool=InlinePool(),
            forced=frozenset(),
        )

    def add(self, name, images):
        """Add a generator that makes each of the images [192, 16, 16, 1] equally often."""
        latents = keras.Input((len(KEYS),))
        layer = keras.layers.Dense(16 * 16, use_bias=False)
        outputs = keras.layers.Reshape((16, 16, 1))(layer(latents))
        layer.set_weights([images.reshape(len(KEYS), -1) / 255])
        path = self.context.run.model(name).export("final").generator
        path.parent.mkdir(parents=True)
        keras.Model(latents, outputs).save(path)
        write_manifest(self.context.run.model(name).manifest, "of a test", [path])
        return Export(name, name, "final", "a", "infogan", 0, 1, f"{len(name):x}" * 32, CODES)

    def measure(self, *exports):
        """Measure and return the names of what was computed."""
        self.context.pool.ran.clear()
        failures = sample_quality.measure(self.context, exports, self.display)
        assert failures == []
        return list(self.context.pool.ran)

    def scores(self, *exports):
        rows = sample_quality.SAMPLES.rows(self.context, exports)
        return {(row["model_id"], row["metric"]): row for row in rows}


def missing_models(context, exports):
    """Return the models that lack a score, after seeing that they lack all of the judge's."""
    lacking = sample_quality.missing(context, exports)
    models = {model_id for model_id, _ in lacking}
    assert len(lacking) == len(models) * len(CLASSIFIER_METRICS)
    return models


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(tensorflow_setup, "configure", lambda: None)


@pytest.fixture(scope="module")
def judged(tmp_path_factory, cache):
    """A run whose judge has seen a generator of all real images and one of a single image."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensorflow_setup, "configure", lambda: None)
        run = Run(tmp_path_factory.mktemp("run"), cache)
        real = run.context.dataset.images_of(KEYS)
        run.exports = [run.add("all", real), run.add("single", np.repeat(real[:1], len(KEYS), 0))]
        run.first = run.measure(*run.exports)
    return run


def judge_folder(run):
    (judge,) = sample_quality.judges(run.context)
    return run.context.run.judge(judge.key)


def test_the_classifier_knows_images_that_it_was_not_trained_on(judged):
    manifest = read_manifest(judge_folder(judged).manifest)
    assert manifest["held_out_accuracy"] >= 0.95
    assert any("held-out images" in line for line in judged.said)


def test_a_perfect_generator_and_one_that_collapsed(judged):
    scores = judged.scores(*judged.exports)
    value = {key: row["value"] for key, row in scores.items()}
    assert value["all", "inception_score"] > 2.5 > 1.01 > value["single", "inception_score"]
    assert value["all", "mode_kl"] < 0.05
    assert value["single", "mode_kl"] == pytest.approx(np.log(3))
    assert value["all", "confidence"] > 0.9
    assert value["all", "fid_local"] < 0.1 * value["single", "fid_local"]


def test_rows_name_protocol_points_and_intervals(judged):
    scores = judged.scores(*judged.exports)
    assert {metric for _, metric in scores} == set(CLASSIFIER_METRICS)
    row = scores["all", "inception_score"]
    assert (row["protocol"], row["num_points"]) == ("samples", 400)
    assert row["ci_low"] <= row["value"] <= row["ci_high"]
    assert scores["all", "fid_local"]["ci_low"] is None


def test_only_what_is_new_is_computed(judged):
    assert judged.first == [
        "classifier judge",
        "all samples (classifier)",
        "single samples (classifier)",
    ]
    assert judged.measure(*judged.exports) == []
    judged.exports.append(judged.add("third", judged.context.dataset.images_of(KEYS)))
    assert judged.measure(*judged.exports) == ["third samples (classifier)"]


def test_a_damaged_classifier_is_named_and_trained_again(judged):
    classifier = judge_folder(judged).classifier
    classifier.write_bytes(classifier.read_bytes()[:500])
    assert judged.measure(*judged.exports) == []  # nothing needs it
    newcomer = judged.add("newcomer", judged.context.dataset.images_of(KEYS))
    judged.said.clear()
    ran = judged.measure(*judged.exports, newcomer)
    assert ran[0] == "classifier judge" and "newcomer samples (classifier)" in ran
    assert "classifier.keras is damaged" in judged.said[0]
    assert str(classifier.parent) in judged.said[0]
    values = {row["value"] for key, row in judged.scores(newcomer).items()}
    assert len(values) == len(CLASSIFIER_METRICS)


def test_force_makes_everything_again(judged):
    context = SimpleNamespace(**vars(judged.context) | {"forced": frozenset({"metrics"})})
    assert missing_models(context, judged.exports) == {one.model_id for one in judged.exports}


def test_other_options_are_another_result(judged):
    options = judged.context.experiment.metrics
    for change in ({"num_samples": 300}, {"seed": 1}, {"batch_size": 16}):
        recipe = dataclasses.replace(RECIPE, **change)
        metrics = dataclasses.replace(options, sample_quality=recipe)
        experiment = SimpleNamespace(metrics=metrics, dataset=SQUARES)
        context = SimpleNamespace(**vars(judged.context) | {"experiment": experiment})
        assert missing_models(context, judged.exports[:1]) == {judged.exports[0].model_id}


def test_a_classifier_that_learned_nothing_judges_nothing(tmp_path, cache):
    recipe = dataclasses.replace(RECIPE, classifier_iterations=1, num_samples=100)
    run = Run(tmp_path, cache, recipe)
    export = run.add("all", run.context.dataset.images_of(KEYS))
    (failure,) = sample_quality.measure(run.context, [export], run.display)
    assert "raise sample_quality.classifier_iterations" in failure
    assert run.context.pool.ran == ["classifier judge"]


@pytest.mark.parametrize(
    ("factor", "names", "sizes", "reason"),
    [
        ("shape", (), (), "has no known factors"),
        ("shape", ("x", "hue"), (4, None), "has no discrete factor 'shape' but x (4), hue (con"),
        ("hue", ("x", "hue"), (4, None), "has no discrete factor 'hue'"),
    ],
)
def test_without_the_factor_one_line_says_what_is_skipped(factor, names, sizes, reason):
    dataset = SimpleNamespace(
        name="Faces",
        num_factors=len(names),
        factor_names=names,
        factor_sizes=sizes,
        fingerprint="ab",
    )
    recipe = dataclasses.replace(RECIPE, factor=factor)
    metrics = Metrics(protocols=(), sample_quality=recipe)
    context = SimpleNamespace(experiment=SimpleNamespace(metrics=metrics), dataset=dataset)
    (line,) = sample_quality.skipped(context)
    assert line.startswith(f"Faces {reason}")
    assert all(metric in line for metric in CLASSIFIER_METRICS)
    assert sample_quality.judges(context) == []


def test_the_report_knows_which_end_is_better():
    ends = {name: metric_names.better_end(name) for name in (*CLASSIFIER_METRICS, "fid_inception")}
    assert ends == {
        "inception_score": "high",
        "mode_kl": "low",
        "confidence": "high",
        "fid_local": "low",
        "fid_inception": "low",
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"num_samples": 1}, "num_samples=1"),
        ({"classifier_iterations": 0}, "classifier_iterations=0"),
        ({"min_accuracy": 2}, "min_accuracy=2"),
        ({"factor": None}, "a factor where no inception_weights are"),
        ({"factor": 3}, "name of a factor"),
        ({"inception_weights": "no/such.h5"}, "inception_weights='no/such.h5'"),
        ({"classifier": None}, "instance of ShapeClassifier"),
    ],
)
def test_bad_recipes_are_refused(change, expected):
    with pytest.raises(ValueError, match="sample_quality") as error:
        dataclasses.replace(RECIPE, **change)
    assert expected in str(error.value)


def test_moments_that_stream_by_equal_those_of_the_whole():
    rng = np.random.default_rng(0)
    features = (rng.standard_normal((500, 4)) * [1, 10, 0, 3] + [0, 1e3, 5, 7]).astype(np.float32)
    moments = FeatureMoments()
    for part in np.array_split(features, [1, 3, 200]):
        moments.update(part)
    whole = features.astype(np.float64)
    np.testing.assert_allclose(moments.mean, whole.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(whole, rowvar=False), atol=1e-8)
    other = rng.standard_normal((300, 4))
    distance = distance_of_gaussians(
        moments.mean, moments.covariance, other.mean(axis=0), np.cov(other, rowvar=False)
    )
    assert distance == pytest.approx(frechet_distance(whole, other)["frechet_distance"])


def test_inception_sees_images_of_its_size_and_range(monkeypatch, tmp_path):
    layers = [keras.Input((299, 299, 3)), keras.layers.GlobalMaxPooling2D()]
    whole = keras.Sequential([*layers, keras.layers.BatchNormalization(epsilon=0)])
    monkeypatch.setattr(inception_features, "_load", lambda weights: whole)
    network = inception_features.build_inception_features(tmp_path, (8, 8, 1))
    images = np.stack([np.zeros((8, 8, 1)), np.ones((8, 8, 1))]).astype(np.float32)
    for training in (None, True):  # statistics of the batch are never used
        seen = network(images, training=training)
        np.testing.assert_allclose(seen, [[-1] * 3, [1] * 3], atol=1e-6)
    with pytest.raises(ValueError, match="1 or 3 channels"):
        inception_features.build_inception_features(tmp_path, (8, 8, 2))


def test_files_that_hold_no_inception_weights_are_refused(tmp_path):
    path = tmp_path / "weights.h5"
    with pytest.raises(ValueError, match="no such file"):
        inception_features.build_inception_features(path, (8, 8, 3))
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="not HDF5"):
        inception_features.build_inception_features(path, (8, 8, 3))


def test_gin_files_with_and_without_sample_quality():
    assert load_experiment(["gin/dsprites.gin"]).metrics.sample_quality.factor == "shape"
    smoke = load_experiment(["gin/dsprites.gin", "gin/parts/budgets/smoke.gin"])
    assert smoke.metrics.sample_quality is None
    assert load_experiment(["gin/teapots.gin"]).metrics.sample_quality is None
    part = ["gin/cdsprites.gin", "gin/parts/metrics/sample_quality.gin"]
    other = load_experiment(part, ["sample_quality.factor = 'radius'"])
    assert other.metrics.sample_quality.factor == "radius"
