"""The few labelled images: as many of each class, drawn by the seed, or refused."""

import types

import numpy as np
import pytest

from pipeline.stages.train.labelled import labelled_indices, labelled_part

LABELS = np.array([2, 0, 1, 0, 2, 2, 0, 1, 2, 0, 1, 2])  # 4, 3 and 5 images


def test_as_many_of_each_class_none_twice():
    chosen = labelled_indices(LABELS, 9, 0)
    assert len(set(chosen.tolist())) == 9
    np.testing.assert_array_equal(np.bincount(LABELS[chosen]), [3, 3, 3])
    assert (np.diff(LABELS[chosen]) < 0).any()  # not sorted by class


def test_the_choice_is_a_function_of_the_seed_and_reaches_every_image():
    np.testing.assert_array_equal(labelled_indices(LABELS, 6, 5), labelled_indices(LABELS, 6, 5))
    drawn = [tuple(labelled_indices(LABELS, 6, seed)) for seed in range(60)]
    assert len(set(drawn)) > 50
    assert {one for choice in drawn for one in choice} == set(range(12))


@pytest.mark.parametrize(
    ("count", "message"), [(7, "a multiple of the 3 classes"), (12, "at most 3 of each class")]
)
def test_what_cannot_be_shared_out_is_refused(count, message):
    with pytest.raises(ValueError, match=f"num_labelled: Expected {message}"):
        labelled_indices(LABELS, count, 0)


class Pictures:
    """Images that hold their own number."""

    name = "pictures"

    def train_labels(self):
        return LABELS

    def train_images(self, indices):
        return np.asarray(indices, np.uint8).reshape(-1, 1, 1, 1)


def test_images_come_with_their_own_labels_and_classes_must_fit():
    method = types.SimpleNamespace(num_labelled=6, codes=types.SimpleNamespace(num_classes=3))
    images, labels = labelled_part(method, Pictures(), 1)
    assert images.shape == (6, 1, 1, 1)
    np.testing.assert_array_equal(LABELS[images.ravel()], labels)
    method.codes.num_classes = 2
    with pytest.raises(ValueError, match="num_classes: Expected 3 at least, the classes of pic"):
        labelled_part(method, Pictures(), 1)
