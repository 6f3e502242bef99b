"""`run_pipeline.py card`: a model of a run as a folder that other commands take, with a card."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from models.codes.joint_code import JointCode, UniformCodes, UniformNoise
from pipeline.cards.folder import without_private_paths
from pipeline.cards.weights import write_network
from pipeline.cli import main
from pipeline.errors import StageError
from pipeline.inference.encoding import load_network
from pipeline.inference.saved_model import open_model
from pipeline.runs import tables
from pipeline.runs.directory import CardDirectory, ExportDirectory
from pipeline.runs.manifests import damaged_files, read_manifest, write_manifest
from tests.linear_models import write_linear_model
from tests.stages.report import synthetic_run

CODES = JointCode((UniformCodes(2), UniformNoise(3)))
SHAPE = (8, 8, 1)
RNG = np.random.default_rng(5)
GENERATOR, ENCODER = RNG.normal(0, 0.1, (5, 64)), RNG.normal(0, 0.1, (64, 2))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with three models, of which cr-1 was selected; its networks are there."""
    root = synthetic_run.make_run(tmp_path_factory.mktemp("runs") / "toy")
    for model_id in ("cr-0", "cr-1"):
        folder = ExportDirectory(root / "models" / model_id)
        drawn = dict(np.load(folder.traversals))
        write_linear_model(folder.root, CODES, GENERATOR, ENCODER, SHAPE, **drawn)
        config = json.loads((folder.root / "config.json").read_text())
        config["dataset"] = {"type": "LabelledImages", "folder": "/home/me/data/digits"}
        config["method"]["cr_weight"] = {"cr-0": 0.5, "cr-1": 2.0}[model_id]
        (folder.root / "config.json").write_text(json.dumps(config))
        (folder.root / "configuration.gin").write_text(
            "experiment.name = 'toy'\nD = '/home/me/d'\n"
        )
        write_manifest(folder.manifest, "f", folder.files)
    return root


def test_a_folder_is_whole_and_says_what_the_model_is(run, tmp_path, capsys):
    target = CardDirectory(tmp_path / "given")
    assert main(["card", str(run), "--out", str(target.root)]) == 0
    assert "cr-1, 0." in capsys.readouterr().out
    manifest = read_manifest(target.manifest)
    assert manifest["model_id"] == "cr-1" and not damaged_files(
        target.manifest, manifest["outputs"]
    )
    assert set(manifest["outputs"]) | {"manifest.json"} == {p.name for p in target.root.iterdir()}
    card = target.card.read_text()
    for text in (
        "# cr-1", "experiment `toy`", "ModelCentrality chose it among 3 models",
        "FactorVAE\N{NO-BREAK SPACE}↑ | 0.900 [0.775 to 1.025] | cr | mean | 10",
        "Selected from the pool `all` by ModelCentrality, ",
        "| all | ModelCentrality | 1 of 3 | 0.600 | – |", "| method.cr_weight | 2.0 |",
        "| folder | /path/to/digits |", "scored: numpy 2", "(traversals.png)",
        "explore trained/given", "to the bit",
    ):  # fmt: skip
        assert text in card, text
    assert "/home/me" not in card + target.config.read_text() + target.configuration.read_text()
    scores = tables.read_table(target.scores_csv, tables.SCORE_COLUMNS)
    expected = tables.read_table(run / "scores.csv", tables.SCORE_COLUMNS)
    expected = expected[expected["model_id"] == "cr-1"].reset_index(drop=True)
    pd.testing.assert_frame_equal(scores, expected)
    assert target.generator.read_bytes() == (run / "models/cr-1/generator.keras").read_bytes()


