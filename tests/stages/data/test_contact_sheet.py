"""The contact sheet of a data set, and the command that writes it."""

import numpy as np
import pytest
from PIL import Image

from pipeline.cli import main
from pipeline.datasets.images import ImageArrays
from pipeline.datasets.squares import Squares
from pipeline.datasets.teapots import Teapots
from pipeline.pictures import LABEL_HEIGHT
from pipeline.stages.data.contact_sheet import contact_sheet

SQUARES = Squares(image_size=8, positions=12, sizes=(2.0, 3.0))


def test_along_a_row_one_factor_of_a_grid_moves(tmp_path):
    data = SQUARES.open(tmp_path)
    moved = data.factors_of(data.traversal_keys(0, 10, seed=3))
    assert moved[:, 0].tolist() == [0, 1, 2, 4, 5, 6, 7, 9, 10, 11]
    assert len(np.unique(moved[:, 1:], axis=0)) == 1
    sizes = data.factors_of(data.traversal_keys(2, 10, seed=3))
    assert sizes[:, 2].tolist() == [0, 1]
    np.testing.assert_array_equal(sizes[:, 1], moved[:2, 1])  # Both rows start from one image.


def test_along_a_row_one_continuous_factor_moves(tmp_path):
    data = Teapots(num_images=5).open(tmp_path)
    keys = data.traversal_keys(1, 4, seed=0)
    np.testing.assert_allclose(keys[:, 1], np.linspace(0, np.pi / 2, 4))
    assert len(np.unique(keys[:, [0, 2, 3, 4]], axis=0)) == 1


def test_where_combinations_are_missing_the_others_change_least(tmp_path):
    factors = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [2, 1, 1]])
    images = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    np.savez(tmp_path / "own.npz", images=images, factors=factors)
    data = ImageArrays(str(tmp_path / "own.npz")).open(tmp_path / "cache")
    for seed in range(8):
        keys = data.traversal_keys(0, 10, seed)
        start = factors[np.random.default_rng(seed).integers(5)]
        assert factors[keys][:, 0].tolist() == [0, 1, 2]
        for key in keys:
            same = (factors[key][1:] == start[1:]).sum()
            rivals = factors[factors[:, 0] == factors[key][0]][:, 1:]
            assert same == (rivals == start[1:]).sum(axis=1).max()


def test_the_sheet_shows_images_and_rows_by_hand(tmp_path):
    data = SQUARES.open(tmp_path)
    sheet = contact_sheet(data, seed=1)
    side, gap, header = 64, 2, LABEL_HEIGHT  # Eight pixels, enlarged eight times.
    width = 10 * side + 9 * gap
    samples = header + 3 * side + 2 * gap
    assert sheet.shape == (samples + 3 * (header + side), width, 3)
    row = data.images_of(data.traversal_keys(1, 10, seed=1))
    top = samples + header + side + header
    for step in (0, 4, 9):
        tile = sheet[top : top + side, step * (side + gap) :][:, :side]
        np.testing.assert_array_equal(tile[::8, ::8, 0], row[step, :, :, 0])
    sizes = sheet[-side:]  # Two values: the rest of the row is paper.
    assert (sizes[:, 2 * side + 2 * gap :] == 255).all() and (sizes[:, :side] != 255).any()
    for start in (0, samples, samples + header + side):  # Titles.
        assert (sheet[start : start + header] < 128).any()
    np.testing.assert_array_equal(contact_sheet(data, seed=1), sheet)
    assert (contact_sheet(data, seed=2) != sheet[: len(sheet)]).any()


def test_images_without_factors_have_samples_only(tmp_path):
    images = np.random.default_rng(0).integers(256, size=(7, 64, 64, 3), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", images=images)
    sheet = contact_sheet(ImageArrays(str(tmp_path / "own.npz")).open(tmp_path / "cache"))
    assert sheet.shape == (LABEL_HEIGHT + 64, 7 * 64 + 6 * 2, 3)


def test_the_command_writes_a_picture(tmp_path, capsys):
    picture = tmp_path / "sheet.png"
    arguments = ["data", "--show", "gin/quickstart.gin", "--cache", str(tmp_path / "cache")]
    assert main([*arguments, "--picture", str(picture)]) == 0
    assert f"Squares: {picture}" in capsys.readouterr().out
    with Image.open(picture) as image:
        assert image.size[0] == 658
    wrong = [
        "--set",
        "experiment.dataset = @image_arrays()",
        "--set",
        "image_arrays.path = 'x.npz'",
    ]
    assert main([*arguments, *wrong]) == 1
    assert "x.npz" in capsys.readouterr().err
    assert main(["data"]) == 2
    assert "--show" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "expected"), [(["--help"], "each factor moved"), (["data", "--help"], "--picture")]
)
def test_help_tells_of_it(command, expected, capsys):
    assert main(command) == 0
    assert expected in capsys.readouterr().out
