"""The teapot renderer and its data set."""

import numpy as np
import pytest

from pipeline.datasets import teapots
from pipeline.datasets.teapots import Teapots, mesh, renderer


def _poses(count, seed=0):
    return np.random.default_rng(seed).random((count, 5)) * [2 * np.pi, np.pi / 2, 1, 1, 1]


def test_mesh_normals_point_outwards_and_parts_have_their_sizes():
    body = mesh.body()
    np.testing.assert_allclose(np.linalg.norm(body.normals, axis=0), 1, atol=1e-5)
    radius = np.hypot(*body.positions[:2])
    is_wall = (np.abs(body.positions[2]) < 0.03) & (radius > 0.05)
    outwards = (body.positions[:2] * body.normals[:2]).sum(axis=0)
    assert np.all(outwards[is_wall] > 0)
    top = body.positions[2] > 0.085
    assert np.median(body.normals[2][top]) > 0.9
    bottom = body.positions[2] < -0.0894
    assert np.all(body.normals[2][bottom] < -0.9)
    x = np.concatenate([body.positions[0], mesh.handle_and_spout().positions[0]])
    assert abs((x.max() - x.min()) / mesh.LENGTH - 1) < 0.01


def test_seen_from_the_side():
    geometry = renderer.render_geometry(np.array([0.0, np.pi]), np.array([0.0, 0.0]))
    coverage = geometry[..., 1] / 255
    columns = np.flatnonzero(coverage[0].max(axis=0) > 0.3)
    assert 46 <= columns[-1] - columns[0] + 1 <= 50  # Handle to spout: 48 pixels.
    rows = np.flatnonzero(coverage[0].max(axis=1) > 0.3)
    assert 36 <= rows[-1] - rows[0] + 1 <= 42
    # Turned by half a turn it is its mirror image.
    assert np.abs(coverage[0] - coverage[1][:, ::-1]).mean() < 0.005
    # There is a hole between handle and body, on the left.
    middle = coverage[0][30, :32]
    assert (np.diff((middle > 0.5).astype(int)) != 0).sum() == 3


def test_spout_turns_anticlockwise_seen_from_above():
    above = np.full(4, np.pi / 2)
    turns = np.array([0, 0.5, 1, 1.5]) * np.pi
    coverage = renderer.render_geometry(turns, above)[..., 1] > 127
    rows, columns = np.indices((64, 64)) - 31.5
    reach = [coverage[i] * np.hypot(rows, columns) for i in range(4)]
    tips = [np.unravel_index(r.argmax(), r.shape) for r in reach]
    directions = np.array([(column - 31.5, 31.5 - row) for row, column in tips])
    angles = np.arctan2(directions[:, 1], directions[:, 0])
    np.testing.assert_allclose(np.exp(1j * angles), np.exp(1j * turns), atol=0.1)


def test_azimuth_is_periodic_and_rendering_is_deterministic():
    low, high = _poses(6), _poses(6)
    low[:, 0], high[:, 0] = 0, 2 * np.pi
    difference = np.abs(teapots.render(low).astype(int) - teapots.render(high))
    assert difference.mean() < 0.01
    factors = _poses(12)
    images = teapots.render(factors)
    assert images.shape == (12, 64, 64, 3)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[::-1], teapots.render(factors[::-1]))


def test_colour_changes_only_colour():
    factors = np.repeat(_poses(1), 3, axis=0)
    factors[:, 2:] = [[0.5, 0.5, 0.5], [0.5, 0.1, 0.5], [0, 0, 0]]
    grey, magenta, black = teapots.render(factors)
    np.testing.assert_array_equal(grey[..., 0], grey[..., 1])
    np.testing.assert_array_equal(grey[..., [0, 2]], magenta[..., [0, 2]])
    geometry = teapots.render_geometry(factors[:1], "colour")[0]
    np.testing.assert_array_equal(black, np.repeat(255 - geometry[..., 1:], 3, axis=-1))


