"""IDX files, and well-known labelled images from wherever they are."""

import gzip
import struct
from types import SimpleNamespace as Space

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets import idx_files, labelled_images, tensorflow_datasets
from pipeline.datasets.images import ImageArrays, ImageFolder
from pipeline.datasets.labelled_images import IdxImages, LabelledImages
from pipeline.datasets.squares import Squares
from pipeline.datasets.tensorflow_datasets import TensorFlowDataset

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(256, size=(12, 4, 5), dtype=np.uint8)
LABELS = (np.arange(12) % 3).astype(np.uint8)
NO_NUMBERS = np.where(LABELS == 0, np.nan, LABELS).astype("f4")
NAMES = ("images-idx3-ubyte", "labels-idx1-ubyte")


def idx(array, kind=0x08):
    """The bytes of an IDX file."""
    array = np.asarray(array)
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(folder, part, images, labels=None, compressed=False):
    """One part of a data set, raw or compressed."""
    folder.mkdir(exist_ok=True)
    for name, array in zip(NAMES, (images, labels), strict=True):
        if array is not None:
            data = gzip.compress(idx(array)) if compressed else idx(array)
            (folder / f"{part}-{name}{'.gz' if compressed else ''}").write_bytes(data)
    return folder


@pytest.fixture
def mnist(tmp_path):
    write(tmp_path / "mnist", "train", IMAGES, LABELS)
    return write(tmp_path / "mnist", "t10k", 255 - IMAGES[:6], LABELS[:6], compressed=True)


@pytest.mark.parametrize(
    ("kind", "dtype"), [(0x08, "u1"), (0x09, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4")]
)
def test_every_type_of_numbers_is_read(tmp_path, kind, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    (tmp_path / "a").write_bytes(idx(array, kind))
    np.testing.assert_array_equal(idx_files.read(tmp_path / "a"), array)
    assert idx_files.read(tmp_path / "a").dtype == array.dtype
    assert idx_files.read_shape(tmp_path / "a") == (2, 3, 4)


def test_a_header_by_hand(tmp_path):
    (tmp_path / "a").write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]))
    np.testing.assert_array_equal(idx_files.read(tmp_path / "a"), [[7, 8, 9]])


def test_training_and_test_parts(mnist, tmp_path):
    data = IdxImages(str(mnist)).open(tmp_path / "cache")
    assert (data.name, data.image_shape, data.num_images) == ("mnist", (4, 5, 1), 12)
    assert (data.factor_names, data.factor_sizes) == (("label",), (3,))
    np.testing.assert_array_equal(data.train_images(np.arange(12))[..., 0], IMAGES)
    np.testing.assert_array_equal(data.train_labels(), LABELS)
    keys = data.test_keys()
    np.testing.assert_array_equal(data.images_of(keys)[..., 0], 255 - IMAGES[:6])
    np.testing.assert_array_equal(data.factors_of(keys)[:, 0], LABELS[:6])
    rng = np.random.default_rng(0)
    assert data.sample_keys(rng, 500).max() == 11
    assert data.sample_group_keys(rng, np.zeros(50, int), 4).max() < 12
    test = IdxImages(str(mnist), part="test").open(tmp_path / "cache")
    assert test.num_images == 6 and not len(test.test_keys())
    whole = IdxImages(str(mnist), part="all").open(tmp_path / "cache")
    np.testing.assert_array_equal(whole.train_labels(), np.append(LABELS, LABELS[:6]))
    assert len({data.fingerprint, test.fingerprint, whole.fingerprint}) == 3


def test_a_subset_keeps_labels_and_all_test_images(mnist, tmp_path):
    data = IdxImages(str(mnist), num_images=7).open(tmp_path / "cache")
    images = data.train_images(np.arange(7))[..., 0]
    rows = [int((image == IMAGES).all((1, 2)).argmax()) for image in images]
    assert rows == sorted(set(rows))
    np.testing.assert_array_equal(data.train_labels(), LABELS[rows])
    np.testing.assert_array_equal(data.test_keys(), np.arange(7, 13))
    with pytest.raises(ValueError, match="num_images"):
        IdxImages(str(mnist), num_images=13).open(tmp_path / "cache")


def test_colour_other_spelling_and_missing_parts(tmp_path):
    colour = RNG.integers(256, size=(5, 4, 4, 3), dtype=np.uint8)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "train-images.idx3-ubyte").write_bytes(idx(colour))
    data = IdxImages(str(tmp_path / "own")).open(tmp_path / "cache")
    np.testing.assert_array_equal(data.train_images(np.arange(5)), colour)
    assert data.factor_names == () and not len(data.test_keys())
    with pytest.raises(ValueError, match="no labels. Expected labelled images"):
        data.train_labels()


