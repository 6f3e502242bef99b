"""3D room (ours): solids, light, paint, and the opened grid."""

import numpy as np
import pytest

from pipeline.datasets import room3d
from pipeline.datasets.room3d import ray_caster, recipe, solids

SPANS = {  # Height, and half the width along x, of the solids of size 1.
    solids.cube: (1.24, 0.62),
    solids.cylinder: (1.4, 0.6),
    solids.sphere: (1.5, 0.75),
    solids.capsule: (1.8, 0.48),
}
FLOOR, WALL, OBJECT = range(3)


@pytest.mark.parametrize("solid", SPANS)
@pytest.mark.parametrize("size", [1.0, 0.8])
def test_rays_meet_a_solid_where_they_should(solid, size):
    height, half = (size * span for span in SPANS[solid])
    origins = np.array([[0.01, 9.0, 0.02], [9, height / 2, 0], [9, height + 0.01, 0], [0.9, 9, 0]])
    directions = np.array([[0.0, -1, 0], [-1, 0, 0], [-1, 0, 0], [0, -1, 0]])
    distances, normals = solid(origins, directions, size)
    np.testing.assert_allclose(distances[:2], [9 - height, 9 - half], atol=1e-3)
    assert np.isinf(distances[2:]).all()
    np.testing.assert_allclose(normals[:2], [[0, 1, 0], [1, 0, 0]], atol=0.06)


@pytest.mark.parametrize("solid", SPANS)
def test_solids_against_walking_along_the_rays(solid):
    """A point is inside of a solid by its equation; the first such point ends the walk."""
    rng = np.random.default_rng(0)
    origins = np.tile([1.0, 2.6, 5.5], (60, 1))
    aims = rng.uniform([-0.9, 0, -0.9], [0.9, 1.9, 0.9], size=(60, 3))
    directions = (aims - origins) / np.linalg.norm(aims - origins, axis=1, keepdims=True)

    def is_inside(points):
        x, y, z = np.moveaxis(points, -1, 0)
        flat = np.hypot(x, z)
        if solid is solids.cube:
            return np.maximum(np.maximum(abs(x), abs(z)), abs(y - 0.62)) < 0.62
        if solid is solids.cylinder:
            return (flat < 0.6) & (y > 0) & (y < 1.4)
        if solid is solids.sphere:
            return np.hypot(flat, y - 0.75) < 0.75
        return np.hypot(flat, y - np.clip(y, 0.48, 1.32)) < 0.48

    steps = np.arange(3.0, 9.0, 0.002)
    inside = is_inside(origins[:, None] + steps[:, None] * directions[:, None])
    walked = np.where(inside.any(axis=1), steps[inside.argmax(axis=1)], np.inf)
    distances, normals = solid(origins, directions, 1.0)
    agree = np.isclose(distances, walked, atol=0.005) | (np.isinf(distances) & np.isinf(walked))
    assert agree.mean() > 0.95  # A grazing ray may slip between two steps.
    hit = np.isfinite(distances)
    assert 10 < hit.sum() < 60
    np.testing.assert_allclose(np.linalg.norm(normals[hit], axis=1), 1, atol=1e-9)
    assert ((normals[hit] * directions[hit]).sum(axis=1) < 0).all()


def test_light_on_floor_and_walls_by_hand():
    # In the middle, angle 7: the camera looks along -z, the corner is behind the object.
    shades = ray_caster.shades(0, 2, 7).astype(float)
    to_light = np.array([-0.35, 0.8, 0.6]) / np.sqrt(0.35**2 + 0.8**2 + 0.6**2)
    floor = 255 * (0.4 + 0.6 * to_light[1])
    assert abs(shades[FLOOR, 63, 2] - floor) <= 0.5
    left = 255 * (0.4 + 0.6 * (to_light[0] + to_light[2]) / np.sqrt(2))
    right = 255 * (0.4 + 0.6 * (to_light[2] - to_light[0]) / np.sqrt(2))
    assert abs(shades[WALL, 1, 4] - left) <= 0.5
    assert abs(shades[WALL, 1, 60] - right) <= 0.5
    assert shades[:, 1, 4].tolist()[::2] == [0, 0] and shades[1:, 63, 2].tolist() == [0, 0]
    # The shadow lies on the floor to the right of the object, away from the light, and is ambient.
    dark = np.argwhere(np.abs(shades[FLOOR] - 255 * 0.4) < 1)
    assert len(dark) > 10 and dark[:, 1].mean() > 34


