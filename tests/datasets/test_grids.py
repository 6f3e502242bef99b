"""Self-rendered grids: dSprites, CdSprites, Squares."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets import cdsprites, dsprites
from pipeline.datasets.cdsprites import CdSprites
from pipeline.datasets.dsprites import DSprites, shapes
from pipeline.datasets.squares import Squares

GOLDEN = Path(__file__).parents[1] / "golden" / "dsprites_frames.npz"


def test_dsprites_overlap_with_original_frames():
    golden = np.load(GOLDEN)
    original = shapes.unpack(golden["frames"]) > 0
    rendered = dsprites.render(golden["factors"]) > 0
    overlap = (original & rendered).sum((1, 2, 3)) / (original | rendered).sum((1, 2, 3))
    assert overlap.mean() >= 0.9995
    assert overlap.min() >= 0.98
    assert (overlap == 1).mean() >= 0.95


def test_dsprites_square_by_hand():
    # Scale 0.5: half side 4.8; centre 16: pixel centres 11.5 .. 20.5 are inside.
    image = dsprites.render(np.array([[0, 0, 0, 0, 0]]))
    expected = np.zeros((1, 64, 64, 1), np.uint8)
    expected[0, 11:21, 11:21, 0] = 1
    np.testing.assert_array_equal(image, expected)
    assert image.dtype == np.uint8


def test_dsprites_factors_move_the_right_way():
    rows, columns = np.nonzero(dsprites.render(np.array([[1, 5, 0, 31, 0]]))[0, :, :, 0])
    assert abs(columns.mean() + 0.5 - 48) < 0.6  # x = 31 is the right.
    assert abs(rows.mean() + 0.5 - 16) < 0.6  # y = 0 is the top.
    heart = dsprites.render(np.array([[2, 5, 0, 16, 16]]))[0, :, :, 0]
    filled_rows = np.flatnonzero(heart.any(axis=1))
    assert heart[filled_rows[-1]].sum() <= 3 < heart[filled_rows[0] + 2].sum()  # Tip down.
    ellipse = dsprites.render(np.array([[1, 5, 5, 16, 16]]))[0, :, :, 0]  # 46 degrees.
    rows, columns = np.nonzero(ellipse)
    assert np.corrcoef(rows, columns)[0, 1] < -0.4  # Anticlockwise: the right end goes up.


def test_dsprites_last_orientation_is_the_first_and_order_does_not_matter():
    rng = np.random.default_rng(0)
    factors = rng.integers(dsprites.FACTOR_SIZES, size=(300, 5))
    factors[:, 2] = 0
    images = dsprites.render(factors)
    turned = factors.copy()
    turned[:, 2] = 39
    np.testing.assert_array_equal(images, dsprites.render(turned))
    one_by_one = np.concatenate([dsprites.render(row[None]) for row in factors])
    np.testing.assert_array_equal(images, one_by_one)


def test_dsprites_outlines_never_cross_a_row_more_often_than_stored():
    for shape in range(3):
        for orientation in range(39):
            crossings = shapes.crossings(shape, 5, orientation)
            assert np.all(np.isfinite(crossings).sum(axis=-1) % 2 == 0)


@pytest.mark.parametrize(
    "factors",
    [[0, 0, 0, 0, 0], [[0, 0, 0, 0]], [[3, 0, 0, 0, 0]], [[0, 0, 0, 0, -1]], [[0.0] * 5]],
)
def test_dsprites_refuses_bad_factors(factors):
    with pytest.raises(ValueError, match="Expected .* Received"):
        dsprites.render(np.array(factors))


def test_dsprites_subset_stores_packed_bits_and_renders_the_rest(tmp_path):
    recipe = DSprites(num_images=300)
    assert recipe.name == "dSprites (re-rendered)"
    assert recipe.estimate(tmp_path).bytes_on_disk == 300 * 512
    data = recipe.open(tmp_path)
    assert (data.num_images, data.max_value, data.image_shape) == (300, 1, (64, 64, 1))
    assert data.factor_sizes == (3, 6, 40, 32, 32)
    keys = data.sample_keys(np.random.default_rng(0), 2000)
    assert keys.max() > 300
    np.testing.assert_array_equal(data.images_of(keys), dsprites.render(data.factors_of(keys)))
    assert data.train_images(np.arange(300)).shape == (300, 64, 64, 1)
    assert recipe.estimate(tmp_path).is_cached
    other = DSprites(num_images=300, subset_seed=1).open(tmp_path)
    assert other.fingerprint != data.fingerprint


def _write_original(path, sizes):
    grid = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    images = dsprites.render(grid)[..., 0]
    classes = np.concatenate([np.zeros((len(grid), 1), np.int64), grid], axis=1)
    metadata = np.array({"title": "dSprites"}, dtype=object)
    np.savez_compressed(path, imgs=images, latents_classes=classes, metadata=metadata)
    return images[..., None], classes


def test_dsprites_reads_an_original_file(tmp_path, monkeypatch):
    sizes = (3, 2, 2, 3, 2)
    monkeypatch.setattr("pipeline.datasets.dsprites.recipe.FACTOR_SIZES", (3, 6, 40, 32, 32))
    images, classes = _write_original(tmp_path / "dsprites.npz", sizes)
    monkeypatch.setattr("pipeline.datasets.dsprites.recipe.FACTOR_SIZES", sizes)
    recipe = DSprites(source=str(tmp_path / "dsprites.npz"))
    assert recipe.name == "dSprites"
    data = recipe.open(tmp_path / "cache")
    np.testing.assert_array_equal(data.images_of(np.arange(len(images))), images)
    subset = DSprites(source=str(tmp_path / "dsprites.npz"), num_images=5).open(tmp_path / "cache")
    assert subset.num_images == 5
    assert subset.fingerprint != data.fingerprint
    assert subset.sample_keys(np.random.default_rng(0), 500).max() > 60
    np.savez(tmp_path / "shuffled.npz", imgs=images[..., 0], latents_classes=classes[::-1])
    with pytest.raises(ValueError, match="not the original dSprites"):
        DSprites(source=str(tmp_path / "shuffled.npz")).open(tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match="missing.npz"):
        DSprites(source=str(tmp_path / "missing.npz")).estimate(tmp_path / "cache")


def test_cdsprites_discs():
    middle = cdsprites.render(np.array([[0, 0], [7, 0]]))
    np.testing.assert_array_equal(middle[0], middle[1])
    # Radius 5.6 around (32, 32), rows of pixel centres at +-0.5, 1.5 .. 5.5, counted by hand.
    np.testing.assert_array_equal(middle[0, 32:38].sum(axis=(1, 2)), [12, 10, 10, 8, 6, 2])
    assert middle[0].sum() == 96
    images = cdsprites.render(np.array([[0, 26], [10, 26], [20, 26], [30, 26]]))
    centres = [[axis.mean() + 0.5 for axis in np.nonzero(image[..., 0])] for image in images]
    expected = [[32, 58], [58, 32], [32, 6], [6, 32]]  # Row, column.
    np.testing.assert_allclose(centres, expected, atol=1e-9)
    assert set(np.unique(images)) == {0, 1}


def test_cdsprites_whole_set(tmp_path):
    data = CdSprites().open(tmp_path)
    assert data.num_images == 1080
    keys = np.arange(1080)
    np.testing.assert_array_equal(data.images_of(keys), cdsprites.render(data.factors_of(keys)))
    np.testing.assert_array_equal(data.images_of(keys), data.train_images(keys))


def test_squares_by_hand():
    recipe = Squares(image_size=8, positions=3, sizes=(2.0, 3.0), centre_range=(0.25, 0.75))
    image = recipe.render(np.array([[0, 2, 0]]))[0, :, :, 0]
    expected = np.zeros((8, 8), np.uint8)
    expected[5:7, 1:3] = 255  # Centre (2, 6).
    np.testing.assert_array_equal(image, expected)
    antialiased = recipe.render(np.array([[1, 1, 1]]))[0, :, :, 0]  # 2.5 .. 5.5 on both axes.
    np.testing.assert_array_equal(antialiased[4], [0, 0, 128, 255, 255, 128, 0, 0])
    assert antialiased[2, 2] == 64


def test_coloured_squares_of_one_size_have_no_size_factor(tmp_path):
    recipe = Squares(
        image_size=8,
        positions=2,
        sizes=(2.0,),
        num_colours=3,
        first_colour=(1, 0, 0),
        last_colour=(0, 0, 1),
    )
    data = recipe.open(tmp_path)
    assert data.factor_names == ("x", "y", "colour")
    assert (data.factor_sizes, data.image_shape) == ((2, 2, 3), (8, 8, 3))
    image = recipe.render(np.array([[1, 0, 1]]))[0]
    assert image[1, 5].tolist() == [128, 0, 128]
    assert np.count_nonzero(image.any(axis=-1)) == 4


@pytest.mark.parametrize(
    "fields",
    [
        {"image_size": 0},
        {"positions": 1},
        {"sizes": ()},
        {"sizes": (3.0, 3.0)},
        {"sizes": (-1.0,)},
        {"sizes": 3},
        {"centre_range": (0.8, 0.2)},
        {"num_images": 0},
        {"num_images": 10**6},
        {"num_images": 2.5},
        {"subset_seed": -1},
        {"num_colours": 1},
        {"first_colour": (1.0, 2.0, 0.0)},
    ],
)
def test_squares_refuse_bad_fields(fields):
    with pytest.raises(ValueError, match=f"{next(iter(fields))}: Expected .* Received"):
        Squares(**fields)
