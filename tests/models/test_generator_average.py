"""The moving average of the generator: by hand, off by default, exported, resumed exactly."""

import dataclasses

import numpy as np
import pytest

from models.layers.plain import plain_copy
from pipeline.experiment import load_experiment
from pipeline.recipes import describe
from tests.models.gans.test_codegan import IMAGES, SHAPE, recipe
from tests.models.training_steps import values

DECAY = 0.2


def infogan_cr(**changes):
    experiment = load_experiment(["gin/quickstart.gin", "gin/parts/budgets/smoke.gin"])
    return dataclasses.replace(experiment.settings[0].method, **changes)


BUILDERS = {
    "codegan": lambda **changes: recipe(**changes).build(SHAPE, 255, 3),
    "infogan_cr": lambda **changes: infogan_cr(**changes).build((16, 16, 3), 255, 3),
}


def step(model, name):
    images = IMAGES
    if name == "infogan_cr":
        images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    model.begin_segment(int(model.iteration.numpy()))
    model.train_step(images)


@pytest.mark.parametrize("name", BUILDERS)
def test_the_average_of_three_iterations_by_hand_and_what_is_exported(name):
    model, plain = BUILDERS[name](generator_decay=DECAY), BUILDERS[name]()
    expected = [weight.numpy().astype(float) for weight in model.generator.weights]
    for iteration in range(1, 4):
        step(model, name)
        step(plain, name)
        decay = min(DECAY, (1 + iteration) / (10 + iteration))
        now = model.generator.get_weights()
        expected = [decay * old + (1 - decay) * new for old, new in zip(expected, now, strict=True)]
    exported = model.exports()["generator"]
    for found, wanted in zip(exported.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
    # The average takes no part in the training, and the encoder is as it is.
    kept = values(plain)
    assert set(model.state) - set(kept) == {
        f"generator_average/{average.name}" for average in model.average.variables
    }
    for key, value in kept.items():
        np.testing.assert_array_equal(model.state[key], value, err_msg=key)
    latents = model.codes.draw(np.random.default_rng(0), 3).astype(np.float32)
    averaged, last = (
        np.asarray(network(latents, training=False))
        for network in (exported, plain_copy(model.generator))
    )
    assert np.abs(averaged - last).max() > 1e-6


def test_training_with_an_average_goes_on_exactly():
    whole, first, second = (BUILDERS["codegan"](generator_decay=0.999) for _ in range(3))
    step(whole, "codegan")
    step(whole, "codegan")
    step(first, "codegan")
    second.load_state(values(first))
    step(second, "codegan")
    for key, value in values(whole).items():
        np.testing.assert_array_equal(second.state[key], value, err_msg=key)


def test_pictures_show_the_average():
    model = BUILDERS["codegan"](generator_decay=0.999)
    step(model, "codegan")
    latents = model.codes.draw(np.random.default_rng(0), 3).astype(np.float32)
    shown = np.asarray(model.shown_generator()(latents, training=False))
    exported = np.asarray(model.exports()["generator"](latents, training=False))
    np.testing.assert_allclose(shown, exported, atol=1e-6)


def test_descriptions_tell_an_average_only_where_there_is_one():
    assert "generator_decay" not in describe(recipe())
    assert describe(recipe(generator_decay=0.9))["generator_decay"] == 0.9
    for bad in (1.0, -0.1, True):
        with pytest.raises(ValueError, match="generator_decay: Expected"):
            recipe(generator_decay=bad)
        with pytest.raises(ValueError, match="generator_decay: Expected"):
            infogan_cr(generator_decay=bad)
