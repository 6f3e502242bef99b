"""`select` on models of which every number is known.

An image has two pixels, .5 + .5 times a matrix times the two codes. An encoder applies the inverse
of a matrix, so that models of one matrix agree perfectly whatever it is.
"""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from models.codes.joint_code import GaussianNoise, UniformCodes
from pipeline.cli import main
from pipeline.cli.commands import select
from pipeline.recipes import describe
from pipeline.runs.directory import RunDirectory
from pipeline.selection import variation_predictability
from pipeline.stages.select.given_models import open_models

CODES = [describe(UniformCodes(2)), describe(GaussianNoise(1))]
STRAIGHT = np.eye(2)
SWAPPED = np.array([[0.0, 1.0], [-1.0, 0.0]])
MIXED = np.array([[1.0, 1.0], [1.0, -1.0]]) / 2
VP = "variation_predictability"
VP_OF_SECOND = ["SECOND", "--methods", VP]
FEW = ["--groups", "60", "--group-size", "20", "--std-samples", "500", "--points", "200"]


class HerePool:
    """In the place of worker processes, which would import TensorFlow for seconds."""

    num_workers = threads = 1

    def __init__(self, *_):
        pass

    def run(self, function, tasks, display, describe):
        for name, arguments in tasks:
            try:
                yield name, function(*arguments, progress=lambda *_, **__: None)
            except Exception as error:
                yield name, error

    def close(self):
        pass


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.setattr(select, "TaskPool", HerePool)
    monkeypatch.setenv("DISENTANGLE_CACHE", str(tmp_path / "cache"))


def weights(matrix):
    """Return kernel and bias of generator and encoder, of latents in rows."""
    made = np.vstack([0.5 * matrix, np.zeros((1, 2))]), np.full(2, 0.5)
    inverse = np.linalg.inv(matrix)
    return made, (2 * inverse, -np.ones(2) @ inverse)


def dense_network(shape, output, kernel, bias):
    import keras

    inputs = keras.Input(shape)
    dense = keras.layers.Dense(2)
    outputs = dense(keras.layers.Flatten()(inputs))
    network = keras.Model(inputs, keras.layers.Reshape(output)(outputs))
    dense.set_weights([kernel, bias])
    return network


def save_keras(folder, matrix, codes=CODES, **parts):
    folder.mkdir(parents=True)
    made, read = weights(matrix)
    generator = parts.get("generator") or dense_network((3,), (1, 2, 1), *made)
    encoder = parts.get("encoder") or dense_network((1, 2, 1), (2,), *read)
    generator.save(folder / "generator.keras")
    encoder.save(folder / "encoder.keras")
    (folder / "config.json").write_text(json.dumps({"codes": codes}))
    return folder


def save_onnx(folder, matrix, batch="n"):
    """Write the same networks as ONNX, with channels first, as PyTorch exports them."""
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    folder.mkdir(parents=True)
    image, latent = [batch, 1, 1, 2], [batch, 3]
    for name, ends, (kernel, bias), shape in zip(
        ("generator", "encoder"),
        ((latent, image), (image, [batch, 2])),
        weights(matrix),
        ([-1, 1, 1, 2], [-1, 2]),
        strict=True,
    ):
        arrays = {"W": kernel.astype(np.float32), "b": bias.astype(np.float32)}
        arrays["shape"] = np.array(shape, np.int64)
        nodes = [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("Gemm", ["flat", "W", "b"], ["dense"]),
            helper.make_node("Reshape", ["dense", "shape"], ["y"]),
        ]
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info("x", floats, ends[0])],
            [helper.make_tensor_value_info("y", floats, ends[1])],
            [onnx.numpy_helper.from_array(array, key) for key, array in arrays.items()],
        )
        opset = [helper.make_opsetid("", 17)]
        onnx.save(
            helper.make_model(graph, opset_imports=opset, ir_version=9), folder / f"{name}.onnx"
        )
    (folder / "config.json").write_text(json.dumps({"codes": CODES}))
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("mine")
    matrices = {"straight": STRAIGHT, "swapped": SWAPPED, "mixed": MIXED}
    return [save_keras(root / name, matrix) for name, matrix in matrices.items()]


def scores_of(out):
    table = pd.read_csv(RunDirectory(out).cross_scores_csv)
    return table.pivot(index="encoder_id", columns="generator_id", values="score")


