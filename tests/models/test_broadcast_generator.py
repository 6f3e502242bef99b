"""The generator that knows where it paints: coordinates, training, exports; off by default."""

import dataclasses

import keras
import numpy as np
import pytest

from models.layers.plain import plain_copy
from pipeline.experiment import load_experiment
from pipeline.recipes import describe
from tests.models.training_steps import moved, train, values

SHAPE = (16, 16, 3)


@pytest.fixture(scope="module")
def method():
    """The quickstart's InfoGAN-CR on a 4x4 map, with one dense layer of 5 units before it."""
    method = load_experiment(["gin/quickstart.gin"]).settings[0].method
    generator = dataclasses.replace(
        method.generator, dense=(5,), base_channels=6, deconv=(4,), broadcast=(7,)
    )
    return dataclasses.replace(method, generator=generator)


def test_every_place_sees_what_the_dense_layers_say_and_where_it_is(method):
    network = method.generator.build(SHAPE, 2, seed=0)
    layers = {layer.name: layer for layer in network.layers}
    inner = [layers["generator_broadcast_vector"].output, layers["generator_placed"].output]
    latents = np.array([[0.5, -1.0], [-0.2, 0.3]], np.float32)
    said, placed = map(np.asarray, keras.Model(network.input, inner)(latents))
    assert said.shape == (2, 1, 1, 5) and placed.shape == (2, 4, 4, 7)
    np.testing.assert_array_equal(placed[..., :5], np.broadcast_to(said, (2, 4, 4, 5)))
    line = np.linspace(-1, 1, 4, dtype=np.float32)
    for image in placed:
        np.testing.assert_array_equal(image[:, :, 5], np.repeat(line[:, None], 4, axis=1))
        np.testing.assert_array_equal(image[:, :, 6], np.repeat(line[None], 4, axis=0))


def test_size_and_parameters_by_hand(method):
    network = method.generator.build(SHAPE, 2, seed=0)
    assert network.output.shape == (None, *SHAPE)
    kernels = (2 * 5 + 5) + (7 * 7 + 7) + (7 * 6 + 6)  # dense, and 1x1 with two coordinates
    kernels += (16 * 6 * 4 + 4) + (16 * 4 * 3 + 3)  # transposed convolutions of 4x4
    trainable = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    normed = 2 * (5 + 7 + 6 + 4) if method.generator.batch_norm else 0
    assert trainable == kernels + normed


def test_it_is_trained_and_the_coordinates_stay(method):
    model = method.build(SHAPE, 255, 0)
    before = values(model)
    train(model, np.random.default_rng(0).integers(0, 256, (8, *SHAPE), np.uint8), 1)
    changed = {name for name in moved(before, model) if name.startswith("generator/")}
    assert any("pointwise_1/kernel" in name for name in changed)
    assert any("dense_1/kernel" in name for name in changed)
    assert not any("coordinates" in name for name in changed)
    assert len([name for name in before if "generator_coordinates" in name]) == 2


def test_an_export_loads_with_keras_alone(method, tmp_path):
    network = method.generator.build(SHAPE, 2, seed=0)
    plain_copy(network).save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras", compile=False, safe_mode=True)
    assert {type(layer).__module__.split(".")[0] for layer in loaded.layers} == {"keras"}
    latents = np.random.default_rng(0).uniform(-1, 1, (3, 2)).astype(np.float32)
    np.testing.assert_allclose(loaded(latents), network(latents, training=False), rtol=1e-5)


def test_off_by_default_and_then_not_mentioned(method):
    published = dataclasses.replace(method.generator, broadcast=None)
    assert "broadcast" not in describe(published)
    assert describe(method.generator)["broadcast"] == [7]
    assert not any("coordinates" in one.name for one in published.build(SHAPE, 2, 0).layers)


@pytest.mark.parametrize("broadcast", [(0,), 64, ("wide",)])
def test_channels_are_whole_numbers(method, broadcast):
    with pytest.raises(ValueError, match="broadcast"):
        dataclasses.replace(method.generator, broadcast=broadcast)
