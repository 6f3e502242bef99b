"""Identities: their names, the split into seen and unseen, what is held out."""

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.identities import IdentityDataset, IdentitySplit
from pipeline.datasets.images import ImageArrays, ImageFolder
from pipeline.datasets.squares import Squares
from pipeline.datasets.table import TableDataset
from pipeline.datasets.teapots import Teapots

SQUARES = Squares(image_size=8, positions=4, sizes=(2.0,), num_colours=5)


def split(cache, source=SQUARES, **changes):
    options = {"factors": ("colour",), "unseen": (1,), "held_out": 0.25} | changes
    return IdentitySplit(source, **options).open(cache)


def test_parts_do_not_overlap_and_make_up_everything(cache):
    dataset = split(cache)
    assert dataset.identity_names == tuple(f"colour={n}" for n in range(5))
    assert dataset.seen == (0, 2, 3, 4) and dataset.unseen == (1,)
    assert [dataset.size_of(part) for part in ("train", "seen", "unseen")] == [48, 16, 16]
    assert dataset.num_images == 48
    found = [dataset.part(part, 1000, seed=0) for part in ("train", "seen", "unseen")]
    everything = np.concatenate([images for images, _ in found]).reshape(80, -1)
    assert len(np.unique(everything, axis=0)) == 80
    assert [sorted(set(identities)) for _, identities in found] == [[0, 2, 3, 4]] * 2 + [[1]]


def test_labels_fit_the_training_images(cache):
    dataset = split(cache)
    labels = dataset.train_labels()
    assert sorted(set(labels)) == [0, 1, 2, 3] and dataset.seen_names[1] == "colour=2"
    colours = dataset.factors_of(dataset.train_keys())[:, dataset.factor_names.index("colour")]
    np.testing.assert_array_equal(np.array(dataset.seen)[labels], colours)
    images = dataset.train_images(np.arange(48))
    np.testing.assert_array_equal(images, dataset.images_of(dataset.train_keys()))


def test_draws_of_a_part_are_functions_of_the_seed(cache):
    dataset = split(cache)
    few, many = dataset.part("seen", 5, seed=3), dataset.part("seen", 12, seed=3)
    np.testing.assert_array_equal(few[0], many[0][:5])
    np.testing.assert_array_equal(few[1], many[1][:5])
    assert not np.array_equal(few[0], dataset.part("seen", 5, seed=4)[0])


def test_a_share_of_the_identities_is_drawn_with_the_seed(cache):
    chosen = [split(cache, unseen=0.4, seed=seed).unseen for seed in (0, 0, 1, 2)]
    assert chosen[0] == chosen[1] and len(chosen[0]) == 2 and len(set(chosen)) > 1
    prints = [split(cache, seed=seed).fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_test_images_are_held_out_where_the_source_has_them(cache, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 8, 8, 1), np.uint8)
    labels = np.arange(20)[:, None] % 4
    source = TableDataset("t", 255, "f", images, labels, ("label",), num_train=12)
    recipe = IdentitySplit(SQUARES, factors=("label",), unseen=(3,))
    dataset = IdentityDataset(source, recipe)
    assert [dataset.size_of(part) for part in ("train", "seen", "unseen")] == [9, 6, 5]
    shown, identities = dataset.part("seen", 100, seed=0)
    for image, identity in zip(shown, identities, strict=True):
        (row,) = np.flatnonzero((images == image).all(axis=(1, 2, 3)))
        assert row >= 12 and labels[row, 0] == identity != 3


def test_a_subset_of_a_grid_and_continuous_factors_in_bins(cache):
    few = Squares(image_size=8, positions=4, sizes=(2.0,), num_colours=5, num_images=40)
    dataset = split(cache, few, unseen=())
    np.testing.assert_array_equal(
        dataset.train_images(np.arange(dataset.num_images)),
        dataset.images_of(dataset.train_keys()),
    )
    teapots = split(cache, Teapots(num_images=60), factors=("red", "blue"), num_bins=2, unseen=(3,))
    assert teapots.identity_names[3] == "red=1, blue=1"
    keys = teapots.train_keys()
    assert not ((keys[:, 2] > 0.5) & (keys[:, 4] > 0.5)).any()


def test_a_folder_of_identities(cache, tmp_path):
    for person in range(4):
        (tmp_path / "faces" / f"person{person}").mkdir(parents=True)
        for number in range(3):
            picture = np.full((10, 12, 3), 60 * person + number, np.uint8)
            Image.fromarray(picture).save(tmp_path / "faces" / f"person{person}" / f"{number}.png")
    folder = ImageFolder(str(tmp_path / "faces"), resize=8)
    dataset = split(cache, folder, factors=("label",), unseen=0.25, held_out=0.0)
    assert dataset.image_shape == (8, 8, 3) and len(dataset.seen) == 3
    assert dataset.num_images == 9 and dataset.size_of("unseen") == 3


