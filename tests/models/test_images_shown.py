"""What networks are shown of images: a slant, a turn and image normalisation by hand."""

import numpy as np
import pytest
import tensorflow as tf

from models.layers.augmentation import Augmentation
from models.layers.normalisation import ImageNormalisation
from pipeline.recipes import describe

VIEW = ImageNormalisation(spread=0.2)
SLANTED = Augmentation(crop_area=None, slant=0.4)
RNG = np.random.default_rng(0)


def test_a_slant_moves_each_row_by_its_distance_from_the_middle():
    ramp = np.broadcast_to(np.arange(30, dtype=np.float32) / 29, (64, 9, 30))[..., None]
    slanted = SLANTED.apply(ramp, tf.constant([3, 4])).numpy()[..., 0]
    inside = slanted[:, :, 2:-2] * 29  # the column that each pixel comes from
    np.testing.assert_allclose(inside[:, 4], np.arange(2, 28) + np.zeros((64, 1)), atol=1e-4)
    slopes = np.diff(inside, axis=1)
    np.testing.assert_allclose(slopes, slopes[:, :1, :1] + np.zeros_like(slopes), atol=1e-4)
    assert -0.4 <= slopes.min() < -0.3 and 0.3 < slopes.max() <= 0.4
    assert np.unique(slopes[:, 0, 0]).size > 60
    assert slanted.min() == 0.0 and slanted.max() == 1.0


@pytest.mark.parametrize("most", [0.1, 0.5])
def test_a_turn_keeps_the_distance_from_the_middle(most):
    offsets = np.arange(33) - 16.0
    places = offsets - 1j * offsets[:, None]  # to the right and upwards from the middle
    # 7 to the right; long towards the middle, narrow across.
    bar = np.exp(-((offsets - 7.0) ** 2) / 9.0 - offsets[:, None] ** 2 / 3.0)
    images = np.broadcast_to(bar.astype(np.float32)[..., None], (64, 33, 33, 1))
    turned = Augmentation(crop_area=None, turn=most).apply(images, tf.constant([3, 4])).numpy()
    np.testing.assert_allclose(turned.sum((1, 2, 3)), bar.sum(), rtol=0.01)
    turned = turned[..., 0]
    centroids = (turned * places).sum((1, 2)) / bar.sum()
    np.testing.assert_allclose(np.abs(centroids), 7.0, atol=0.05)
    shares = np.angle(centroids) / (2 * np.pi)
    assert -most <= shares.min() < -0.9 * most and 0.9 * most < shares.max() <= most
    assert np.unique(shares).size > 60
    # The bar lies along the ray from the middle at each angle.
    turned_places = places * np.exp(-1j * np.angle(centroids))[:, None, None]
    along = (turned * (turned_places.real - 7.0) ** 2).sum((1, 2))
    across = (turned * turned_places.imag**2).sum((1, 2))
    assert (along > 2 * across).all()


def test_a_turn_continues_images_by_their_edges():
    ones = np.ones((64, 8, 9, 2), np.float32)
    turned = Augmentation(crop_area=None, turn=0.5).apply(ones, tf.constant([3, 4]))
    np.testing.assert_allclose(turned, ones, atol=1e-5)


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


def test_what_is_refused_and_what_descriptions_say():
    for changes in ({"spread": 0.0}, {"spread": 0.7}, {"zoom": (2.0, 1.0)}, {"zoom": 3.0}):
        with pytest.raises(ValueError, match=next(iter(changes))):
            ImageNormalisation(**{"spread": 0.1, **changes})
    for changes in ({"slant": -1.0}, {"turn": 0.6}):
        with pytest.raises(ValueError, match=next(iter(changes))):
            Augmentation(crop_area=None, **changes)
    assert describe(VIEW)["spread"] == 0.2
    plain = Augmentation(crop_area=(1.0, 1.0))
    assert "slant" not in describe(plain) and describe(SLANTED)["slant"] == 0.4
