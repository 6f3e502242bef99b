"""Contrastive and adversarial losses, and augmentation: constants by hand, slow double loops."""

import numpy as np
import pytest
import tensorflow as tf

from models.layers.augmentation import Augmentation
from models.losses.adversarial import GAMES, gradient_penalty
from models.losses.contrastive import nt_xent_loss, supervised_contrastive_loss

RNG = np.random.default_rng(0)


def slow_contrastive(first, second, labels, temperature):
    """The definition, one anchor and one positive after the other."""
    features = np.concatenate([first, second]).astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = np.concatenate([labels, labels])
    total = 0.0
    for anchor in range(len(features)):
        weights = [
            np.exp(features[anchor] @ features[other] / temperature)
            for other in range(len(features))
            if other != anchor
        ]
        terms = [
            -np.log(np.exp(features[anchor] @ features[other] / temperature) / sum(weights))
            for other in range(len(features))
            if other != anchor and labels[other] == labels[anchor]
        ]
        total += np.mean(terms)
    return total / len(features)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_supervised_contrastive_loss_is_its_definition(temperature):
    first, second = RNG.normal(size=(2, 9, 5)).astype(np.float32)
    labels = np.array([0, 1, 2, 0, 1, 1, 1, 3, 0])
    loss = supervised_contrastive_loss(first, second, labels, temperature)
    expected = slow_contrastive(first, second, labels, temperature)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    alone = np.arange(9)
    np.testing.assert_allclose(
        nt_xent_loss(first, second, temperature),
        slow_contrastive(first, second, alone, temperature),
        rtol=1e-5,
    )


def test_contrastive_losses_by_hand():
    # Two images on two axes, both views equal: one positive of similarity 1, two others of 0.
    axes = np.eye(2, dtype=np.float32)
    expected = np.log(np.e**2 + 2) - 2
    np.testing.assert_allclose(nt_xent_loss(3 * axes, axes, 0.5), expected, rtol=1e-6)
    # One class: every other feature is a positive, similarities 1, 0, 0 among three.
    expected = np.log(np.e**2 + 2) - 2 / 3
    loss = supervised_contrastive_loss(axes, axes, np.zeros(2, np.int32), 0.5)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    # Equal features tell nothing: a guess among 2 batch - 1.
    same = np.ones((8, 3), np.float32)
    np.testing.assert_allclose(nt_xent_loss(same, same, 0.07), np.log(15), rtol=1e-5)


def test_games_by_hand():
    real = tf.constant([[2.0], [0.5], [-1.0]])
    fake = tf.constant([[-2.0], [0.0], [3.0]])
    expected = {
        "wasserstein": (1 / 3 - 0.5, -1 / 3),
        "hinge": ((0.5 + 2) / 3 + (1 + 4) / 3, -1 / 3),
        "non_saturating": (
            np.mean(np.log1p(np.exp([-2, -0.5, 1]))) + np.mean(np.log1p(np.exp([-2, 0, 3]))),
            np.mean(np.log1p(np.exp([2, 0, -3]))),
        ),
    }
    assert set(GAMES) == set(expected)
    for name, (of_discriminator, of_generator) in GAMES.items():
        np.testing.assert_allclose(of_discriminator(real, fake), expected[name][0], rtol=1e-5)
        np.testing.assert_allclose(of_generator(fake), expected[name][1], rtol=1e-5)


def test_gradient_penalty_by_hand():
    # D(x) = w . x has the gradient w everywhere, here of length 5.
    weights = tf.constant([3.0, 4.0])
    real, fake = (RNG.random((6, 1, 2, 1)).astype(np.float32) for _ in range(2))

    def linear(images):
        return tf.tensordot(tf.reshape(images, (-1, 2)), weights, 1)[:, tf.newaxis]

    mix = RNG.random((6, 1, 1, 1)).astype(np.float32)
    np.testing.assert_allclose(gradient_penalty(linear, real, fake, mix), 16.0, rtol=1e-5)


