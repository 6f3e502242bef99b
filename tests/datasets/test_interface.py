"""What holds for every data set."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from pipeline.datasets.cdsprites import CdSprites
from pipeline.datasets.dsprites import DSprites
from pipeline.datasets.grid_files.recipe import GridFile
from pipeline.datasets.images import ImageArrays
from pipeline.datasets.squares import Squares
from pipeline.datasets.teapots import Teapots


def _own_arrays(folder, **arrays):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(60, 8, 6, 3), dtype=np.uint8)
    np.savez(folder / "own.npz", images=images, **arrays)
    return ImageArrays(str(folder / "own.npz"))


def _incomplete(folder):
    # Values 0, 10, 20 of which some combinations and one pair of equal values are missing.
    factors = np.stack([np.arange(60) % 3 * 10, np.arange(60) // 3 % 7], axis=1)
    return _own_arrays(folder, factors=factors)


def _grid_file(folder, **fields):
    images = np.random.default_rng(0).integers(256, size=(60, 8, 6, 3), dtype=np.uint8)
    np.save(folder / "grid.npy", images)
    names = ("hue", "size", "turn")
    return GridFile(str(folder / "grid.npy"), factor_names=names, factor_sizes=(3, 4, 5), **fields)


RECIPES = {
    "squares": lambda folder: Squares(num_images=50),
    "squares_whole": lambda folder: Squares(positions=3),
    "dsprites": lambda folder: DSprites(num_images=50),
    "cdsprites": lambda folder: CdSprites(num_images=50),
    "teapots": lambda folder: Teapots(num_images=20),
    "teapots_rotation": lambda folder: Teapots(num_images=10, variant="rotation"),
    "teapots_light": lambda folder: Teapots(num_images=10, variant="rotation_and_light"),
    "grid_file": _grid_file,
    "own_factors": _incomplete,
    "own_labels": lambda folder: _own_arrays(folder, labels=np.array(list("abc") * 20)),
    "own_images": _own_arrays,
}


@pytest.fixture(params=list(RECIPES))
def recipe(request, tmp_path):
    return RECIPES[request.param](tmp_path)


def test_a_recipe_is_plain_data(recipe):
    assert json.loads(json.dumps(dataclasses.asdict(recipe)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.num_images = 3
    assert isinstance(recipe.name, str)


def test_every_data_set_keeps_the_interface(recipe, tmp_path):
    estimate = recipe.estimate(tmp_path / "cache")
    assert not estimate.is_cached
    assert estimate.bytes_on_disk > 0 <= estimate.seconds
    assert not (tmp_path / "cache").exists()
    calls = []
    recipe.prepare(tmp_path / "cache", lambda done, total, **info: calls.append((done, total)))
    data = recipe.open(tmp_path / "cache")
    assert calls[0] == (0, data.num_images)
    assert calls[-1] == (data.num_images, data.num_images)
    bytes_on_disk, seconds, is_cached = recipe.estimate(tmp_path / "cache")
    assert is_cached
    assert seconds == 0
    assert estimate.bytes_on_disk <= bytes_on_disk <= estimate.bytes_on_disk + 5000

    assert data.test_keys().shape == (0,)
    if "label" in data.factor_names:
        assert data.train_labels().shape == (data.num_images,)
    images = data.train_images(np.array([3, 0, 3]))
    assert images.dtype == np.uint8
    assert type(images) is np.ndarray
    assert images.shape == (3, *data.image_shape)
    np.testing.assert_array_equal(images[0], images[2])
    assert images.max() <= data.max_value
    assert data.max_value in (1, 255)
    assert data.name == recipe.name
    int(data.fingerprint, 16)
    assert recipe.open(tmp_path / "cache").fingerprint == data.fingerprint

    keys = data.sample_keys(np.random.default_rng(0), 30)
    again = data.sample_keys(np.random.default_rng(0), 30)
    np.testing.assert_array_equal(keys, again)
    assert len(keys) == 30
    images = data.images_of(keys)
    assert images.shape == (30, *data.image_shape)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[4:9], data.images_of(keys[4:9]))


def test_groups_share_exactly_their_factor(recipe, tmp_path):
    data = recipe.open(tmp_path / "cache")
    rng = np.random.default_rng(1)
    if not data.num_factors:
        for call in (
            lambda: data.sample_group_keys(rng, np.array([0]), 2),
            lambda: data.factors_of(np.array([0])),
            lambda: data.binned_factors_of(np.array([0])),
        ):
            with pytest.raises(ValueError, match="no known factors"):
                call()
        return
    assert len(data.factor_sizes) == data.num_factors
    fixed = np.arange(40) % data.num_factors
    keys = data.sample_group_keys(rng, fixed, 12)
    assert keys.shape[0] == 40 * 12
    factors = data.factors_of(keys).reshape(40, 12, -1)
    is_continuous = None in data.factor_sizes
    assert factors.dtype == (np.float64 if is_continuous else np.int64)
    for group, factor in zip(factors, fixed, strict=True):
        assert len(np.unique(group[:, factor])) == 1
        for other in set(range(data.num_factors)) - {factor}:
            assert len(np.unique(group[:, other])) > 1
    # The shared values differ between groups.
    assert len(np.unique(factors[fixed == 0, 0, 0])) > 1
    binned = data.binned_factors_of(keys)
    assert binned.dtype == np.int64
    sizes = np.array([20 if size is None else size for size in data.factor_sizes])
    assert np.all((binned >= 0) & (binned < sizes))
    for wrong in (np.array([data.num_factors]), np.array([-1]), np.array([0.5]), np.array([[0]])):
        with pytest.raises(ValueError, match="Expected .* Received"):
            data.sample_group_keys(rng, wrong, 2)
    with pytest.raises(ValueError, match="group_size"):
        data.sample_group_keys(rng, np.array([0]), 0)


def test_pairs_of_a_table_are_two_images_where_there_are_two(tmp_path):
    data = _incomplete(tmp_path).open(tmp_path / "cache")
    assert data.factor_names == ("factor_0", "factor_1")
    assert data.factor_sizes == (3, 7)
    pairs = data.sample_group_keys(np.random.default_rng(0), np.zeros(200, int), 2).reshape(-1, 2)
    assert np.all(pairs[:, 0] != pairs[:, 1])
    large = data.sample_group_keys(np.random.default_rng(0), np.zeros(3, int), 100)
    assert len(large) == 300  # More than there are rows: with replacement.


def test_grid_keys_are_uniform_over_all_combinations(tmp_path):
    data = Squares(positions=2, sizes=(2.0, 4.0), num_images=3).open(tmp_path)
    keys = data.sample_keys(np.random.default_rng(0), 4000)
    assert np.all(np.abs(np.bincount(keys, minlength=8) - 500) < 100)
    np.testing.assert_array_equal(data.keys_of(data.factors_of(keys)), keys)


def test_recipes_do_not_import_tensorflow():
    code = (
        "import sys; from pipeline.datasets import squares, dsprites, teapots, cdsprites, images; "
        "from pipeline.datasets import tensorflow_datasets; "
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'tensorflow_datasets')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
