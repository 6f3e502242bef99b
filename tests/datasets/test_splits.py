"""Folders that are parts of a data set are not taken for classes."""

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.image_files import splits
from pipeline.datasets.images import ImageFolder
from pipeline.datasets.labelled_images import LabelledImages


def make(root, *folders, count=2):
    """Write `count` different images to each folder; the level tells the folder and the image."""
    for number, folder in enumerate(folders):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for image in range(count):
            pixels = np.full((4, 4), 10 * number + image + 1, np.uint8)
            Image.fromarray(pixels).save(root / folder / f"{image}.png")


@pytest.mark.parametrize(
    ("folder", "part"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("TRAIN_SET", "train"),
        ("train2017", "train"),
        ("training-images", "train"),
        ("val", "held out"),
        ("valid", "held out"),
        ("Validation", "held out"),
        ("dev", "held out"),
        ("Test", "held out"),
        ("testing", "held out"),
        ("test set", "held out"),
        ("eval", "held out"),
        ("held_out", "held out"),
        ("cat", None),
        ("trainer", None),
        ("latest", None),
        ("images", None),
        ("train1", None),
    ],
)
def test_the_usual_names_of_parts(folder, part):
    assert splits.part_of(folder) == part


@pytest.mark.parametrize("recipe", [ImageFolder, lambda path: LabelledImages("", path)])
@pytest.mark.parametrize(
    "names",
    [
        ("train", "val"),
        ("Train", "Test"),
        ("training", "testing"),
        ("TRAIN", "dev", "eval"),
        ("train", "test", "val"),
        ("train2017", "val2017"),
    ],
)
@pytest.mark.parametrize("has_classes", [True, False])
def test_parts_are_held_out_and_not_classes(tmp_path, caplog, recipe, names, has_classes):
    classes = ("cat", "dog") if has_classes else ("",)
    make(tmp_path / "mine", *(f"{name}/{one}" for name in names for one in classes))
    data = recipe(str(tmp_path / "mine")).open(tmp_path / "cache")
    each = 2 * len(classes)
    assert (data.num_images, len(data.test_keys())) == (each, each * (len(names) - 1))
    assert data.factor_values == ((("cat", "dog"),) if has_classes else ())
    assert f"{names[0]} to train on ({each} files)" in caplog.text
    assert f"held out ({each * (len(names) - 1)} files)" in caplog.text
    shown = data.train_images(np.arange(each))
    assert shown.max() < 10 * len(classes)  # those of the first part
    image_names = recipe(str(tmp_path / "mine")).image_names()
    assert {name.split("/")[0] for name in image_names[:each]} == {names[0]}


def test_parts_inside_of_each_class(tmp_path):
    make(tmp_path / "mine", "cat/train", "cat/test", "dog/train", "dog/test")
    data = ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")
    assert (data.num_images, len(data.test_keys())) == (4, 4)
    assert data.factor_values == (("cat", "dog"),)
    assert data.train_labels().tolist() == [0, 0, 1, 1]


def test_parts_below_a_lone_folder(tmp_path):
    make(tmp_path / "mine", "pets/train/cat", "pets/train/dog", "pets/val/cat", "pets/val/dog")
    data = ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")
    assert (data.num_images, len(data.test_keys())) == (4, 4)
    assert data.factor_values == (("cat", "dog"),)


def test_a_lone_training_part_is_no_class(tmp_path):
    make(tmp_path / "mine", "train/cat", "train/dog")
    data = ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")
    assert (data.num_images, len(data.test_keys())) == (4, 0)
    assert data.factor_values == (("cat", "dog"),)


def test_a_class_may_be_called_like_a_part(tmp_path, caplog):
    make(tmp_path / "mine", "bus", "car", "train")
    data = ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")
    assert data.factor_values == (("bus", "car", "train"),)
    assert "took train for a class" in caplog.text


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("train", "test", "extra"), "train beside extra|test, train beside extra"),
        (("val", "test"), "no part to train on.*'train'"),
        (("train/cat", "train/dog", "test"), "4 images in class folders, 2 not"),
    ],
)
def test_what_may_be_either_is_refused(tmp_path, folders, message):
    make(tmp_path / "mine", *folders)
    with pytest.raises(ValueError, match=message) as error:
        ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")
    assert str(tmp_path / "mine") in str(error.value)


def test_a_test_path_is_held_out_whatever_its_folders_are_called(tmp_path):
    make(tmp_path / "mine", "a/cat", "a/dog", "b/val/cat", "b/test/cat")
    recipe = ImageFolder(str(tmp_path / "mine" / "a"), test_path=str(tmp_path / "mine" / "b"))
    data = recipe.open(tmp_path / "cache")
    assert (data.num_images, len(data.test_keys())) == (4, 4)
    assert data.factor_values == (("cat", "dog"),)


def test_nothing_is_both_trained_on_and_held_out(tmp_path):
    make(tmp_path / "mine", "train", "test")
    whole, test = str(tmp_path / "mine"), str(tmp_path / "mine" / "test")
    data = ImageFolder(whole, test_path=test).open(tmp_path / "cache")
    assert (data.num_images, len(data.test_keys())) == (2, 2)
    with pytest.raises(ValueError, match="to be held out, and trained on as"):
        ImageFolder(test, test_path=test).open(tmp_path / "cache")
    (tmp_path / "other").mkdir()
    for name in ("train", "val"):
        (tmp_path / "other" / name).symlink_to(tmp_path / "mine" / "train")
    with pytest.raises(ValueError, match="share no file"):
        ImageFolder(str(tmp_path / "other")).open(tmp_path / "cache")


def test_both_folders_have_classes_or_neither(tmp_path):
    make(tmp_path / "mine", "a/cat", "a/dog", "b")
    with pytest.raises(ValueError, match="class folders in .*a, none in .*b"):
        ImageFolder(str(tmp_path / "mine" / "a"), test_path=str(tmp_path / "mine" / "b")).open(
            tmp_path / "cache"
        )
