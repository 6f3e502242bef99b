"""Experiments with classes: the published settings, two steps of each Gin file, one whole run."""

import dataclasses
import os
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from pipeline.errors import ConfigurationError
from pipeline.execution import tensorflow_setup
from pipeline.experiment import load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.stages.order import STAGES
from pipeline.stages.stage import Context

REPOSITORY = Path(__file__).resolve().parents[2]
SMOKE = "gin/parts/budgets/smoke_classes.gin"
SMALL_28 = ["FC_UNITS = (16,)", "BASE_CHANNELS = 8", "DECONV = (8,)", "D_CONV = (4, 8)"]
SMALL_ENCODER = ["E_CONV = (4, 8, 8)", "E_FC_UNITS = (16,)"]
BATCHES = [f"{player}_BATCH = 8" for player in ("G", "CLASS", "NOISE")]
SMALL_32 = ["G_CHANNELS = 4", "D_CHANNELS = 4", "E_CHANNELS = (4, 6)", *BATCHES]
SMALL_32 += ["resnet_encoder.blocks = 1", "residual_discriminator.further_blocks = 1"]
LATE = ["CLASS_FROM = 1"]
LABELS = (3, 4, 30)  # of the three kinds of images
FILES = {
    "infogan_mnist": SMALL_28,
    "codegan_mnist": [*SMALL_28, *SMALL_ENCODER, *BATCHES],
    "codegan_fashion_mnist": [*SMALL_28, *SMALL_ENCODER, *BATCHES, *LATE],
    "codegan_images": [*SMALL_28, *SMALL_ENCODER, *BATCHES, *LATE],
    "codegan_cifar10": [*SMALL_32, "D_BATCH = 4", "BATCH_SIZE = 12"],
    "codegan_coil20": [*SMALL_32, "D_BATCH = 8", "BATCH_SIZE = 8"],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three kinds of stripes with noise, as a folder of IDX files."""
    folder = tmp_path_factory.mktemp("data") / "stripes"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 300), ("t10k", 60)):
        kinds = np.arange(count) % 3
        labels = np.array(LABELS, np.uint8)[kinds]
        images = rng.integers(0, 60, (count, 28, 28), np.uint8)
        for image, kind in zip(images, kinds, strict=True):
            image[:: kind + 2] += 150
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (folder / f"{part}-{name}-ubyte").write_bytes(header + array.tobytes())
    return folder


def test_every_file_with_classes_is_smoked_here():
    names = [
        path.stem
        for path in (REPOSITORY / "gin").glob("*.gin")
        if "gin/parts/metrics/classes.gin" in path.read_text()
    ]
    assert sorted(names) == sorted([*FILES, "fashion_mnist_study", "few_labels_study", "trade_off"])


@pytest.mark.parametrize("name", FILES)
def test_two_iterations_of_every_file(name):
    settings = ["DATA_DIR = '/data'", *FILES[name]]
    experiment = load_experiment([f"gin/{name}.gin", SMOKE], settings)
    method, training = experiment.settings[0].method, experiment.settings[0].training
    shape = {"codegan_cifar10": (32, 32, 3), "codegan_coil20": (32, 32, 1)}.get(name, (28, 28, 1))
    model = method.build(shape, 255, 0, 256)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (training.batch_size, *shape), np.uint8)
    # Traced as in training in one file; in the others step by step, which is faster.
    step = tf.function(model.train_step) if name == "codegan_mnist" else model.train_step
    for iteration in range(2):
        model.begin_segment(iteration)
        results = step(images)
    assert all(np.isfinite(float(value)) for value in results.values())


def test_the_published_settings():
    """The table of Zhao et al. 2021, and Chen et al. 2016 for InfoGAN."""
    published = {
        # game, penalty, (D, G, E_c, E_z), critic, (beta 1 and 2, z, classes, features), iterations
        "codegan_mnist": (
            "wasserstein", 10, (64, 64, 300, 300), 1, (100, 5e-4, 40, 10, 120), 562200),
        "codegan_cifar10": ("hinge", 0, (64, 128, 256, 32), 3, (10, 5, 118, 10, 128), 91000),
        "codegan_coil20": (
            "wasserstein", 10, (128, 256, 512, 64), 1, (150, 5e-4, 118, 20, 128), 49500),
    }  # fmt: skip
    for name, values in published.items():
        setting = load_experiment([f"gin/{name}.gin"], ["DATA_DIR = '/data'"]).settings[0]
        method = setting.method
        players = ("discriminator", "generator", "class", "noise")
        batches = tuple(getattr(method, f"{player}_batch") for player in players)
        codes = (method.codes.noise_dim, method.codes.num_classes, method.codes.feature_dim)
        game = (method.game, method.penalty_weight, batches, method.discriminator_steps)
        weights = (method.class_weight, method.noise_weight)
        assert (*game, (*weights, *codes), setting.training.iterations) == values
        assert method.class_from == 0
        assert setting.training.batch_size == method.images_per_iteration
        assert method.temperature == 0.07 and method.pretraining is None
        assert method.stop_at_view == (name != "codegan_coil20")
    pretrained = load_experiment(["gin/codegan_fashion_mnist.gin"]).settings[0].method
    assert pretrained.pretraining.iterations == 23400 and pretrained.milestones == (187400,)
    setting = load_experiment(["gin/infogan_mnist.gin"]).settings[0]
    method = setting.method
    assert (setting.training.batch_size, setting.training.iterations) == (128, 5000)
    assert (method.codes.latent_dim, method.codes.code_dim, method.codes.num_classes) == (
        74,
        12,
        10,
    )
    assert (method.generator_steps, method.fresh_codes, method.info_weight.values) == (
        1,
        True,
        (1.0,),
    )
    assert method.generator_optimizer.learning_rate == 1e-3
    assert method.discriminator_optimizer.learning_rate == 2e-4


def test_classes_in_changed_images_are_all_that_the_part_asks():
    files = ["gin/infogan_mnist.gin", "gin/parts/methods/class_changes.gin"]
    plain, changed = (load_experiment(one).settings[0].method for one in (files[:1], files))
    (reading,) = changed.readings
    assert reading.codes == ("categorical_1",) and reading.view is None
    assert reading.changes.slant == 0.4 and reading.changes.crop_area == (0.7, 1.0)
    assert dataclasses.replace(changed, readings=()) == plain


def test_the_sweeps_of_labels_and_of_weights_change_nothing_else():
    plain, labels = (one.method for one in load_experiment(["gin/few_labels_study.gin"]).settings)
    assert (labels.num_labelled, labels.labelled_batch) == (100, 50)
    assert dataclasses.replace(labels, num_labelled=0, labelled_batch=0) == plain
    weights = {"class_weight": (0.1, 1, 10, 100), "info_weight": (0.01, 0.1, 1, 10)}
    for budgets in ([], ["gin/parts/budgets/minutes_trade_off.gin"]):
        settings = load_experiment(["gin/trade_off.gin", *budgets]).settings
        swept = (settings[:4], settings[4:])
        for settings, (name, values) in zip(swept, weights.items(), strict=True):
            found = [getattr(one.method, name) for one in settings]
            assert [getattr(one, "values", (one,)) for one in found] == [(one,) for one in values]
            same = {
                (dataclasses.replace(one.method, **{name: 1.0}), one.training) for one in settings
            }
            assert len(same) == 1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("BATCH_SIZE = 63", "batch_size: Expected 64"),
        ("training.traversal_limits = 3", "traversal_limits"),
        ("selection.fixed = 'class'", "selection.fixed"),
        ("class_disentanglement.seeds = 3", "class_disentanglement.seeds"),
        ("codegan.game = 'wgan'", "game: Expected"),
    ],
)
def test_bad_settings_are_refused(setting, message):
    with pytest.raises(ConfigurationError, match=message):
        load_experiment(["gin/codegan_mnist.gin"], [setting])
    with pytest.raises(ConfigurationError, match="exactly one categorical code"):
        load_experiment(["gin/quickstart.gin"], ["selection.fixed = 'classes'"])


SWEEP = """sweep.settings = {
    'codegan': {'codegan.num_labelled': 6, 'codegan.labelled_batch': 3},
    'infogan': {
        'experiment.method': @infogan(), 'BATCH_SIZE': 128, 'ITERATIONS': %INFOGAN_ITERATIONS},
}"""


class InlinePool:
    """Runs tasks in this process: what worker processes do is tested elsewhere."""

    num_workers = num_local_cores = threads = 1

    def run(self, function, tasks, display, describe, *, new_process_each=False):
        for name, arguments in tasks:
            outcome = function(*arguments, progress=lambda *given, **details: None)
            display.finish(name, describe(name, outcome))
            yield name, outcome


@pytest.fixture
def without_graphs():
    """Few steps are faster one by one than traced."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.slow
def test_a_study_runs_through_every_stage(
    data, tmp_path, cache, capfd, monkeypatch, without_graphs
):
    """CoDeGAN, pre-trained, with labels, and InfoGAN: trained, scored, selected, reported."""
    monkeypatch.setattr(tensorflow_setup, "configure", lambda replicas=1: None)
    settings = [f"DATA_DIR = '{data}'", SWEEP, "NUM_SEEDS = 1", "INFOGAN_ITERATIONS = 2"]
    settings += ["ITERATIONS = 2", "CLASS_FROM = 0", "PRETRAINING_ITERATIONS = 2"]
    settings += ["PRETRAINING_BATCH = 8", "G_BATCH = 8", "CLASS_BATCH = 8", "NOISE_BATCH = 8"]
    settings += [*SMALL_28, *SMALL_ENCODER, "CLASSIFIER_ITERATIONS = 4"]
    experiment = load_experiment(["gin/fashion_mnist_study.gin", SMOKE], settings)

    def run():
        context = Context(experiment, RunDirectory(tmp_path), cache, InlinePool())
        for stage in STAGES:
            stage.run(context)
        return capfd.readouterr().err

    assert "pre-training" in run()
    models = pd.read_csv(tmp_path / "models.csv")
    assert (models.status == "done").all() and len(models) == 2
    (weights,) = tmp_path.glob("pretrained/*/weights.npz")
    scores = pd.read_csv(tmp_path / "scores.csv").pivot(
        index="setting", columns="metric", values="value"
    )
    both = ["acc_hungarian", "acc_purity", "nmi", "ari", "acc_hungarian_std", "fid_local"]
    both += ["inception_score", "code_purity", "classes_covered", "least_diversity"]
    assert np.isfinite(scores[both]).all(axis=None)
    assert scores.generated_accuracy.between(0, 1).all()
    own = ["classifier_error", "classifier_nmi", "information_bound", "code_entropy"]
    assert np.isfinite(scores.loc["infogan", own]).all() and scores.loc["codegan", own].isna().all()
    np.testing.assert_allclose(scores.loc["infogan", "code_entropy"], np.log(10))
    selection = pd.read_csv(tmp_path / "selection.csv")
    assert set(selection.selection_method) == {"model_centrality", "supervised"}
    cross = pd.read_csv(tmp_path / "cross_scores.csv")
    assert (cross.num_fixed_codes == 10).all() and cross.score.between(0.1, 1).all()
    names = {path.name for path in (tmp_path / "report" / "plots").glob("classes_*.png")}
    kinds = ("samples", "members", "features", "generated_features", "shown")
    assert names == {f"classes_{number}_{kind}.png" for number in (1, 2) for kind in kinds}
    for model in models.model_id:  # a class for every image, beside its label
        told = pd.read_csv(tmp_path / "classes" / f"{model}.csv")
        assert told.part.value_counts().to_dict() == {"train": 256, "test": 60}
        assert told["class"].between(0, 9).all() and told.file.isna().all()
        np.testing.assert_array_equal(told.label[256:], np.array(LABELS)[np.arange(60) % 3])
    # Again: nothing is done twice; a damaged pre-trained encoder does not touch finished models.
    shown = next(tmp_path.glob("classes/*.npz"))
    before = shown.read_bytes()
    with np.load(shown) as arrays:
        assert arrays["label_names"].tolist() == [str(label) for label in LABELS]
    weights.write_bytes(b"damaged")
    said = run()
    assert "2 of 2 models are finished and valid: skipped" in said
    assert f"{weights} is damaged" in said
    assert "scores of 2 encoders are up to date: skipped" in said
    # What the report shows of the classes is made again where it is damaged.
    shown.write_bytes(before[:100])
    said = run()
    assert f"{shown} is damaged" in said and str(weights) not in said
    with np.load(shown) as arrays:
        assert "grid" in arrays


@pytest.mark.slow
def test_unlabelled_images_are_given_classes(
    data, tmp_path, cache, capfd, monkeypatch, without_graphs
):
    """A folder of images without labels: clusters, pictures and a selection, and no accuracy."""
    monkeypatch.setattr(tensorflow_setup, "configure", lambda replicas=1: None)
    images, rng = tmp_path / "images", np.random.default_rng(0)
    images.mkdir()
    for number in range(40):
        picture = rng.integers(0, 60, (30, 36), np.uint8)
        picture[:: 2 + number % 3] += 150
        Image.fromarray(picture).save(images / f"{number:02d}.png")
    (images / "39.png").rename(os.fsdecode(os.fsencode(images) + b"/39\xff.png"))  # not UTF-8
    settings = [f"DATA_DIR = '{images}'", "NUM_IMAGES = None", "NUM_CLASSES = 4", "NUM_SEEDS = 2"]
    settings += ["ITERATIONS = 2", "PRETRAINING = None", "CLASS_FROM = 0", "D_BATCH = 8"]
    settings += [
        "BATCH_SIZE = 8",
        *BATCHES,
        *SMALL_28,
        *SMALL_ENCODER,
    ]
    experiment = load_experiment(["gin/codegan_images.gin", SMOKE], settings)
    context = Context(experiment, RunDirectory(tmp_path / "run"), cache, InlinePool())
    for stage in STAGES:
        stage.run(context)
    said = capfd.readouterr().err
    assert "images has no discrete factor 'label'" in said and "skipped accuracies" in said
    scores = pd.read_csv(tmp_path / "run" / "scores.csv")
    assert set(scores.metric) == {"generated_accuracy"} and set(scores.dataset) == {"images"}
    models = pd.read_csv(tmp_path / "run" / "models.csv")
    for model in models.model_id:
        told = pd.read_csv(tmp_path / "run" / "classes" / f"{model}.csv")
        assert told.file.tolist() == [*(f"{number:02d}.png" for number in range(39)), "39\\xff.png"]
        assert told["class"].between(0, 3).all() and told.label.isna().all()
    selection = pd.read_csv(tmp_path / "run" / "selection.csv")
    assert set(selection.selection_method) == {"model_centrality"}
    plots = {path.name for path in (tmp_path / "run" / "report" / "plots").glob("classes_*.png")}
    assert plots == {
        f"classes_1_{kind}.png" for kind in ("samples", "members", "features", "generated_features")
    }