WHOLE = idx(IMAGES)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-images-idx3-ubyte", b"", "not an IDX file.*an empty file"),
        ("train-images-idx3-ubyte", b"\x89PNG\r\n", "not an IDX file.*Received: 89 50 4e 47"),
        ("train-images-idx3-ubyte", b"\0\0\x07\x03" + WHOLE[4:], "not an IDX file"),
        ("train-images-idx3-ubyte", b"\0\0\x08\0" + WHOLE[4:], "not an IDX file"),
        ("train-images-idx3-ubyte", WHOLE[:11], "ends inside its header"),
        ("train-images-idx3-ubyte", WHOLE[:-1], "Expected 240 bytes.*Received: 239"),
        ("train-images-idx3-ubyte", WHOLE + b"\0", "Expected 240 bytes.*Received: more"),
        ("train-images-idx3-ubyte", idx(IMAGES[0]), "holds no images.*shape=.4, 5."),
        ("train-images-idx3-ubyte", idx(IMAGES.astype("i4"), 0x0C), "holds no images.*int32"),
        ("train-images-idx3-ubyte", idx(IMAGES[:0]), "holds no image"),
        ("train-images-idx3-ubyte", idx(IMAGES[:-1]), "Expected 11 labels"),
        ("train-images-idx3-ubyte", idx(IMAGES[:, :3]), "do not fit each other.*images of one"),
        ("train-images-idx3-ubyte.gz", WHOLE, "not compressed with gzip.*rename it"),
        ("train-images-idx3-ubyte.gz", gzip.compress(WHOLE)[:-30], "damaged or incomplete"),
        ("train-images-idx3-ubyte.gz", b"\x1f\x8b\x08rubbish" * 9, "damaged or incomplete"),
        ("train-images-idx3-ubyte.gz", gzip.compress(WHOLE[:-1]), "Received: 239"),
        ("train-labels-idx1-ubyte", idx(LABELS[:-1]), "Expected 12 labels.*shape=.11,"),
        ("train-labels-idx1-ubyte", idx(NO_NUMBERS, 0x0D), "4 of the.*missing"),
    ],
)
def test_damaged_and_wrong_files_are_named(mnist, tmp_path, name, content, message):
    (mnist / name.removesuffix(".gz")).unlink()
    (mnist / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        LabelledImages("mnist", str(mnist)).open(tmp_path / "cache")
    assert str(mnist) in str(error.value)


def test_a_compressed_header_that_cannot_be_read_is_a_clear_error(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(WHOLE)[:12])
    with pytest.raises(ValueError, match="damaged or incomplete"):
        idx_files.read_shape(tmp_path / "a.gz")


def test_labels_of_one_part_only_are_refused(mnist, tmp_path):
    (mnist / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ValueError, match="both with labels or both without"):
        IdxImages(str(mnist)).open(tmp_path / "cache")


def test_a_missing_file_is_said_with_what_is_there(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte.*Received: readme.txt"):
        IdxImages(str(tmp_path)).estimate(tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        IdxImages(str(tmp_path / "nowhere")).open(tmp_path / "cache")


def test_the_source_is_what_the_folder_holds(mnist, tmp_path, monkeypatch):
    assert LabelledImages("mnist", str(mnist)).source() == IdxImages(str(mnist))
    np.savez(tmp_path / "one.npz", images=IMAGES, labels=LABELS)
    recipe = LabelledImages("coil20", str(tmp_path))
    assert isinstance(recipe.source(), ImageArrays)
    np.testing.assert_array_equal(recipe.open(tmp_path / "cache").train_labels(), LABELS)
    for part in ("train", "test"):
        for number, image in enumerate(IMAGES[:6]):
            path = tmp_path / "folders" / part / f"kind{number % 3}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    recipe = LabelledImages("", str(tmp_path / "folders"), num_images=4)
    data = recipe.open(tmp_path / "cache")
    assert (data.name, data.num_images, len(data.test_keys())) == ("folders", 4, 6)
    np.testing.assert_array_equal(data.factors_of(data.test_keys())[:, 0], [0, 0, 1, 1, 2, 2])
    recipe = LabelledImages("", str(tmp_path / "folders" / "train"))
    assert isinstance(recipe.source(), ImageFolder)
    np.testing.assert_array_equal(
        recipe.open(tmp_path / "cache").train_labels(), [0, 0, 1, 1, 2, 2]
    )
    assert recipe.image_names()[0].startswith("kind0/") and len(recipe.image_names()) == 6
    # Images whose kinds nobody has sorted.
    (tmp_path / "loose").mkdir()
    for number in range(3):
        Image.fromarray(IMAGES[number]).save(tmp_path / "loose" / f"{number}.png")
    recipe = LabelledImages("", str(tmp_path / "loose"))
    data = recipe.open(tmp_path / "cache")
    assert (data.name, data.num_images, data.factor_names) == ("loose", 3, ())
    assert recipe.image_names() == ["0.png", "1.png", "2.png"]
    assert LabelledImages("mnist", str(mnist)).image_names() is None
    # Without a folder: the operating system's copy, or else the library.
    monkeypatch.setitem(labelled_images.INSTALLED, "mnist", str(mnist))
    assert LabelledImages("mnist").source() == IdxImages(str(mnist))
    monkeypatch.setitem(labelled_images.INSTALLED, "mnist", str(tmp_path / "nowhere"))
    assert isinstance(LabelledImages("mnist").source(), TensorFlowDataset)


@pytest.mark.parametrize(
    ("train", "test"), [("train", "t10k"), ("train", "test"), ("TRAIN", "T10K"), ("Train", "Test")]
)
def test_the_held_out_part_is_found_in_any_spelling(tmp_path, train, test):
    for part, count in ((train, 12), (test, 6)):
        write(tmp_path / "idx", part, IMAGES[:count], LABELS[:count])
    data = LabelledImages("", str(tmp_path / "idx")).open(tmp_path / "cache")
    assert (data.name, data.num_images, len(data.test_keys())) == ("idx", 12, 6)


def test_idx_labels_keep_their_values(tmp_path):
    write(tmp_path / "idx", "train", IMAGES, LABELS * 5 + 3)
    data = IdxImages(str(tmp_path / "idx")).open(tmp_path / "cache")
    assert data.factor_values == ((3, 8, 13),)
    np.testing.assert_array_equal(data.train_labels(), LABELS)


def test_an_archive_among_images(tmp_path, caplog):
    folder = tmp_path / "mine"
    folder.mkdir()
    Image.fromarray(IMAGES[0]).save(folder / "a.png")
    np.savez(folder / "features.npz", features=LABELS)
    recipe = LabelledImages("", str(folder))
    assert isinstance(recipe.source(), ImageFolder)
    np.savez(folder / "features.npz", images=IMAGES)
    assert isinstance(recipe.source(), ImageArrays)
    recipe.open(tmp_path / "cache")
    assert "features.npz: took it and not the images" in caplog.text
    assert isinstance(LabelledImages("", str(folder / "features.npz")).source(), ImageArrays)


def test_without_any_source_the_three_ways_are_said(tmp_path, monkeypatch):
    def refuse():
        raise ImportError("no library")

    monkeypatch.setattr(tensorflow_datasets, "_library", refuse)
    monkeypatch.setitem(labelled_images.INSTALLED, "fashion_mnist", str(tmp_path / "nowhere"))
    ways = r"\(1\) DATA_DIR.*\(2\) the Debian package dataset-fashion-mnist; \(3\).*no library"
    with pytest.raises(OSError, match=ways):
        LabelledImages("fashion_mnist").open(tmp_path)
    with pytest.raises(FileNotFoundError, match="Expected IDX files.*a sub-folder"):
        LabelledImages("mnist", str(tmp_path / "nowhere")).estimate(tmp_path)
    with pytest.raises(ValueError, match="folder: Expected"):
        LabelledImages("")


def test_the_library_gives_training_and_test_splits(tmp_path, monkeypatch):
    parts = {"train": (IMAGES, LABELS), "test": (255 - IMAGES[:4], LABELS[:4])}

    class Library:
        info = Space(
            file_format=Space(value="array_record"),
            splits={name: Space(num_examples=len(part[1])) for name, part in parts.items()},
        )

        def disable_progress_bar(self):
            pass

        def builder(self, name, data_dir):
            return self

        def download_and_prepare(self):
            pass

        def as_data_source(self, split):
            pairs = zip(*parts[split], strict=True)
            return [{"image": image[..., None], "label": label} for image, label in pairs]

        core = Space(DatasetNotFoundError=KeyError)

    Library.info.features = {"label": Space(names=["shirt", "bag", "boot"])}
    monkeypatch.setattr(tensorflow_datasets, "_library", Library)
    data = LabelledImages("mnist", num_images=8).open(tmp_path)
    images = data.train_images(np.arange(8))[..., 0]
    rows = [int((image == IMAGES).all((1, 2)).argmax()) for image in images]
    np.testing.assert_array_equal(data.train_labels(), LABELS[rows])
    assert data.factor_values == (("shirt", "bag", "boot"),)
    np.testing.assert_array_equal(data.images_of(data.test_keys())[..., 0], 255 - IMAGES[:4])
    np.testing.assert_array_equal(data.factors_of(data.test_keys())[:, 0], LABELS[:4])


def test_other_data_sets_hold_nothing_out(tmp_path):
    data = Squares(num_images=5).open(tmp_path)
    assert len(data.test_keys()) == 0
    with pytest.raises(ValueError, match="no labels"):
        data.train_labels()
