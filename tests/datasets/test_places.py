"""What images are does not depend on where they are or how their path is written."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.dsprites import DSprites
from pipeline.datasets.identities import IdentitySplit
from pipeline.datasets.images import ImageArrays, ImageFolder
from pipeline.datasets.labelled_images import IdxImages, LabelledImages
from pipeline.datasets.squares import Squares
from pipeline.experiment import load_experiment

LEVELS = {"anna": (10, 20), "bert": (30, 40), "carl": (50, 60)}


@pytest.fixture
def faces(tmp_path):
    """A folder of three classes of two images."""
    for name, levels in LEVELS.items():
        for number, level in enumerate(levels):
            path = tmp_path / "faces" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4), level, np.uint8)).save(path)
    return tmp_path / "faces"


def models(dataset, cache, settings=()):
    """Return the ids of the models of an experiment on a data set, given as Gin text."""
    files = ["gin/quickstart.gin", "gin/parts/budgets/smoke.gin"]
    experiment = load_experiment(files, [f"experiment.dataset = {dataset}", *settings])
    data = experiment.dataset.open(cache)
    return [spec.model_id for spec in experiment.model_specs(data.fingerprint)]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/v1.2", "v1.2"),
        ("/data/v1.2/", "v1.2"),
        ("/data/v1.2/.", "v1.2"),
        ("/data/images.d/..", "data"),
        ("/data/.hidden", ".hidden"),
        ("/", "root folder"),
        ("//", "root folder"),
    ],
)
def test_names_of_folders(path, name):
    assert ImageFolder(path).name == name
    assert LabelledImages("", path).name == name
    assert IdxImages(path).name == name


def test_names_of_relative_paths_and_of_files(tmp_path, monkeypatch):
    (tmp_path / "v1.2" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "v1.2")
    monkeypatch.setenv("HOME", str(tmp_path / "v1.2"))
    assert {ImageFolder(path).name for path in (".", "./", "../v1.2", "~", "~/", "inner/..")} == {
        "v1.2"
    }
    assert ImageFolder("..").name == tmp_path.name
    assert ImageArrays("/data/v1.2.npz").name == "v1.2"
    assert ImageArrays("/data/v1.2.NPZ").name == "v1.2"
    assert ImageArrays("/data/.npz").name == ".npz"
    assert LabelledImages("", "/data/v1.2.npz").name == "v1.2"
    with pytest.raises(ValueError, match="path: Expected .*Received: path=''"):
        ImageFolder("")


def test_a_path_means_the_same_in_every_process(tmp_path, monkeypatch, faces):
    monkeypatch.chdir(tmp_path)
    recipe = ImageFolder("faces")
    monkeypatch.chdir("/")
    assert recipe.open(tmp_path / "cache").num_images == 6
    monkeypatch.chdir(tmp_path)
    assert Path(DSprites(source="own.npz").source) == tmp_path / "own.npz"


def test_models_do_not_depend_on_the_spelling_of_a_path(tmp_path, monkeypatch, faces):
    cache = tmp_path / "cache"

    def of(path):
        return models("@image_folder()", cache, [f"image_folder.path = {str(path)!r}"])

    first = of(faces)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(faces)
    for other in (f"{faces}/", f"{faces}/anna/..", f"{tmp_path}/./faces", "~/faces", "link"):
        path = tmp_path / other if other == "link" else other
        assert of(path) == first, other
    shutil.copytree(faces, tmp_path / "copied")
    assert of(tmp_path / "copied") == first
    faces.rename(tmp_path / "moved")
    assert of(tmp_path / "moved") == first
    (tmp_path / "moved" / "carl").rename(tmp_path / "moved" / "dora")
    assert of(tmp_path / "moved") != first  # another label


def test_models_do_not_depend_on_the_way_that_images_are_read(tmp_path, faces):
    cache = tmp_path / "cache"
    first = models("@image_folder()", cache, [f"image_folder.path = '{faces}'"])
    labelled = [f"labelled_images.folder = '{faces}'", "labelled_images.dataset = ''"]
    assert models("@labelled_images()", cache, labelled) == first
    split = ["identity_split.source = @image_folder()", "identity_split.unseen = ('anna',)"]
    folder = [f"image_folder.path = '{faces}'"]
    of_split = models("@identity_split()", cache, [*split, *folder])
    assert of_split != first
    shutil.copytree(faces, tmp_path / "copied")
    folder = [f"image_folder.path = '{tmp_path}/copied/'"]
    assert models("@identity_split()", cache, [*split, *folder]) == of_split
    split[1] = "identity_split.unseen = ('bert',)"
    assert models("@identity_split()", cache, [*split, *folder]) != of_split


def test_an_archive_that_moved_is_the_same(tmp_path):
    images = np.random.default_rng(0).integers(256, size=(6, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(6) % 2)
    first = ImageArrays(str(tmp_path / "a.npz")).open(tmp_path / "cache").fingerprint
    shutil.copy(tmp_path / "a.npz", tmp_path / "b.npz")
    assert ImageArrays(str(tmp_path / "b.npz")).open(tmp_path / "cache").fingerprint == first
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(6) % 2 + 1)
    assert ImageArrays(str(tmp_path / "a.npz")).open(tmp_path / "cache").fingerprint != first


def replace(path, pixels):
    """Put other pixels into a file, which keeps its size and the time of its modification."""
    before = path.stat()
    Image.fromarray(pixels).save(path)
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_replaced_file_of_equal_size_and_time_is_read(tmp_path):
    path = tmp_path / "mine" / "a.bmp"
    path.parent.mkdir()
    Image.fromarray(np.full((4, 4), 10, np.uint8)).save(path)
    recipe = ImageFolder(str(path.parent))
    assert recipe.open(tmp_path / "cache").train_images(np.array([0])).max() == 10
    replace(path, np.full((4, 4), 20, np.uint8))
    assert recipe.open(tmp_path / "cache").train_images(np.array([0])).max() == 20


@pytest.mark.parametrize("kind", ["folder", "npz", "split"])
def test_force_reads_all_files_again(tmp_path, monkeypatch, kind):
    folder = tmp_path / "mine"
    for name in ("x", "y"):
        (folder / name).mkdir(parents=True)
        Image.fromarray(np.full((4, 4), 10, np.uint8)).save(folder / name / "a.bmp")
    pixels = np.full((2, 4, 4), 10, np.uint8)
    np.savez(tmp_path / "a.npz", images=pixels)
    recipe = {
        "folder": ImageFolder(str(folder)),
        "npz": ImageArrays(str(tmp_path / "a.npz")),
        "split": IdentitySplit(ImageFolder(str(folder))),
    }[kind]
    # As on a file system that does not tell when a file changed.
    identity = {"same": True}
    for one in (ImageFolder, ImageArrays):
        monkeypatch.setattr(one, "cache_identity", lambda self: identity)
    before = recipe.open(tmp_path / "cache")
    old = before.train_images(np.arange(2))
    replace(folder / "x" / "a.bmp", np.full((4, 4), 20, np.uint8))
    pixels[0] = 20
    np.savez(tmp_path / "a.npz", images=pixels)
    recipe.prepare(tmp_path / "cache")
    assert recipe.open(tmp_path / "cache").fingerprint == before.fingerprint
    recipe.prepare(tmp_path / "cache", force=True)
    after = recipe.open(tmp_path / "cache")
    assert after.fingerprint != before.fingerprint
    assert sorted(after.train_images(np.arange(2)).max((1, 2, 3))) == [10, 20]
    np.testing.assert_array_equal(before.train_images(np.arange(2)), old)  # as it was opened


def test_force_keeps_the_images_if_the_files_cannot_be_read(tmp_path, monkeypatch, faces):
    monkeypatch.setattr(ImageFolder, "cache_identity", lambda self: {"same": True})
    recipe = ImageFolder(str(faces))
    before = recipe.open(tmp_path / "cache").fingerprint
    (faces / "anna" / "0.png").write_text("hello")
    with pytest.raises(ValueError, match="anna/0.png"):
        recipe.prepare(tmp_path / "cache", force=True)
    assert recipe.open(tmp_path / "cache").fingerprint == before


def test_force_renders_nothing_again(tmp_path):
    recipe = Squares(image_size=8, positions=2)
    recipe.prepare(tmp_path)
    (file,) = tmp_path.glob("*/images.npy")
    before = file.stat()
    recipe.prepare(tmp_path, force=True)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
