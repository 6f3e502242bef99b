"""Pre-training of the class encoder: what is shared, what is learnt, exact resumption."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from models.gans.codegan import SimCLR
from models.layers.augmentation import Augmentation
from models.optimizers.recipes import Adam
from pipeline.execution import worker
from pipeline.experiment import load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.stages.train import pretraining
from pipeline.stages.train.pretraining_loop import pretrain

SMALL = [
    "FC_UNITS = (16,)", "BASE_CHANNELS = 8", "DECONV = (8,)", "D_CONV = (4, 8)",
    "E_CONV = (4, 8, 8)", "E_FC_UNITS = (16,)", "NUM_SEEDS = 2", "PRETRAINING_ITERATIONS = 6",
    "PRETRAINING_BATCH = 16", "simclr.log_every = 2",
]  # fmt: skip


def specs(*settings):
    experiment = load_experiment(["gin/fashion_mnist_study.gin"], [*SMALL, *settings])
    return experiment.model_specs("data")


def test_models_of_all_seeds_share_an_encoder_and_other_recipes_do_not():
    keys = [pretraining.key_of(spec) for spec in specs()]
    assert keys[:2] == [None, None] == keys[4:]  # CoDeGAN without it, InfoGAN
    assert keys[2] == keys[3] is not None
    for changed in ("simclr.temperature = 0.2", "E_CONV = (4, 4, 8)", "THREADS = 2"):
        assert pretraining.key_of(specs(changed)[2]) != keys[2]
    for unchanged in ("CLASS_FROM = 7", "D_CONV = (8, 8)", "simclr.log_every = 3", "SEED = 4"):
        assert pretraining.key_of(specs(unchanged)[2]) == keys[2]


class Images:
    """Real images of a class that a recipe would open."""

    num_images, image_shape, max_value = 40, (28, 28, 1), 255

    def open(self, cache):
        return self

    def train_images(self, indices):
        rng = np.random.default_rng(0)
        return rng.integers(0, 256, (40, 28, 28, 1), np.uint8)[indices]


@pytest.fixture
def without_graphs():
    """Few steps are faster one by one than traced."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_an_interrupted_pretraining_goes_on_to_the_same_weights(
    tmp_path, monkeypatch, without_graphs
):
    method = specs()[2].method

    def run(name):
        folder = RunDirectory(tmp_path / name).pretrained("0" * 32)
        outcome = pretrain(method, Images(), Path(), folder, "f", progress=lambda *a, **b: None)
        return folder, outcome

    whole, outcome = run("whole")
    assert (outcome["status"], outcome["iteration"]) == ("done", 6)
    stops = iter([False, False, True])
    monkeypatch.setattr(worker, "stop_requested", lambda: next(stops))
    _, outcome = run("parts")
    assert (outcome["status"], outcome["iteration"]) == ("stopped", 3)
    monkeypatch.setattr(worker, "stop_requested", lambda: False)
    parts, outcome = run("parts")
    assert outcome["status"] == "done"
    with np.load(whole.weights) as expected, np.load(parts.weights) as found:
        assert set(expected) == set(found) and not any("noise" in name for name in found)
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert parts.history.read_bytes() == whole.history.read_bytes()
    history = pd.read_csv(whole.history)
    assert history.iteration.tolist() == [2, 4, 6]
    assert 0 < history.contrastive_loss.iloc[-1] < np.log(31) + 2
    model = method.build((28, 28, 1), 255, seed=3)
    with np.load(whole.weights) as weights:
        model.load_pretrained(dict(weights))


@pytest.mark.parametrize(
    "change",
    [{"iterations": 0}, {"batch_size": 1}, {"temperature": 0.0}, {"augmentation": None}],
)
def test_bad_recipes_are_refused(change):
    recipe = SimCLR(
        augmentation=Augmentation(crop_area=None), optimizer=Adam(1e-3, 0.9), iterations=5
    )
    with pytest.raises(ValueError, match=f"{next(iter(change))}: Expected"):
        dataclasses.replace(recipe, **change)
