"""CoDeGAN with few labels: L_c by hand, who sees labelled images, exact resumption."""

import numpy as np
import pytest
import tensorflow as tf

from models import draws
from tests.models.gans.test_codegan import IMAGES, RESIDUAL, SHAPE, recipe
from tests.models.training_steps import values

RNG = np.random.default_rng(4)
REAL = RNG.integers(0, 256, (9, *SHAPE), np.uint8)
LABELS = np.arange(9) % 3


def build(**changes):
    model = recipe(num_labelled=9, labelled_batch=4, **changes).build(SHAPE, 255, 3)
    model.load_labelled(REAL, LABELS)
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def test_labelled_images_join_the_generated_ones_with_their_labels(model):
    latents = model.draw_latents(6, "generator")
    fakes = model.generator(latents, training=False)
    images, classes = model.join_labelled(fakes, latents, "generator")
    np.testing.assert_array_equal(images[:6], fakes)
    np.testing.assert_array_equal(classes[:6], np.argmax(latents[:, :3], axis=1))
    distances = [np.abs(REAL / 255.0 - np.asarray(one)).max((1, 2, 3)) for one in images[6:]]
    known = [np.flatnonzero(distance < 1e-6) for distance in distances]
    places = np.concatenate(known)
    assert len(set(places.tolist())) == 4  # drawn without replacement
    np.testing.assert_array_equal(classes[6:], LABELS[places])
    np.testing.assert_allclose(images[6:], REAL[places] / 255.0, rtol=1e-6)


def test_the_loss_of_generated_and_labelled_images_by_hand(model):
    """Every view of both kinds is an anchor; the positives are of its class, real or not."""
    latents = model.draw_latents(6, "class_encoder")
    fakes = model.generator(latents, training=False)
    images, classes = model.join_labelled(fakes, latents, "class_encoder")
    features, noise = model.view_features(model.encode, images, "class_encoder")
    assert features.shape[0] == 20 and noise.shape[0] == 10
    features = np.asarray(features)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    labels = np.tile(classes, 2)
    losses = []
    for anchor in range(20):
        others = [one for one in range(20) if one != anchor]
        similar = {one: float(unit[anchor] @ unit[one]) / 0.07 for one in others}
        total = np.log(sum(np.exp(value) for value in similar.values()))
        positives = [one for one in others if labels[one] == labels[anchor]]
        losses.append(np.mean([total - similar[one] for one in positives]))
    np.testing.assert_allclose(model.class_loss(features, classes), np.mean(losses), rtol=1e-4)
    # z was read off the labelled images as well, where nobody knows it: no part of L_z.
    expected = np.mean((noise[:6] - latents[:, 3:]) ** 2)
    np.testing.assert_allclose(model.noise_loss(noise, latents), expected, rtol=1e-5)


def test_labels_change_what_the_class_encoder_learns_and_not_the_discriminator():
    one, other = build(), recipe(num_labelled=9, labelled_batch=4).build(SHAPE, 255, 3)
    other.load_labelled(REAL, (LABELS + 1) % 3)
    for either in (one, other):
        either.update_discriminator(either.unit_range(IMAGES)[:6], 0)
        either.update_shared_encoder()
    first, second = values(one), values(other)
    differ = {name for name in first if not np.array_equal(first[name], second[name])}
    assert any(name.startswith("class_encoder/") for name in differ)
    assert not any(name.startswith("discriminator") for name in differ)


@pytest.mark.parametrize("networks", [{}, RESIDUAL], ids=["shared", "separate"])
def test_training_with_few_labels_goes_on_exactly(networks):
    whole, first, second = (build(**networks) for _ in range(3))
    for _ in range(2):
        whole.train_step(IMAGES)
    first.train_step(IMAGES)
    second.load_state(values(first))
    results = second.train_step(IMAGES)
    assert all(np.isfinite(float(value)) for value in results.values())
    for name, value in values(whole).items():
        np.testing.assert_array_equal(second.state[name], value, err_msg=name)


def test_distinct_integers_are_distinct_uniform_and_the_same_again():
    drawn = [draws.distinct_integers(6, 4, tf.constant([1, seed])).numpy() for seed in range(300)]
    assert all(len(set(one.tolist())) == 4 for one in drawn)
    counts = np.bincount(np.concatenate(drawn), minlength=6)
    assert counts.sum() == 1200 and (np.abs(counts - 200) < 50).all()
    np.testing.assert_array_equal(drawn[7], draws.distinct_integers(6, 4, tf.constant([1, 7])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_labelled": 3}, "labelled_batch: Expected both above 0"),
        ({"labelled_batch": 3}, "labelled_batch: Expected both above 0"),
        ({"num_labelled": 3, "labelled_batch": 4}, "labelled_batch: Expected at most"),
        ({"num_labelled": -3, "labelled_batch": 4}, "num_labelled: Expected"),
    ],
)
def test_bad_numbers_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        recipe(**changes)


def test_images_that_do_not_fit_and_missing_ones_are_refused():
    model = recipe(num_labelled=9, labelled_batch=4).build(SHAPE, 255, 3)
    with pytest.raises(ValueError, match="labels: Expected those of num_labelled images"):
        model.update_generator()
    with pytest.raises(ValueError, match="images: Expected num_labelled=9"):
        model.load_labelled(REAL[:8], LABELS[:8])
    with pytest.raises(ValueError, match="labels: Expected labels below the 3 classes"):
        model.load_labelled(REAL, LABELS + 1)
