"""`sample`, `encode` and `traverse` on a model of which every number is known.

Its image of 2 x 2 pixels is even: .5 + .5 times its only uniform code. Its encoder gives back
that code from the mean of the pixels.
"""

import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from models.codes.joint_code import (
    CategoricalCode,
    EmpiricalCodes,
    FeatureCode,
    GaussianCodes,
    GaussianNoise,
    JointCode,
    UniformCodes,
    UniformNoise,
)
from pipeline.cli import main
from pipeline.inference.described_codes import described_codes
from pipeline.inference.saved_model import SavedModel
from pipeline.recipes import describe
from pipeline.runs.directory import ExportDirectory

CODES = JointCode((UniformCodes(1), UniformNoise(1)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    import keras

    folder = ExportDirectory(tmp_path_factory.mktemp("even"))
    latents = keras.Input((2,))
    dense = keras.layers.Dense(4)
    generator = keras.Model(latents, keras.layers.Reshape((2, 2, 1))(dense(latents)))
    dense.set_weights([np.array([[0.5] * 4, [0.0] * 4]), np.full(4, 0.5)])
    generator.save(folder.generator)
    images = keras.Input((2, 2, 1))
    dense = keras.layers.Dense(1)
    encoder = keras.Model(images, dense(keras.layers.Flatten()(images)))
    dense.set_weights([np.full((4, 1), 0.5), np.array([-1.0])])
    encoder.save(folder.encoder)
    (folder.root / "config.json").write_text(json.dumps({"method": {"codes": describe(CODES)}}))
    return folder.root


def arrays_of(path):
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def test_samples_are_the_images_of_their_latent_vectors(model, tmp_path, capsys):
    out = [tmp_path / "a.npz", tmp_path / "a.png"]
    arguments = ["sample", str(model), "-n", "9", "--seed", "3"]
    assert main([*arguments, "--out", str(out[0]), "--out", str(out[1])]) == 0
    assert capsys.readouterr().out.splitlines() == [str(path) for path in out]
    found = arrays_of(out[0])
    np.testing.assert_array_equal(found["latents"], CODES.draw(np.random.default_rng(3), 9))
    expected = np.round((0.5 + 0.5 * found["latents"][:, 0]) * 255)
    np.testing.assert_allclose(found["images"][:, 0, 0, 0], expected, atol=1)
    assert found["images"].shape == (9, 2, 2, 1)
    assert Image.open(out[1]).size == (3 * 64 + 4, 3 * 64 + 4)


def test_own_images_are_encoded_whatever_their_size(model, tmp_path, capsys):
    for name, grey, size in (("black", 0, (2, 2)), ("white", 255, (8, 6))):
        Image.new("RGB", size, (grey,) * 3).save(tmp_path / f"{name}.png")
    files = [str(tmp_path / "white.png"), str(tmp_path / "black.png")]
    assert main(["encode", str(model), *files]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out)).set_index("file")
    assert found.columns.tolist() == ["uniform_1"]
    assert found.loc[files[0], "uniform_1"] == pytest.approx(1.0, abs=1e-6)
    assert found.loc[files[1], "uniform_1"] == pytest.approx(-1.0, abs=1e-6)


def test_a_code_moves_over_its_range(model, tmp_path):
    out = [tmp_path / f"a{ending}" for ending in (".npz", ".png", ".gif")]
    files = [word for path in out for word in ("--out", str(path))]
    assert main(["traverse", str(model), "--steps", "3", *files]) == 0
    found = arrays_of(out[0])
    assert found["images"][0, :, 0, 0, 0].tolist() == [0, 128, 255]
    assert found["values"].tolist() == [-1.0, 0.0, 1.0] and found["names"].tolist() == ["uniform_1"]
    assert Image.open(out[2]).n_frames == 4 and Image.open(out[1]).format == "PNG"
    arguments = ["--limits", "-0.5", "0.5", "--steps", "2", "--out", str(out[0])]
    assert main(["traverse", str(model), *arguments]) == 0
    assert arrays_of(out[0])["images"][0, :, 0, 0, 0].tolist() == [64, 191]


def write_two_pixel_model(folder, codes):
    """Write a model whose two pixels are .5 + .5 times its two codes, and its inverse."""
    import keras

    latents, images = keras.Input((codes.latent_dim,)), keras.Input((1, 2, 1))
    dense = keras.layers.Dense(2)
    made = keras.Model(latents, keras.layers.Reshape((1, 2, 1))(dense(latents)))
    dense.set_weights([0.5 * np.eye(codes.latent_dim, 2), np.full(2, 0.5)])
    dense = keras.layers.Dense(2)
    read = keras.Model(images, dense(keras.layers.Flatten()(images)))
    dense.set_weights([np.eye(2) * 2, np.full(2, -1.0)])
    made.save(folder / "generator.keras")
    read.save(folder / "encoder.keras")
    (folder / "config.json").write_text(json.dumps({"method": {"codes": describe(codes)}}))


def test_an_own_image_is_where_the_other_codes_stay(tmp_path, capsys):
    write_two_pixel_model(tmp_path, JointCode((UniformCodes(2), UniformNoise(1))))
    Image.fromarray(np.array([[51, 204]], np.uint8)).save(tmp_path / "own.png")
    arguments = ["--image", str(tmp_path / "own.png"), "--steps", "2"]
    out = ["--out", str(tmp_path / "a.npz")]
    assert main(["traverse", str(tmp_path), *arguments, *out]) == 0
    found = arrays_of(tmp_path / "a.npz")["images"][..., 0, :, 0]
    assert found.tolist() == [[[0, 204], [255, 204]], [[51, 0], [51, 255]]]
    Image.new("L", (5, 5)).save(tmp_path / "large.png")
    assert main(["encode", str(tmp_path), str(tmp_path / "large.png")]) == 2
    assert "Expected 1 x 2 pixels. Received: 5 x 5" in capsys.readouterr().err


def test_the_identity_of_one_image_is_swapped_into_others(tmp_path, capsys):
    write_two_pixel_model(tmp_path, JointCode((EmpiricalCodes(1), GaussianCodes(1))))
    for name, pixels in {"a": (51, 204), "b": (102, 255), "c": (0, 153)}.items():
        Image.fromarray(np.array([pixels], np.uint8)).save(tmp_path / f"{name}.png")
    a, b, c = (str(tmp_path / f"{name}.png") for name in "abc")
    out = [tmp_path / "swap.npz", tmp_path / "swap.png"]
    files = [word for path in out for word in ("--out", str(path))]
    arguments = ["swap", str(tmp_path), "--identity", a, "--rest", b, c]
    assert main([*arguments, *files]) == 0
    found = arrays_of(out[0])
    assert found["images"][:, :, 0, :, 0].tolist() == [[[51, 255]], [[51, 153]]]
    assert found["identity"][0, 0, :, 0].tolist() == [51, 204] and len(found["rest"]) == 2
    assert Image.open(out[1]).size[1] == 3 * 64 + 4  # the original above, and two rows
    # Of another model the codes that are swapped have to be named.
    write_two_pixel_model(tmp_path, JointCode((UniformCodes(2), UniformNoise(1))))
    assert main([*arguments, *files]) == 2
    assert "uniform_1, uniform_2" in capsys.readouterr().err
    assert main([*arguments, *files, "--code", "uniform_2"]) == 0
    found = arrays_of(out[0])["images"][:, 0, 0, :, 0]
    assert found.tolist() == [[102, 204], [0, 204]]


@pytest.mark.parametrize(
    ("codes", "columns"),
    [
        (
            JointCode((CategoricalCode(2), UniformCodes(2), UniformNoise(3))),
            ["categorical_1_class_0", "categorical_1_class_1", "uniform_1", "uniform_2"],
        ),
        (
            FeatureCode((CategoricalCode(2), GaussianNoise(1)), 3),
            ["feature_1", "feature_2", "feature_3", "noise_1"],
        ),
    ],
)
def test_columns_of_an_encoder_are_named(codes, columns, tmp_path):
    described = described_codes({"method": {"codes": describe(codes)}})
    assert described == codes and type(described) is type(codes)
    model = SavedModel("a", ExportDirectory(tmp_path), described)
    assert model.code_columns() == columns and len(columns) == codes.code_dim


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["sample", "nothing"], "holds no model"),
        (["sample", "MODEL", "--id", "a"], "has no trained model 'a'. Expected one of: even0"),
        (["traverse", "MODEL", "--code", "unifrom_1"], "Did you mean 'uniform_1'?"),
        (["encode", "MODEL", "nothing.png"], "There is no file nothing.png"),
        (["encode", "MODEL", __file__], "test_model_commands.py"),
    ],
)
def test_bad_use_ends_in_one_line(model, capsys, arguments, expected):
    assert main([str(model) if word == "MODEL" else word for word in arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and expected in error


def test_an_unknown_ending_is_refused(model, capsys):
    assert main(["sample", str(model), "--out", "a.jpg"]) == 2
    assert "expected a file that ends with .png or .npz" in capsys.readouterr().err