def test_models_from_elsewhere_are_selected_among(models, tmp_path, capsys):
    out = tmp_path / "choice"
    assert main(["select", *map(str, models), "--out", str(out), *FEW, "--json", "-q"]) == 0
    said = json.loads(capsys.readouterr().out)
    chosen = {row["selection_method"]: row["model_id"] for row in said["selected"]}
    assert set(chosen) == {"model_centrality", "udr_lasso", "udr_spearman"}
    assert "mixed" not in chosen.values()
    cells = scores_of(out)
    for pair in (("straight", "swapped"), ("swapped", "straight"), ("mixed", "mixed")):
        assert cells.loc[pair] == 1.0  # order and sign of the codes do not matter
    assert cells.loc["mixed", "straight"] < 0.8
    table = pd.read_csv(RunDirectory(out).selection_csv)
    udr = table[table.selection_method == "udr_spearman"].set_index("model_id").score
    assert udr["straight"] == udr["swapped"] > udr["mixed"]
    # What is there serves the other commands, and is not computed again.
    assert main(["sample", str(out), "--out", str(tmp_path / "a.png")]) == 0
    assert main(["compare", str(out), "--selected"]) == 0
    assert "straight" in capsys.readouterr().out
    assert main(["select", *map(str, models), "--out", str(out), *FEW]) == 0
    assert "is up to date: skipped" in capsys.readouterr().err


@pytest.mark.parametrize("batch", ["n", 1, 7])
def test_onnx_networks_do_the_same(models, tmp_path, batch):
    pytest.importorskip("onnxruntime")
    there = save_onnx(tmp_path / "onnx", SWAPPED, batch)
    out = tmp_path / "choice"
    assert main(["select", *map(str, models), str(there), "--out", str(out), *FEW, "-q"]) == 0
    cells = scores_of(out)
    assert cells.loc["onnx", "straight"] == cells.loc["straight", "onnx"] == 1.0
    # ONNX and Keras compute the same codes of the same samples.
    np.testing.assert_allclose(
        cells.loc["onnx", ["straight", "mixed"]], cells.loc["swapped", ["straight", "mixed"]]
    )
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "own.png")
    assert (
        main(["encode", str(there), str(tmp_path / "own.png"), "--csv", str(tmp_path / "a.csv")])
        == 0
    )
    found = pd.read_csv(tmp_path / "a.csv").iloc[0, 1:].astype(float)
    np.testing.assert_allclose(found, np.array([-1.0, 1.0]) @ np.linalg.inv(SWAPPED), atol=1e-6)


