"""CelebA: a small folder in the form as published."""

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.grid_files.celeba import ATTRIBUTES, IMAGES, CelebA
from pipeline.experiment import load_experiment

NAMES = ("5_o_Clock_Shadow", "Bangs", "Blond_Hair", "Eyeglasses", "Male", "Smiling")


def write_celeba(folder, num_images=12):
    """Writes JPEG files of 218 x 178 pixels and the list; returns the marks ``[n, 6]``, -1 or 1."""
    rng = np.random.default_rng(0)
    marks = rng.choice([-1, 1], size=(num_images, len(NAMES)))
    marks[0], marks[1] = -1, 1
    (folder / IMAGES).mkdir()
    lines = [str(num_images), " ".join(NAMES) + " "]
    for row in range(num_images):
        name = f"{row + 1:06}.jpg"
        pixels = np.full((218, 178, 3), 20 * row, np.uint8)
        Image.fromarray(pixels).save(folder / IMAGES / name, quality=95)
        lines.append(name + " " + " ".join(f"{mark:2}" for mark in marks[row]))
    (folder / ATTRIBUTES).write_text("\n".join(lines) + "\n")
    return marks


def test_attributes_are_factors(tmp_path):
    marks = write_celeba(tmp_path)
    recipe = CelebA(str(tmp_path), attributes=("Male", "Bangs"))
    data = recipe.open(tmp_path / "cache")
    assert (data.image_shape, data.factor_sizes) == ((218, 178, 3), (2, 2))
    keys = data.train_keys()
    np.testing.assert_array_equal(data.factors_of(keys), (marks[:, [4, 1]] + 1) // 2)
    shades = data.images_of(keys).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(shades, 20 * np.arange(12), atol=1)
    subset = CelebA(str(tmp_path), num_images=5).open(tmp_path / "cache")
    assert (subset.num_images, subset.factor_names) == (5, ())
    assert len(list((tmp_path / "cache").glob("*/manifest.json"))) == 1


def test_the_gin_part_cuts_and_resizes(tmp_path):
    write_celeba(tmp_path)
    files = ["gin/dsprites.gin", "gin/parts/data/grids/celeba.gin"]
    settings = [f"DATA_DIR = {str(tmp_path)!r}", "NUM_IMAGES = None"]
    data = load_experiment(files, settings).dataset.open(tmp_path / "cache")
    assert data.image_shape == (64, 64, 3)
    assert data.factor_names == ("Male", "Smiling", "Eyeglasses", "Blond_Hair", "Bangs")
    assert load_experiment(files).dataset.download.dataset == "celeb_a"


def test_wrong_files_are_named(tmp_path):
    write_celeba(tmp_path)
    with pytest.raises(ValueError, match="attributes: Expected some of 5_o_Clock_Shadow"):
        CelebA(str(tmp_path), attributes=("Tall",)).open(tmp_path / "cache")
    listed = (tmp_path / ATTRIBUTES).read_text()
    (tmp_path / ATTRIBUTES).write_text("".join(listed.splitlines(keepends=True)[:-2]))
    with pytest.raises(ValueError, match="cut off. Expected 12 images.*Received: 10"):
        CelebA(str(tmp_path)).open(tmp_path / "cache")
    (tmp_path / ATTRIBUTES).write_text(listed.replace("000003.jpg -1", "000003.jpg 0").replace(
        "000003.jpg  1", "000003.jpg 0"))  # fmt: skip
    with pytest.raises(ValueError, match="line 5, is damaged"):
        CelebA(str(tmp_path)).open(tmp_path / "cache")
    (tmp_path / ATTRIBUTES).write_text("image,male\n1,2\n3,4\n")
    with pytest.raises(ValueError, match="not CelebA's list of attributes"):
        CelebA(str(tmp_path)).open(tmp_path / "cache")
    (tmp_path / ATTRIBUTES).write_text(listed)
    (tmp_path / IMAGES / "000004.jpg").unlink()
    with pytest.raises(ValueError, match="1 missing, 000004.jpg first"):
        CelebA(str(tmp_path)).open(tmp_path / "cache")
