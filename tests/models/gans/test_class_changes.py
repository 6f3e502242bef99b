"""Classes that Q reads in changed images: changes by hand, what is read where, how it trains."""

import numpy as np
import pytest
import tensorflow as tf

from models.gans.infogan import InfoGAN
from models.layers.augmentation import Augmentation
from models.layers.frozen import Frozen
from pipeline.recipes import describe
from tests.models.gans.test_tc_infogan import CODES, IMAGES, PAIR, recipe
from tests.models.training_steps import train, values

WHOLE = Augmentation(crop_area=(1.0, 1.0), crop_aspect=(1.0, 1.0))
SLANTED = Augmentation(crop_area=None, slant=0.4)


def build(**changes):
    return recipe(method=InfoGAN, **changes).build((8, 8, 1), 1, 3)


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


def test_classes_are_read_off_changed_images_and_the_rest_off_the_others():
    model = build(class_changes=SLANTED)
    network = Frozen(model.discriminator)
    fakes = tf.random.stateless_uniform((6, 8, 8, 1), (1, 2))
    _, plain = network(fakes)
    _, changed = network(SLANTED.apply(fakes, model.stream_seed("class_changes")))
    read = model.read_classes(fakes, plain, network)
    np.testing.assert_array_equal(read[:, :2], plain[:, :2])  # two uniform codes
    np.testing.assert_array_equal(read[:, 2:], changed[:, 2:])  # a class of three
    assert np.abs(changed - plain).max() > 1e-4
    assert CODES.is_categorical_output.tolist() == [False, False, True, True, True]


def test_changes_that_change_nothing_train_as_none_do():
    plain, unchanged, other = build(), build(class_changes=WHOLE), build(class_changes=SLANTED)
    for model in (plain, unchanged, other):
        train(model, IMAGES, 2)
    expected, same, different = values(plain), values(unchanged), values(other)
    kernels = [name for name in expected if name.endswith("kernel")]
    assert len(kernels) > 5
    for name in kernels:
        np.testing.assert_allclose(same[name], expected[name], atol=1e-4, err_msg=name)
    assert max(np.abs(different[name] - expected[name]).max() for name in kernels) > 1e-2


def test_batch_norm_keeps_the_passes_apart():
    plain = train(build(norm="batch"), IMAGES, 1)
    changed = train(build(norm="batch", class_changes=SLANTED), IMAGES, 1)
    assert changed["discriminator_loss"] == plain["discriminator_loss"]
    assert changed["info_loss"] != plain["info_loss"]


def test_what_is_refused_and_what_descriptions_say():
    with pytest.raises(ValueError, match="class_changes: Expected None: no code is categorical"):
        recipe(method=InfoGAN, codes=PAIR, class_changes=SLANTED)
    with pytest.raises(ValueError, match="class_changes"):
        recipe(method=InfoGAN, class_changes=0.4)
    with pytest.raises(ValueError, match="slant"):
        Augmentation(crop_area=None, slant=-1.0)
    with pytest.raises(ValueError, match="turn"):
        Augmentation(crop_area=None, turn=0.6)
    assert "class_changes" not in describe(recipe(method=InfoGAN))
    assert "slant" not in describe(WHOLE) and describe(SLANTED)["slant"] == 0.4
