"""Classes that Q reads in normalised images: normalisation by hand, and the encoder it gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.gans.infogan import InfoGAN
from models.layers.augmentation import Augmentation
from models.layers.frozen import Frozen
from models.layers.normalisation import ImageNormalisation
from models.layers.plain import fast_copy, plain_copy
from models.networks.class_networks import feature_network
from pipeline.recipes import describe
from tests.models.gans.test_tc_infogan import CODES, IMAGES, PAIR, recipe
from tests.models.training_steps import train, values

VIEW = ImageNormalisation(spread=0.2)
RNG = np.random.default_rng(0)


def build(**changes):
    return recipe(method=InfoGAN, **changes).build((8, 8, 1), 1, 3)


def place_and_spread(images):
    """Return row and column of the centroid, and the spread, of [n, side, side], in sides."""
    places = (np.arange(images.shape[1]) + 0.5) / images.shape[1]
    weights = images / images.sum((1, 2), keepdims=True)
    rows, columns = (weights.sum(axis) for axis in (2, 1))
    centres = rows @ places, columns @ places
    squares = sum(one @ places**2 - c**2 for one, c in zip((rows, columns), centres, strict=True))
    return *centres, np.sqrt(squares / 2)


def disc(row, column, radius, side=64):
    offsets = np.arange(side) + 0.5
    distance = np.hypot(offsets[:, None] - row, offsets - column)
    return np.clip(radius + 0.5 - distance, 0.0, 1.0).astype(np.float32)


def test_a_disc_comes_to_the_middle_and_to_one_size():
    discs = np.stack([disc(20, 40, 6), disc(40, 22, 16), disc(32, 32, 10), disc(10, 9, 4)])
    given = place_and_spread(discs)
    np.testing.assert_allclose(given[2], np.array([6, 16, 10, 4]) / 2 / 64, rtol=0.02)
    seen = ImageNormalisation(spread=10 / 2 / 64).apply(tf.constant(discs[..., None]))
    row, column, spread = place_and_spread(seen.numpy()[..., 0])
    np.testing.assert_allclose(row, 0.5, atol=1e-3)
    np.testing.assert_allclose(column, 0.5, atol=1e-3)
    np.testing.assert_allclose(spread, 10 / 2 / 64, rtol=0.03)
    np.testing.assert_allclose(seen[2, ..., 0], discs[2], atol=0.03)  # it is so already


def square(top, left, size, side=64):
    image = np.zeros((side, side), np.float32)
    image[top : top + size, left : left + size] = 1.0
    return image


def test_place_and_size_are_hidden_and_shape_is_not():
    images = np.stack([square(8, 30, 12), square(30, 9, 24), disc(40, 40, 7), disc(20, 22, 14)])
    seen = ImageNormalisation(spread=0.1).apply(tf.constant(images[..., None])).numpy()
    difference = np.abs(seen[:, None] - seen[None]).sum((2, 3, 4)) / seen.sum((1, 2, 3)).mean()
    assert max(difference[0, 1], difference[2, 3]) < 0.08 < 0.12 < difference[:2, 2:].min()


def test_images_of_nothing_stay_images():
    images = tf.zeros((2, 16, 12, 3))
    with tf.GradientTape() as tape:
        tape.watch(images)
        seen = VIEW.apply(images)
    np.testing.assert_array_equal(seen, images)
    assert np.isfinite(tape.gradient(seen, images)).all()
    noise = RNG.uniform(size=(2, 16, 12, 3)).astype(np.float32)
    zoomed = ImageNormalisation(spread=0.01, zoom=(0.5, 1.0)).apply(tf.constant(noise)).numpy()
    assert zoomed.min() >= 0.0 and zoomed.max() <= 1.0
    assert ImageNormalisation(spread=0.5, zoom=(1.0, 1.0)).apply(noise).shape == noise.shape


def test_classes_are_read_off_the_view_and_then_changed():
    changes = Augmentation(crop_area=None, turn=0.5)
    model = build(class_view=VIEW, class_changes=changes)
    network = Frozen(model.discriminator)
    fakes = tf.random.stateless_uniform((6, 8, 8, 1), (1, 2))
    _, plain = network(fakes)
    _, seen = network(changes.apply(VIEW.apply(fakes), model.stream_seed("class_changes")))
    read = model.read_classes(fakes, plain, network)
    np.testing.assert_array_equal(read[:, :2], plain[:, :2])  # two uniform codes
    np.testing.assert_array_equal(read[:, 2:], seen[:, 2:])  # a class of three
    assert np.abs(seen - plain).max() > 1e-4


def test_the_encoder_reads_classes_where_training_does(tmp_path):
    model = build(class_view=VIEW)
    train(model, IMAGES, 2)
    images = IMAGES[:6].astype(np.float32) / 255
    codes = model.encoder(images, training=False).numpy()
    _, outputs = model.discriminator(images, training=False)
    _, of_view = model.discriminator(VIEW.apply(tf.constant(images)), training=False)
    np.testing.assert_allclose(codes[:, :2], CODES.posterior_mean(outputs)[:, :2], atol=1e-6)
    np.testing.assert_allclose(codes[:, 2:], CODES.posterior_mean(of_view)[:, 2:], atol=1e-6)
    assert np.abs(codes - CODES.posterior_mean(outputs)).max() > 1e-5

    plain_copy(model.encoder).save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras", safe_mode=True)
    assert loaded.count_params() == plain_copy(model.discriminator).count_params()
    for network in (loaded, fast_copy(loaded)):
        np.testing.assert_allclose(network(images), codes, atol=1e-6)
        last = network.get_layer("discriminator").get_layer("discriminator_q_outputs")
        features = feature_network(network)(images)
        np.testing.assert_allclose(
            CODES.posterior_mean(last(features))[:, 2:], codes[:, 2:], atol=1e-6
        )


def test_the_view_changes_what_is_learned_and_no_variable():
    plain, other = build(), build(class_view=VIEW)
    for model in (plain, other):
        train(model, IMAGES, 1)
    expected, different = values(plain), values(other)
    assert expected.keys() == different.keys()
    assert max(np.abs(different[name] - expected[name]).max() for name in expected) > 1e-4


def test_what_is_refused_and_what_descriptions_say():
    with pytest.raises(ValueError, match="class_view: Expected None: no code is categorical"):
        recipe(method=InfoGAN, codes=PAIR, class_view=VIEW)
    with pytest.raises(ValueError, match="class_view"):
        recipe(method=InfoGAN, class_view=Augmentation(crop_area=None))
    for changes in ({"spread": 0.0}, {"spread": 0.7}, {"zoom": (2.0, 1.0)}, {"zoom": 3.0}):
        with pytest.raises(ValueError, match=next(iter(changes))):
            ImageNormalisation(**{"spread": 0.1, **changes})
    assert "class_view" not in describe(recipe(method=InfoGAN))
    assert describe(VIEW)["spread"] == 0.2
