"""The user's own images."""

import logging
from types import SimpleNamespace as Space

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets import images, tensorflow_datasets
from pipeline.datasets.images import ImageArrays, ImageFolder

IMAGES = np.random.default_rng(0).integers(256, size=(12, 5, 4, 3), dtype=np.uint8)


def _npz(folder, **arrays):
    np.savez_compressed(folder / "own.npz", **arrays)
    return ImageArrays(str(folder / "own.npz"))


def _save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def test_arrays_without_factors(tmp_path):
    data = _npz(tmp_path, images=IMAGES).open(tmp_path / "cache")
    assert (data.name, data.max_value, data.factor_names) == ("own", 255, ())
    np.testing.assert_array_equal(data.train_images(np.arange(12)), IMAGES)
    keys = data.sample_keys(np.random.default_rng(0), 50)
    np.testing.assert_array_equal(data.images_of(keys), IMAGES[keys])


@pytest.mark.parametrize(
    ("images", "max_value", "expected"),
    [
        (IMAGES[..., 0], 255, IMAGES[..., :1]),
        (IMAGES[..., :1] > 99, 1, (IMAGES[..., :1] > 99).astype(np.uint8)),
        ((IMAGES > 99).astype(np.uint8), 1, (IMAGES > 99).astype(np.uint8)),
        ((IMAGES / 255).astype(np.float32), 255, IMAGES),
        ((IMAGES > 99).astype(np.float64), 255, 255 * (IMAGES > 99).astype(np.uint8)),
    ],
)
def test_kinds_of_images(tmp_path, images, max_value, expected):
    data = _npz(tmp_path, images=images).open(tmp_path / "cache")
    assert data.max_value == max_value
    np.testing.assert_array_equal(data.train_images(np.arange(12)), expected)


def test_factors_with_names_and_gaps(tmp_path, caplog):
    factors = np.array([[5, 0, 7], [9, 0, 7], [9, 3, 7], [5, 3, 7]] * 3, float)
    recipe = _npz(tmp_path, images=IMAGES, factors=factors, factor_names=["a", "b", "c"])
    with caplog.at_level(logging.WARNING):
        data = recipe.open(tmp_path / "cache")
    assert "'c' has the same value everywhere" in caplog.text
    assert data.factor_names == ("a", "b")
    assert data.factor_sizes == (2, 2)
    np.testing.assert_array_equal(data.factors_of(np.arange(4)), [[0, 0], [1, 0], [1, 1], [0, 1]])


def test_labels_alone_are_one_factor(tmp_path):
    labels = np.array(["cat", "dog", "ant"] * 4)
    data = _npz(tmp_path, images=IMAGES, labels=labels).open(tmp_path / "cache")
    assert data.factor_names == ("label",)
    np.testing.assert_array_equal(data.factors_of(np.arange(3)), [[1], [2], [0]])


def test_a_subset_keeps_images_and_factors_together(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "ROWS_PER_READ", 2)
    _npz(tmp_path, images=IMAGES, labels=np.arange(12))
    data = ImageArrays(str(tmp_path / "own.npz"), num_images=5).open(tmp_path / "cache")
    kept = [
        int((image == IMAGES).all((1, 2, 3)).argmax()) for image in data.images_of(np.arange(5))
    ]
    assert kept == sorted(set(kept))
    assert data.factor_sizes == (5,)
    with pytest.raises(ValueError, match="num_images"):
        ImageArrays(str(tmp_path / "own.npz"), num_images=13).open(tmp_path / "cache")


def test_a_changed_file_is_read_again(tmp_path):
    first = _npz(tmp_path, images=IMAGES).open(tmp_path / "cache").fingerprint
    second = _npz(tmp_path, images=IMAGES[::-1, :, :, :2].copy().repeat(2, 3)[..., :3])
    assert second.open(tmp_path / "cache").fingerprint != first