def test_geometry_moves_the_right_way():
    areas = [(ray_caster.shades(size, 1, 7)[OBJECT] > 0).sum() for size in range(8)]
    assert all(np.diff(areas) > 0)
    corners = []
    for angle in (0, 7, 14):
        top = ray_caster.shades(3, 1, angle)[WALL, 0].astype(int)
        corners.append(np.abs(np.diff(top)).argmax())
    # The camera goes to the right around the object, and the corner behind it too.
    assert corners[0] < corners[1] == 31 < corners[2]
    totals = [ray_caster.shades(7, shape, 2).sum(axis=0, dtype=int).max() for shape in range(4)]
    assert max(totals) <= 256  # What `paint` relies on.


def test_paint_by_hand():
    shades = np.zeros((1, 3, 64, 64), np.uint8)
    shades[0, :, 0, 0] = (255, 0, 0)
    shades[0, :, 0, 1] = (0, 100, 155)
    image = room3d.paint(shades, np.array([[0, 5, 0]]))[0]
    # Hue 0 is (255, 51, 51), hue 5 is (51, 255, 255).
    assert image[0, 0].tolist() == [255, (255 * 51 + 255) // 256, (255 * 51 + 255) // 256]
    assert image[0, 1, 0] == (100 * 51 + 155 * 255 + 255) // 256
    assert image[0, 1, 1] == (100 * 255 + 155 * 51 + 255) // 256
    assert not image[1:].any()


def test_a_hue_colours_its_own_pixels_only():
    factors = np.array([[1, 2, 3, 4, 0, 5], [7, 2, 3, 4, 0, 5], [1, 2, 8, 4, 0, 5]])
    images = room3d.render(factors).astype(int)
    shades = ray_caster.shades(4, 0, 5)
    np.testing.assert_array_equal((images[0] != images[1]).any(-1), shades[FLOOR] > 1)
    np.testing.assert_array_equal((images[0] != images[2]).any(-1), shades[OBJECT] > 1)


@pytest.mark.parametrize("factors", [[0] * 6, [[0] * 5], [[10, 0, 0, 0, 0, 0]], [[0.0] * 6]])
def test_bad_factors_are_refused(factors):
    with pytest.raises(ValueError, match="Expected .* Received"):
        room3d.render(np.array(factors))


@pytest.fixture
def few_geometries(monkeypatch):
    """A grid of 2 x 4 x 3 geometries, so that a test draws 24 and not 480."""
    monkeypatch.setattr(recipe, "GEOMETRY_SIZES", (2, 4, 3))
    monkeypatch.setattr(recipe, "NUM_GEOMETRIES", 24)
    monkeypatch.setattr(recipe, "FACTOR_SIZES", (10, 10, 10, 2, 4, 3))
    monkeypatch.setattr(recipe, "NUM_IMAGES", 24_000)


def test_the_opened_grid(few_geometries, tmp_path):
    whole = room3d.Room3D().open(tmp_path)
    assert whole.name == "3D room (ours)" and whole.nominal_factors == ("shape",)
    assert (whole.num_images, whole.image_shape, whole.max_value) == (24_000, (64, 64, 3), 255)
    keys = whole.sample_keys(np.random.default_rng(0), 200)
    np.testing.assert_array_equal(whole.images_of(keys), room3d.render(whole.factors_of(keys)))
    np.testing.assert_array_equal(whole.train_images(keys), whole.images_of(keys))
    subset = room3d.Room3D(num_images=50, subset_seed=1).open(tmp_path)
    assert subset.num_images == 50 and subset.fingerprint != whole.fingerprint
    np.testing.assert_array_equal(
        subset.train_images(np.arange(50)), whole.images_of(subset.train_keys())
    )
    assert len(list(tmp_path.glob("*/manifest.json"))) == 1
    assert room3d.Room3D().estimate(tmp_path).is_cached


def test_the_whole_grid():
    assert recipe.NUM_IMAGES == 480_000
    assert dict(zip(room3d.FACTOR_NAMES, room3d.FACTOR_SIZES, strict=True)) == {
        "floor_hue": 10,
        "wall_hue": 10,
        "object_hue": 10,
        "scale": 8,
        "shape": 4,
        "orientation": 15,
    }
    with pytest.raises(ValueError, match="num_images: Expected at most the 480000"):
        room3d.Room3D(num_images=480_001)