def labelled(tmp_path, values):
    """Four images of each label."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.array(values), 4)
    images = rng.integers(0, 256, (len(labels), 8, 8, 1), np.uint8)
    np.savez(tmp_path / "own.npz", images=images, labels=labels)
    return ImageArrays(str(tmp_path / "own.npz"))


@pytest.mark.parametrize(
    ("values", "unseen", "names"),
    [
        ([1, 2, 3, 4, 5], (1,), ["1"]),
        ([1, 2, 3, 4, 5], ("5", 2.0), ["2", "5"]),
        ([10, 2, -1], (-1,), ["-1"]),
        ([0.5, 1.5, 2.5], (1.5,), ["1.5"]),
        (["0", "5", "10", "15"], ("10",), ["10"]),
        (["0", "5", "10", "15"], (5, 15), ["5", "15"]),
        (["anna", "bert", "carl"], ("carl",), ["carl"]),
        (["anna", "bert", "carl"], ("label=anna",), ["anna"]),
        (["1", "01", "2"], ("1",), ["1"]),
        (["1", "01", "2"], (1,), ["1"]),
        ([b"x", b"y", b"z"], ("y",), ["y"]),
        ([3, 4, 5], ((4,),), ["4"]),
    ],
)
def test_identities_are_addressed_and_read_by_their_own_names(
    cache, tmp_path, values, unseen, names
):
    source = labelled(tmp_path, values)
    dataset = split(cache, source, factors=("label",), unseen=unseen)
    left_out = [dataset.identity_names[number] for number in dataset.unseen]
    assert left_out == [f"label={name}" for name in names]
    assert set(dataset.seen_names) | set(left_out) == set(dataset.identity_names)
    # The very images of these labels.
    stored = np.load(tmp_path / "own.npz")
    images, _ = dataset.part("unseen", 100, seed=0)
    texts = [
        one.decode() if isinstance(one, bytes) else str(one) for one in stored["labels"].tolist()
    ]
    expected = stored["images"][np.isin(texts, names)]
    assert {one.tobytes() for one in images} == {one.tobytes() for one in expected}


def test_identities_of_several_factors_are_addressed_by_their_values(cache):
    for unseen in ((2, 3),), ("x=2, colour=3",), (("2", 3.0),), (13,):
        dataset = split(cache, factors=("x", "colour"), unseen=unseen)
        assert [dataset.identity_names[number] for number in dataset.unseen] == ["x=2, colour=3"]


@pytest.mark.parametrize(
    ("values", "unseen", "message"),
    [
        ([1, 2, 3], (0,), "label in own: 1, 2, 3. Received: identity_split.unseen=0"),
        (["anna", "bert", "c"], ("Anna",), "label in own: 'anna', 'bert', 'c'. .*'Anna'"),
        (["anna", "bert", "c"], (1,), "label in own: 'anna', 'bert', 'c'"),
        (["01", "001", "2"], (1,), "label in own"),
        (["anna", "bert", "c"], "anna", "a tuple such as .'anna',."),
        ([1, 2, 3], 1, "a share between 0.0 and 0.9, or a tuple of identities such as .1,."),
        ([1, 2, 3], None, "a tuple such as"),
        (["anna", "bert", "c"], (None,), "labels, or tuples of the values of label"),
        (["anna", "bert", "c"], (("a", "b"),), "labels, or tuples of the values of label"),
    ],
)
def test_what_is_no_identity_is_refused_with_those_there_are(
    cache, tmp_path, values, unseen, message
):
    with pytest.raises(ValueError, match=message):
        split(cache, labelled(tmp_path, values), factors=("label",), unseen=unseen)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"factors": ("shape",)}, "factors of Squares: x, y, colour"),
        ({"unseen": (9,)}, "values of colour in Squares: 0, 1, 2, 3, 4"),
        ({"unseen": (0, 1, 2, 3)}, "two seen identities of 5"),
        ({"unseen": 1.5}, "between 0.0 and 0.9"),
        ({"held_out": -0.1}, "held_out=-0.1"),
        ({"factors": ()}, "names of factors"),
    ],
)
def test_bad_splits_are_refused(cache, changes, expected):
    with pytest.raises(ValueError, match=expected):
        split(cache, **changes)


def test_images_without_labels_have_no_identities(cache, tmp_path):
    np.savez(tmp_path / "own.npz", images=np.zeros((4, 8, 8), np.uint8) + 9)
    with pytest.raises(ValueError, match="does not have|it has none"):
        split(cache, ImageArrays(str(tmp_path / "own.npz")), factors=("label",))
