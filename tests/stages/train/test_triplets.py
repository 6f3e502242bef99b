"""Triplets: same identity, different image, other identity; drawn anew and resumed exactly."""

import numpy as np
import pytest

from pipeline.stages.train.batches import BatchOrder, batch_order
from pipeline.stages.train.triplets import TripletOrder

IDENTITIES = np.array([2, 0, 1, 0, 2, 2, 0, 1, 2, 0, 1, 2])  # of 5, 4 and 3 images


def epoch(order, number=0, batches=3):
    return np.concatenate([order.indices(number * batches + place) for place in range(batches)])


def test_each_triplet_is_two_images_of_one_identity_and_one_of_another():
    order = TripletOrder(IDENTITIES, 4, seed=0)
    for number in range(20):
        first, second, third = epoch(order, number).T
        assert (IDENTITIES[first] == IDENTITIES[second]).all() and (first != second).all()
        assert (IDENTITIES[third] != IDENTITIES[first]).all()
        assert sorted(first) == sorted(second) == list(range(12))  # each once an epoch


def test_epochs_are_drawn_anew_and_every_partner_occurs():
    order = TripletOrder(IDENTITIES, 4, seed=0)
    drawn = [epoch(order, number) for number in range(200)]
    assert not np.array_equal(drawn[0], drawn[1])
    pairs = {tuple(row) for triplets in drawn for row in triplets[:, :2]}
    assert len(pairs) == 5 * 4 + 4 * 3 + 3 * 2
    thirds = np.concatenate([triplets[triplets[:, 0] == 2, 2] for triplets in drawn])
    counts = np.bincount(thirds, minlength=12)
    assert (counts[IDENTITIES == 1] == 0).all() and (counts[IDENTITIES != 1] > 8).all()


def test_an_iteration_is_a_function_of_seed_and_number():
    straight = list(TripletOrder(IDENTITIES, 5, seed=3).from_iteration(0, 9))
    resumed = list(TripletOrder(IDENTITIES, 5, seed=3).from_iteration(4, 9))
    np.testing.assert_array_equal(straight[4:], resumed)
    other = next(TripletOrder(IDENTITIES, 5, seed=4).from_iteration(0, 1))
    assert not np.array_equal(straight[0], other)


@pytest.mark.parametrize(
    ("identities", "batch_size", "expected"),
    [
        ([0, 0, 0], 1, "1 identities of 3"),
        ([0, 0, 1, 1, 2, 3, 3], 2, "Received: bob"),
        ([0, 0, 1, 1], 5, "batch_size=5"),
    ],
)
def test_what_cannot_be_paired_is_refused(identities, batch_size, expected):
    names = ["ann", "eve", "bob", "joe"]
    with pytest.raises(ValueError, match=expected):
        TripletOrder(np.array(identities), batch_size, 0, names=names)


class Pictures:
    """Images that hold their own number."""

    seen_names = None

    num_images = 12

    def train_images(self, indices):
        return np.asarray(indices, np.uint8).reshape(-1, 1, 1, 1)

    def train_labels(self):
        return IDENTITIES


class Recipe:
    """What the batches ask a method."""

    needs_triplets = True
    needs_identities = False


def test_a_batch_holds_the_triplets_images_and_labels_only_where_they_are_asked_for():
    recipe, dataset = Recipe(), Pictures()
    order = batch_order(recipe, dataset, 4, 0)
    indices = order.indices(0)
    images = order.batch(dataset, indices)
    assert images.shape == (4, 3, 1, 1, 1) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[..., 0, 0, 0], indices)
    recipe.needs_identities = True
    order = batch_order(recipe, dataset, 4, 0)
    images, identities = order.batch(dataset, order.indices(0))
    np.testing.assert_array_equal(images[..., 0, 0, 0], indices)
    np.testing.assert_array_equal(identities, IDENTITIES[indices])


def test_other_methods_get_plain_batches():
    recipe = Recipe()
    recipe.needs_triplets = False
    order = batch_order(recipe, Pictures(), 4, 0)
    assert isinstance(order, BatchOrder)
    assert order.batch(Pictures(), order.indices(0)).shape == (4, 1, 1, 1)