NOT_FINITE = (IMAGES / 255).astype(np.float32)
NOT_FINITE[3, 2, 1, 0] = np.nan


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": IMAGES}, "no images.*Received: pictures"),
        ({"images": IMAGES[0, 0]}, "unusable shape"),
        ({"images": np.moveaxis(IMAGES, -1, 1)}, "unusable shape"),
        ({"images": IMAGES[:0]}, "unusable shape"),
        ({"images": IMAGES.astype(np.int64)}, "unusable type.*int64"),
        ({"images": IMAGES.astype(object)}, "Python objects"),
        ({"images": IMAGES.astype(np.float32)}, "out of range"),
        ({"images": IMAGES / 127.5 - 1}, "out of range.*Expected floating point in"),
        ({"images": NOT_FINITE}, "out of range"),
        ({"images": IMAGES * 0}, "all black"),
        ({"images": IMAGES, "factors": np.zeros((11, 2), int)}, "do not fit"),
        ({"images": IMAGES, "factors": np.zeros((12, 2, 2), int)}, "do not fit"),
        ({"images": IMAGES, "factors": (IMAGES[:, 0, :2, 0] / 7)}, "not discrete.*bins"),
        (
            {"images": IMAGES, "factors": np.zeros((12, 2), int), "factor_names": ["a"]},
            "do not fit",
        ),
        ({"images": IMAGES, "labels": np.zeros((12, 2), int)}, "do not fit"),
        ({"images": IMAGES, "labels": np.array(3)}, "single value"),
        ({"images": IMAGES, "labels": np.array([None] * 12)}, "Python objects"),
        ({"images": np.asfortranarray(IMAGES)}, "Fortran"),
    ],
)
def test_bad_arrays_are_refused(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message) as error:
        _npz(tmp_path, **arrays).open(tmp_path / "cache")
    assert "own.npz" in str(error.value)


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.npz"):
        ImageArrays(str(tmp_path / "nothing.npz")).open(tmp_path / "cache")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match="text.npz is not a readable"):
        ImageArrays(str(tmp_path / "text.npz")).open(tmp_path / "cache")
    _npz(tmp_path, images=IMAGES)
    data = bytearray((tmp_path / "own.npz").read_bytes())
    data[300] ^= 255
    (tmp_path / "own.npz").write_bytes(data)
    with pytest.raises(ValueError, match="own.npz"):
        ImageArrays(str(tmp_path / "own.npz")).open(tmp_path / "cache")
    for path in ("", None, 3):
        with pytest.raises(ValueError, match="path: Expected"):
            ImageArrays(path)


def test_a_folder_of_images(tmp_path):
    for number, image in enumerate(IMAGES):
        _save(tmp_path / "mine" / f"{number:02}.png", image)
    (tmp_path / "mine" / "notes.txt").write_text("not an image")
    (tmp_path / "mine" / ".hidden.png").write_text("not an image")
    recipe = ImageFolder(str(tmp_path / "mine"))
    data = recipe.open(tmp_path / "cache")
    assert (data.name, data.factor_names, data.max_value) == ("mine", (), 255)
    np.testing.assert_array_equal(data.train_images(np.arange(12)), IMAGES)
    _save(tmp_path / "mine" / "99.png", IMAGES[0])
    assert recipe.open(tmp_path / "cache").num_images == 13


def test_class_folders_and_grey_images(tmp_path):
    for number, image in enumerate(IMAGES):
        _save(tmp_path / "mine" / "xyz"[number % 3] / "deeper" / f"{number}.png", image[..., 0])
    data = ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")
    assert data.factor_names == ("label",)
    assert data.factor_sizes == (3,)
    assert data.image_shape == (5, 4, 1)
    assert np.bincount(data.factors_of(np.arange(12))[:, 0]).tolist() == [4, 4, 4]
    some = ImageFolder(str(tmp_path / "mine"), num_images=5).open(tmp_path / "cache")
    assert some.num_images == 5


def test_colour_is_dropped_where_grey_is_asked_for(tmp_path):
    _save(tmp_path / "own" / "a.png", IMAGES[0])
    data = ImageFolder(str(tmp_path / "own"), grey=True).open(tmp_path / "cache")
    expected = np.asarray(Image.fromarray(IMAGES[0]).convert("L"))
    np.testing.assert_array_equal(data.train_images(np.arange(1))[0, ..., 0], expected)
    with pytest.raises(ValueError, match="grey"):
        ImageFolder(str(tmp_path), grey="yes")


def test_transparency_is_laid_over_white(tmp_path):
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (10, 20, 30, 255)
    _save(tmp_path / "mine" / "a.png", pixels)
    image = ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache").train_images([0])[0]
    assert image[0, 0].tolist() == [10, 20, 30]
    assert image[1, 1].tolist() == [255, 255, 255]


def test_mixed_sizes_need_a_size(tmp_path):
    _save(tmp_path / "mine" / "a.png", IMAGES[0])
    _save(tmp_path / "mine" / "b.png", np.full((6, 10, 3), 77, np.uint8))
    with pytest.raises(ValueError, match=r"a.png of 5 x 4 and .*b.png of 6 x 10.*") as error:
        ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")
    assert "resize=" in str(error.value)
    data = ImageFolder(str(tmp_path / "mine"), resize=8).open(tmp_path / "cache")
    assert data.image_shape == (8, 8, 3)
    assert np.all(data.train_images(np.array([1])) == 77)
    cropped = ImageFolder(str(tmp_path / "mine"), crop=3).open(tmp_path / "cache")
    np.testing.assert_array_equal(cropped.train_images(np.array([0]))[0], IMAGES[0, 1:4, :3])
    with pytest.raises(ValueError, match="a.png .smaller than crop=5"):
        ImageFolder(str(tmp_path / "mine"), crop=5).open(tmp_path / "cache")