def test_background_is_white_and_coverage_is_sane():
    geometry = teapots.render_geometry(_poses(40), "colour")
    share = (geometry[..., 1] / 255).mean(axis=(1, 2))
    assert 0.14 < share.min() <= share.max() < 0.4
    border = np.ones((64, 64), bool)
    border[3:-3, 3:-3] = False
    assert geometry[:, border, 1].max() == 0
    assert len(np.unique(geometry[..., 1])) == 10  # 3 x 3 sub-pixels.
    covered = geometry[..., 1] > 0
    shade = geometry[..., 0][covered] / 255 * renderer.MAX_SHADE
    assert 0.495 < shade.min() < 0.52
    assert 1.38 < shade.max() <= 1.4
    assert np.all(geometry[..., 0][~covered] == 0)
    white = teapots.render(np.array([[0, 0, 1, 1, 1.0]]))
    assert np.all(white[0, :4] == 255)


def test_surfaces_have_no_holes():
    # Away from the outline every sub-pixel of the body is covered.
    elevations = np.linspace(-np.pi / 2, np.pi / 2, 7)
    coverage = renderer.render_geometry(np.zeros(7), elevations)[..., 1]
    assert np.all(coverage[:, 26:38, 26:38] == 255)


def test_shade_follows_the_light():
    # From above, all of the lid faces the light; from the side, the wall has none to speak of.
    top = renderer.render_geometry(np.zeros(1), np.array([np.pi / 2]))[0]
    side = renderer.render_geometry(np.zeros(1), np.zeros(1))[0]
    assert top[28:36, 28:36, 0].mean() > 220
    assert side[34:40, 28:36, 0].mean() < 130


def test_roll_turns_the_image_and_light_comes_from_its_direction():
    azimuth, elevation = np.array([0.7]), np.array([0.4])
    render = renderer.render_geometry
    upright = render(azimuth, elevation)[0]
    quarter = render(azimuth, elevation, np.array([np.pi / 2]))[0]
    np.testing.assert_allclose(quarter[..., 1], np.rot90(upright[..., 1]), atol=1)
    from_left = render(azimuth, elevation, None, np.array([[-1.0, 0, 0]]))[0]
    covered = from_left[..., 1] == 255
    left, right = covered.copy(), covered.copy()
    left[:, 26:], right[:, :38] = False, False
    assert from_left[left, 0].mean() > from_left[right, 0].mean() + 40
    # Light that turns with the image keeps its shades.
    up = render(azimuth, elevation, None, np.array([[0, 1.0, 0]]))[0]
    turned = render(azimuth, elevation, np.array([np.pi / 2]), np.array([[-1.0, 0, 0]]))[0]
    np.testing.assert_allclose(turned.astype(int), np.rot90(up), atol=1)


def test_stored_images_are_what_is_rendered(tmp_path):
    data = Teapots(num_images=15).open(tmp_path)
    factors = np.array(data._factors)
    np.testing.assert_array_equal(data.train_images(np.arange(15)), data.images_of(factors))
    more = Teapots(num_images=18).open(tmp_path)
    np.testing.assert_array_equal(
        more.train_images(np.arange(15)), data.train_images(np.arange(15))
    )
    binned = data.binned_factors_of(np.array([[0, np.pi / 2, 0.999, 0.05, 0.0499]]))
    np.testing.assert_array_equal(binned, [[0, 19, 19, 1, 0]])


def test_images_do_not_depend_on_the_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.datasets.teapots.recipe.ROWS_PER_CHUNK", 5)
    monkeypatch.setattr("pipeline.datasets.teapots.recipe._num_processes", lambda num_images: 1)
    alone = Teapots(num_images=12).open(tmp_path / "alone")
    monkeypatch.setattr("pipeline.datasets.teapots.recipe._num_processes", lambda num_images: 2)
    together = Teapots(num_images=12).open(tmp_path / "together")
    assert alone.fingerprint == together.fingerprint


@pytest.mark.parametrize(
    "factors", [[0.0] * 5, [[0.0] * 3], [[7.0, 0, 0, 0, 0]], [[0, 0, 0, 0, float("nan")]]]
)
def test_bad_factors_are_refused(factors):
    with pytest.raises(ValueError, match="Expected .* Received"):
        teapots.render(np.array(factors))


def test_bad_fields_are_refused():
    with pytest.raises(ValueError, match="variant: Expected one of 'colour'"):
        Teapots(variant="color")
    with pytest.raises(ValueError, match="num_images"):
        Teapots(num_images=-1)