def test_gradient_penalty_differentiates_through_the_discriminator():
    """The penalty's gradient with respect to D's weights, against central differences."""
    weights = tf.Variable(RNG.normal(size=(12, 5)) / 3)
    second = tf.Variable(RNG.normal(size=(5, 1)))
    real, fake = (tf.constant(RNG.random((4, 2, 2, 3))) for _ in range(2))
    mix = tf.constant(RNG.random((4, 1, 1, 1)))

    def discriminate(images):
        return tf.nn.softplus(tf.reshape(images, (-1, 12)) @ weights) @ second

    @tf.function
    def with_gradient():
        with tf.GradientTape() as tape:
            penalty = gradient_penalty(discriminate, real, fake, mix)
        return penalty, tape.gradient(penalty, weights)

    penalty = tf.function(lambda: gradient_penalty(discriminate, real, fake, mix))
    value, gradient = with_gradient()
    np.testing.assert_allclose(value, penalty(), rtol=1e-12)
    assert np.abs(gradient).max() > 1e-2
    for place in [(0, 0), (3, 4), (11, 2)]:
        step = np.zeros((12, 5))
        step[place] = 1e-5
        weights.assign_add(step)
        above = penalty().numpy()
        weights.assign_sub(2 * step)
        below = penalty().numpy()
        weights.assign_add(step)
        np.testing.assert_allclose((above - below) / 2e-5, gradient[place], rtol=1e-5)


SEED = tf.constant([3, 4])
IMAGES = RNG.random((16, 9, 8, 3)).astype(np.float32)


def test_a_whole_crop_changes_nothing_and_a_ramp_stays_a_ramp():
    whole = Augmentation(crop_area=(1.0, 1.0), crop_aspect=(1.0, 1.0))
    np.testing.assert_allclose(whole.apply(IMAGES, SEED), IMAGES, atol=1e-6)
    ramp = np.broadcast_to(np.linspace(0, 1, 12, dtype=np.float32), (64, 10, 12))[..., None]
    crops = Augmentation(crop_area=(0.3, 0.6)).apply(ramp, SEED).numpy()
    np.testing.assert_allclose(crops, crops[:, :1] + np.zeros_like(crops), atol=1e-6)
    steps = np.diff(crops[:, 0, 1:-1, 0], axis=1)
    np.testing.assert_allclose(steps, steps[:, :1] + np.zeros_like(steps), atol=1e-4)
    width = steps[:, 0] * 11  # as a share of the whole
    assert np.sqrt(0.3 * 0.75) < width.min() < 0.6 < width.max() < np.sqrt(0.6 * 4 / 3)
    assert crops.min() >= 0 and crops.max() <= 1


def test_every_image_has_its_own_draw_and_flips_are_half():
    images = np.tile(IMAGES[:1], (400, 1, 1, 1))
    flipped = Augmentation(crop_area=None, flip=True).apply(images, SEED).numpy()
    is_flipped = (flipped == images[:, :, ::-1]).all((1, 2, 3))
    assert (is_flipped | (flipped == images).all((1, 2, 3))).all()
    assert 150 < is_flipped.sum() < 250
    crops = Augmentation(crop_area=(0.5, 0.9)).apply(images[:20], SEED).numpy()
    assert len({crop.tobytes() for crop in crops}) == 20


def test_colours_change_and_grey_images_stay_grey():
    jitter = Augmentation(
        crop_area=None,
        colour_jitter=(0.3, 0.3, 0.3, 0.1),
        colour_probability=1.0,
        grey_probability=1.0,
    )
    changed = jitter.apply(IMAGES, SEED).numpy()
    np.testing.assert_allclose(changed, changed[..., :1] + 0 * changed, atol=1e-6)
    assert (np.abs(changed.mean((1, 2, 3)) - IMAGES.mean((1, 2, 3))) > 1e-4).all()
    assert jitter.apply(IMAGES[..., :1], SEED).shape == (16, 9, 8, 1)
    hue = Augmentation(crop_area=None, colour_jitter=(0, 0, 0, 0.5), colour_probability=1.0)
    grey = np.repeat(IMAGES[..., :1], 3, axis=-1)
    np.testing.assert_allclose(hue.apply(grey, SEED), grey, atol=2e-3)
    assert np.abs(hue.apply(IMAGES, SEED) - IMAGES).max() > 0.1


def test_gradients_flow_through_an_augmentation():
    images = tf.constant(IMAGES)
    augmentation = Augmentation(crop_area=(0.6, 1.0), flip=True)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(augmentation.apply(images, SEED))
    gradient = tape.gradient(total, images)
    # Each pixel of the result is a mean of pixels: the weights sum to their number.
    np.testing.assert_allclose(tf.reduce_sum(gradient, (1, 2, 3)), [216.0] * 16, rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"crop_area": 0.5},
        {"crop_area": (0.5, 1.5)},
        {"crop_area": (0.9, 0.5)},
        {"crop_area": (0.0, 0.5)},
        {"crop_area": None, "crop_aspect": (0.0, 1.0)},
        {"crop_area": None, "flip": 1},
        {"crop_area": None, "colour_jitter": (0.3, 0.3)},
        {"crop_area": None, "grey_probability": 1.1},
    ],
)
def test_bad_augmentations_are_refused(options):
    with pytest.raises(ValueError, match="Expected .* Received"):
        Augmentation(**options)