def test_unreadable_files_are_named(tmp_path):
    for number in range(3):
        _save(tmp_path / "mine" / f"{number}.png", IMAGES[number])
    (tmp_path / "mine" / "text.png").write_text("hello")
    with pytest.raises(ValueError, match="1 image files cannot be used.*text.png"):
        ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")
    (tmp_path / "mine" / "text.png").unlink()
    file = tmp_path / "mine" / "1.png"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ValueError, match="cannot be used.*1.png"):
        ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")
    _save(file, np.zeros((5, 4), np.uint16))
    with pytest.raises(ValueError, match="1.png .pixels of kind"):
        ImageFolder(str(tmp_path / "mine")).open(tmp_path / "cache")


def test_unusable_folders_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        ImageFolder(str(tmp_path / "nowhere")).estimate(tmp_path / "cache")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no images"):
        ImageFolder(str(tmp_path / "empty")).estimate(tmp_path / "cache")
    _save(tmp_path / "mixed" / "a.png", IMAGES[0])
    _save(tmp_path / "mixed" / "class" / "b.png", IMAGES[0])
    with pytest.raises(ValueError, match="directly and in sub-folders"):
        ImageFolder(str(tmp_path / "mixed")).open(tmp_path / "cache")


class FakeLibrary:
    """Stands for the library: two examples a label, as its builders give them."""

    class core:  # noqa: N801 (the library's name)
        class DatasetNotFoundError(ValueError):
            pass

    def __init__(self, file_format="tfrecord", fails=False):
        self.file_format, self.fails = file_format, fails
        self.arguments = None

    def disable_progress_bar(self):
        pass

    def builder(self, name, data_dir):
        if name == "unknown":
            raise self.core.DatasetNotFoundError(name)
        self.arguments = (name, data_dir)
        return self

    def download_and_prepare(self):
        if self.fails:
            raise ConnectionError("no route")

    @property
    def info(self):
        return Space(
            file_format=Space(value=self.file_format), splits={"train": Space(num_examples=12)}
        )

    def ReadConfig(self, **options):  # noqa: N802 (the library's name)
        return options

    def as_dataset(self, split, shuffle_files, read_config):
        assert self.file_format != "array_record"
        assert not shuffle_files
        return self.as_data_source(split)

    def as_data_source(self, split):
        return [
            {"image": image, "label": np.int64(number % 3), "more": {"odd": np.bool_(number % 2)}}
            for number, image in enumerate(IMAGES)
        ]

    def as_numpy(self, dataset):
        return iter(dataset)


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_tensorflow_datasets_are_converted_once(tmp_path, monkeypatch, file_format):
    library = FakeLibrary(file_format)
    monkeypatch.setattr(tensorflow_datasets, "_library", lambda: library)
    recipe = tensorflow_datasets.TensorFlowDataset("mine", factors=("label", "more/odd"))
    data = recipe.open(tmp_path)
    assert library.arguments == ("mine", str(tmp_path / "tensorflow_datasets"))
    assert data.factor_names == ("label", "odd")
    assert data.factor_sizes == (3, 2)
    np.testing.assert_array_equal(data.train_images(np.arange(12)), IMAGES)
    np.testing.assert_array_equal(data.factors_of(np.arange(3)), [[0, 0], [1, 1], [2, 0]])
    monkeypatch.setattr(tensorflow_datasets, "_library", None)
    assert recipe.open(tmp_path).fingerprint == data.fingerprint


def test_tensorflow_datasets_are_cut_and_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorflow_datasets, "_library", FakeLibrary)
    recipe = tensorflow_datasets.TensorFlowDataset("mine", crop=2, num_images=5)
    data = recipe.open(tmp_path)
    assert data.image_shape == (2, 2, 3)
    assert data.factor_names == ()
    kept = data.train_images(np.arange(5))
    cut = IMAGES[:, 1:3, 1:3]
    rows = [int((cut == image).all((1, 2, 3)).argmax()) for image in kept]
    assert rows == sorted(set(rows))
    resized = tensorflow_datasets.TensorFlowDataset("mine", resize=3).open(tmp_path)
    assert resized.image_shape == (3, 3, 3)


def test_tensorflow_datasets_failures_say_what_to_do(tmp_path, monkeypatch):
    recipe = tensorflow_datasets.TensorFlowDataset
    monkeypatch.setattr(tensorflow_datasets, "_library", lambda: FakeLibrary(fails=True))
    with pytest.raises(OSError, match=r"no route.*\(1\).*\(2\).*\(3\).*\(4\)"):
        recipe("mine").open(tmp_path)
    monkeypatch.setattr(tensorflow_datasets, "_library", FakeLibrary)
    with pytest.raises(ValueError, match="no such data set.*unknown"):
        recipe("unknown").open(tmp_path)
    with pytest.raises(ValueError, match="no feature 'colour'.*image, label, more"):
        recipe("mine", factors=("colour",)).open(tmp_path)
    with pytest.raises(ValueError, match="single integers"):
        recipe("mine", factors=("image",)).open(tmp_path)
    with pytest.raises(ValueError, match="num_images"):
        recipe("mine", num_images=13).open(tmp_path)
    with pytest.raises(ValueError, match="source='tfds'"):
        recipe("dsprites")
    with pytest.raises(ValueError, match="factors: Expected"):
        recipe("mine", factors="label")