def test_other_commands_take_the_folder_and_a_folder_of_folders(run, tmp_path, capsys):
    for model_id in ("cr-0", "cr-1"):
        target = tmp_path / "trained" / model_id
        assert main(["card", str(run), model_id, "--out", str(target)]) == 0
    out = tmp_path / "a.npz"
    assert main(["sample", str(tmp_path / "trained" / "cr-1"), "-n", "2", "--out", str(out)]) == 0
    latents = np.load(out)["latents"]
    expected = np.clip(0.5 + latents @ GENERATOR.astype(np.float32), 0, 1) * 255
    np.testing.assert_allclose(np.load(out)["images"].reshape(2, -1), expected, atol=1)
    capsys.readouterr()
    assert main(["traverse", str(tmp_path / "trained"), "--id", "cr-2", "--out", "a.png"]) == 2
    error = capsys.readouterr().err
    assert "Did you mean" in error and "Expected one of: cr-0, cr-1." in error
    assert main(["traverse", str(tmp_path / "trained"), "--id", "cr-0", "--out", str(out)]) == 0


def test_a_model_made_elsewhere_has_a_card_too(run, tmp_path):
    """Of anybody's models `select` knows no method, no seed, no iterations."""
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    folder = ExportDirectory(copy / "models" / "cr-1")
    config = json.loads((folder.root / "config.json").read_text())
    codes = config["method"]["codes"]["parts"]
    (folder.root / "config.json").write_text(json.dumps({"codes": codes}))
    write_manifest(folder.manifest, "f", folder.files)
    models = tables.read_table(copy / "models.csv", tables.MODEL_COLUMNS)
    models = models.assign(iteration=0, train_seconds=None, parameters=None)
    tables.write_table(copy / "models.csv", models, tables.MODEL_COLUMNS)
    target = CardDirectory(tmp_path / "given")
    assert main(["card", str(copy), "cr-1", "--out", str(target.root)]) == 0
    card = target.card.read_text()
    assert "A model made elsewhere; one of 3 models of its run." in card
    assert "<NA>" not in card and "None" not in card


def test_half_precision_is_half_as_large_and_measured(run, tmp_path):
    target = CardDirectory(tmp_path / "half")
    arguments = ["card", str(run), "cr-1", "--out", str(target.root), "--precision", "float16"]
    assert main(arguments) == 0
    card = target.card.read_text()
    assert "stored as float16" in card and "no pixel\ndiffers by more than" in card
    before = ExportDirectory(run / "models" / "cr-1")
    for path, original in (
        (target.generator, before.generator),
        (target.encoder, before.encoder),
    ):
        for weights, expected in zip(
            load_network(path).get_weights(), load_network(original).get_weights(), strict=True
        ):
            assert weights.dtype == np.float32
            rounded = expected.astype(np.float16) if expected.ndim > 1 else expected
            np.testing.assert_array_equal(weights, rounded)
    assert open_model(target.root).codes == CODES


def test_the_same_weights_give_the_same_bytes_and_infinity_is_refused(run, tmp_path):
    source = run / "models" / "cr-1" / "generator.keras"
    paths = [tmp_path / "a.keras", tmp_path / "b.keras"]
    for path in paths:
        write_network(source, path, "float16")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    write_linear_model(tmp_path / "huge", CODES, GENERATOR * 1e7, ENCODER, SHAPE)
    with pytest.raises(StageError, match="float16 ends at 65504"):
        write_network(tmp_path / "huge" / "generator.keras", paths[0], "float16")


def test_damage_and_bad_places_are_named(run, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    path = copy / "models" / "cr-1" / "encoder.keras"
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["card", str(copy), "--out", str(tmp_path / "a")]) == 1
    assert "encoder.keras is damaged" in capsys.readouterr().err
    assert main(["card", str(tmp_path), "--out", str(tmp_path / "a")]) == 2
    assert "is no run directory" in capsys.readouterr().err
    assert main(["card", str(run), "--out", str(copy)]) == 2
    assert "holds other things" in capsys.readouterr().err
    assert main(["card", str(run), "cr-7", "--out", str(tmp_path / "a")]) == 2
    assert "Expected one of: cr-1, cr-0, plain-0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("folder.path = '/home/me/my images'", "folder.path = '/path/to/my images'"),
        ("path = '~/mnist/'", "path = '/path/to/mnist'"),
        ('"path": "C:\\\\Users\\\\me\\\\mnist"', '"path": "/path/to/mnist"'),
        ("decoder/adam.rate = 'a/b'", "decoder/adam.rate = 'a/b'"),
    ],
)
def test_paths_of_a_machine_keep_their_last_name(text, expected):
    assert without_private_paths(text) == expected
