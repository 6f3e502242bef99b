"""Pictures: every pixel where it belongs, the same bytes for the same images."""

import numpy as np
import pytest
from PIL import Image

from pipeline import pictures


def test_floats_and_bits_become_bytes():
    assert pictures.to_uint8(np.array([-1.0, 0.0, 0.5, 1.0, 7.0])).tolist() == [0, 0, 128, 255, 255]
    bits = np.array([0, 1], np.uint8)
    assert pictures.to_uint8(bits, max_value=1).tolist() == [0, 255]
    assert pictures.to_uint8(bits).tolist() == [0, 1]
    with pytest.raises(ValueError, match="finite"):
        pictures.to_uint8(np.array([np.nan]))
    with pytest.raises(ValueError, match="Received: dtype"):
        pictures.to_uint8(np.array(["a"]))


def test_grid_places_images_row_by_row():
    images = np.arange(1, 6, dtype=np.uint8)[:, None, None, None] * np.ones((5, 2, 3, 1), np.uint8)
    grid = pictures.image_grid(images, columns=3, padding=1, scale=2)
    assert grid.shape == (2 * 4 + 1, 3 * 6 + 2, 3)
    assert grid[0, 0].tolist() == [1, 1, 1]
    assert grid[0, 7 + 6].tolist() == [255] * 3  # padding between the second and the third image
    assert (grid[5:, :6] == 4).all()
    assert (grid[5:, 7:13] == 5).all()
    assert (grid[5:, 14:] == 255).all()  # no sixth image


def test_grid_keeps_colours_and_enlarges_small_images():
    images = np.zeros((1, 8, 8, 3))
    images[..., 0] = 1.0
    grid = pictures.image_grid(images)
    assert grid.shape == (64, 64, 3)
    assert (grid == [255, 0, 0]).all()


def test_labels_take_room_above_and_names_to_the_left():
    images = np.zeros((2, 64, 64, 1), np.uint8)
    plain = pictures.image_grid(images, columns=2)
    labelled = pictures.image_grid(images, columns=2, labels=["one", "a name that is far too long"])
    assert labelled.shape == (64 + pictures.LABEL_HEIGHT, plain.shape[1], 3)
    assert (labelled[: pictures.LABEL_HEIGHT] < 200).any()
    assert (labelled[pictures.LABEL_HEIGHT :] == plain).all()
    rows = np.zeros((2, 3, 64, 64, 1), np.uint8)
    strips = pictures.traversal_strips(rows, names=["c1", "c2"], values=[-1.0, 0.0, 1.0])
    assert strips.shape[0] == 2 * 64 + 2 + pictures.LABEL_HEIGHT
    assert strips.shape[1] > 3 * 64 + 4
    assert (strips[-64:, -64:] == 0).all()


def test_strips_put_codes_in_rows_and_steps_in_columns():
    images = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1)
    strips = pictures.traversal_strips(images, padding=0, scale=1)
    assert strips[..., 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_frames_go_there_and_back():
    images = np.arange(10, dtype=np.uint8).reshape(2, 5, 1, 1, 1)
    frames = pictures.traversal_frames(images, padding=0, scale=1)
    assert [frame[0, 0, 0] for frame in frames] == [0, 1, 2, 3, 4, 3, 2, 1]
    assert [frame[0, 1, 0] for frame in frames][:5] == [5, 6, 7, 8, 9]
    assert len(pictures.traversal_frames(images, num_frames=3)) == 4
    assert len(pictures.traversal_frames(images[:, :1])) == 1


def test_files_are_valid_and_the_same_each_time(tmp_path):
    images = np.random.default_rng(0).random((3, 4, 16, 16, 3))
    for name in ("a", "b"):
        pictures.save_picture(tmp_path / f"{name}.png", pictures.traversal_strips(images))
        pictures.save_animation(tmp_path / f"{name}.gif", pictures.traversal_frames(images))
    for kind in ("png", "gif"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
        assert picture.info == {}
        assert (np.asarray(picture) == pictures.traversal_strips(images)).all()
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 6
        assert animation.info["duration"] == 90
        assert animation.info["loop"] == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: pictures.image_grid(np.zeros((2, 4, 4))),
        lambda: pictures.image_grid(np.zeros((0, 4, 4, 1))),
        lambda: pictures.image_grid(np.zeros((2, 4, 4, 2))),
        lambda: pictures.image_grid(np.zeros((2, 4, 4, 1)), labels=["a"]),
        lambda: pictures.image_grid(np.zeros((2, 4, 4, 1)), columns=-1),
        lambda: pictures.traversal_strips(np.zeros((2, 4, 4, 1))),
        lambda: pictures.traversal_strips(np.zeros((2, 3, 4, 4, 1)), names=["a"]),
        lambda: pictures.traversal_strips(np.zeros((2, 3, 4, 4, 1)), values=[1.0]),
        lambda: pictures.save_animation("never.gif", []),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(ValueError, match="Expected.*Received"):
        call()


def test_labels_that_are_too_long_become_smaller_before_they_are_cut():
    images = np.zeros((2, 3, 16, 16, 3))
    first, second = (
        pictures.traversal_frames(images, names=[f"gaussian_{number}"] * 2)[0] for number in (1, 2)
    )
    assert (first != second).any()  # the number at the end is still there