def test_own_images_are_what_codes_are_compared_on(models, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", images=rng.integers(256, size=(300, 1, 2), dtype=np.uint8))
    out = tmp_path / "choice"
    own = ["--images", str(tmp_path / "own.npz"), "--out", str(out), "--methods", "udr_spearman"]
    assert main(["select", *map(str, models), *own, *FEW, "-q"]) == 0
    assert not (out / "samples.npz").exists()
    table = pd.read_csv(RunDirectory(out).selection_csv).set_index("model_id")
    assert set(table.selection_method) == {"udr_spearman"} and table["rank"]["mixed"] == 3


def test_options_of_a_method_are_those_given(models, tmp_path, monkeypatch):
    seen = []

    def judge(subject, *, progress):
        seen.append(subject.options)
        return {"accuracies": [0.5], "num_test": 10, "num_codes": 2}

    monkeypatch.setattr(variation_predictability, "judge", judge)
    few = [f"{VP}.num_pairs=40", f"{VP}.train_share = 0.25", f"{VP}.epochs=2"]
    options = [word for one in few for word in ("--option", one)]
    out = ["--out", str(tmp_path / "choice")]
    assert main(["select", *map(str, models), "--methods", VP, *options, *out, *FEW, "-q"]) == 0
    assert len(seen) == len(models)
    for one in seen:
        assert (one["num_pairs"], one["train_share"], one["epochs"]) == (40, 0.25, 2)
        assert one["repeats"] == 3  # its default


def keras_networks():
    import keras

    def network(shape, output, activation=None):
        layers = [keras.Input(shape), keras.layers.Flatten()]
        layers += [keras.layers.Dense(int(np.prod(output)), activation)]
        return keras.Sequential([*layers, keras.layers.Reshape(output)])

    return {
        "takes": {"generator": network((5,), (1, 2, 1), "sigmoid")},
        "flat": {"generator": network((3,), (2,), "sigmoid")},
        "range": {"generator": network((3,), (1, 2, 1), "exponential")},
        "encoder": {"encoder": network((2, 2, 1), (2,))},
        "codes": {"encoder": network((1, 2, 1), (5,))},
    }


def test_networks_that_do_not_fit_are_all_named(models, tmp_path, capsys):
    expected = {
        "takes": "Expected an input [n, 3]. Received: [n, 5]",
        "flat": "gives no images. Expected an output [n, height, width, 1 or 3]. Received: [n, 2]",
        "range": "gives pixels out of range. Expected values from 0 to 1",
        "encoder": "Expected an input [n, 1, 2, 1]. Received: [n, 2, 2, 1]",
        "codes": "Expected an output [n, 2] of finite numbers, the informative codes alone",
    }
    folders = [
        save_keras(tmp_path / name, STRAIGHT, **parts) for name, parts in keras_networks().items()
    ]
    arguments = ["select", str(models[0]), *map(str, folders), "--out", str(tmp_path / "choice")]
    assert main([*arguments, *FEW, "-q"]) == 2
    *lines, last = capsys.readouterr().err.splitlines()
    assert last == "error: 5 of 6 models do not fit: see the lines above"
    for name, text in expected.items():
        (line,) = [one for one in lines if one.startswith(f"{tmp_path / name}: ")]
        assert text in line


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("{", "describes no model"),
        ("{}", "does not describe the model's codes"),
        ('{"codes": [{"type": "Normal", "dim": 2}]}', "GaussianCodes"),
        (json.dumps({"codes": CODES[::-1]}), "noise stands before a code"),
        ('{"codes": [{"type": "UniformCodes", "dim": 0}]}', "dim"),
    ],
)
def test_a_wrong_description_is_refused(models, tmp_path, capsys, config, expected):
    folder = save_keras(tmp_path / "mine", STRAIGHT)
    (folder / "config.json").write_text(config)
    assert main(["select", str(models[0]), str(folder), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and expected in error and "UniformCodes" in error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nothing"], "holds no model"),
        ([], "two models or more"),
        (["MODEL"], "named twice"),
        (["SECOND", "--methods", "udr"], "udr_lasso"),
        (["SECOND", "--methods", "pipe"], "pipe needs real images"),
        (["SECOND", "--images", "nothing"], "no images at nothing"),
        (["SECOND", "--group-size", "1"], "group_size"),
        (["SECOND", "--fixed", "classes"], "categorical"),
        (["SECOND", "--option", "steps=500"], "METHOD.NAME=VALUE"),
        (["SECOND", "--option", "pipe.steps=500"], "model_centrality"),  # not asked for
        ([*VP_OF_SECOND, "--option", f"{VP}.epoch=5"], "'epochs'"),
        ([*VP_OF_SECOND, "--option", f"{VP}.epochs=many"], "epochs='many'"),
    ],
)
def test_bad_use_ends_in_one_line(models, tmp_path, capsys, arguments, expected):
    places = {"MODEL": str(models[0]), "SECOND": str(models[1])}
    given = [places.get(word, word) for word in arguments]
    assert main(["select", str(models[0]), *given, "--out", str(tmp_path), "-q"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and expected in error


def test_models_of_one_name_are_told_apart(tmp_path):
    for run in ("a", "b"):
        save_keras(tmp_path / run / "gan", STRAIGHT)
    found = open_models([tmp_path / "a" / "gan", tmp_path / "b" / "gan"])
    assert list(found) == ["a-gan", "b-gan"]
    assert list(open_models([tmp_path / "a"])) == ["gan"]  # a folder of models' folders


def test_a_run_of_its_own_is_not_overwritten(models, tmp_path, capsys):
    RunDirectory(tmp_path).configuration.write_text("")
    assert main(["select", *map(str, models), "--out", str(tmp_path)]) == 2
    assert "would be lost" in capsys.readouterr().err


def test_onnxruntime_is_asked_for_when_it_is_not_installed(models, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("generator.onnx", "encoder.onnx"):
        (folder / name).write_bytes(b"")
    (folder / "config.json").write_text(json.dumps({"codes": CODES}))
    assert main(["select", str(models[0]), str(folder), "--out", str(tmp_path / "out"), "-q"]) == 2
    assert "pip install -e '.[onnx]'" in capsys.readouterr().err
