"""The commands of the pages that take a run or a trained model, run as they stand.

The models that come along are themselves; a page's runs are a small one made here, its own models
and images those of this test. What needs hours, a server or another program is not run.
"""

import glob
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.cli import main
from pipeline.runs.directory import ExportDirectory
from pipeline.runs.manifests import write_manifest
from tests.docs.test_commands import COMMANDS_SHOWN, REPOSITORY
from tests.linear_models import write_linear_model
from tests.stages.report import synthetic_run
from tests.stages.report.synthetic_run import TWO_CODES

pytestmark = pytest.mark.slow

RUN_HERE = {"card", "compare", "encode", "sample", "score", "select", "status", "swap", "traverse"}
COMMANDS = [
    words
    for _, words in COMMANDS_SHOWN
    if words[1] == "run_pipeline.py" and words[2] in RUN_HERE and "MODEL_FOLDER" not in words
]
RUNS = ("alpha-1", "alpha-2", "mnist", "quickstart", "quickstart-wide", "teapots")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which every path of the pages is there."""
    from models.codes.joint_code import JointCode, UniformCodes, UniformNoise

    folder = tmp_path_factory.mktemp("place")
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for name in ("photo", "a", "b", *(f"photos/{number}" for number in range(8))):
        pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    factors = rng.integers(0, 4, (400, 2))
    codes = factors + 0.1 * rng.standard_normal((400, 2))
    np.savez(folder / "codes.npz", codes=codes, factors=factors)
    parts = JointCode((UniformCodes(2), UniformNoise(3)))
    networks = rng.normal(0, 0.1, (5, 64)), rng.normal(0, 0.1, (64, 2))
    for name in RUNS:
        run = synthetic_run.make_run(folder / "runs" / name, codes=TWO_CODES)
        for model_id in ("cr-0", "cr-1"):
            export = ExportDirectory(run / "models" / model_id)
            drawn = dict(np.load(export.traversals))
            write_linear_model(export.root, parts, *networks, (8, 8, 1), **drawn)
            write_manifest(export.manifest, "f", export.files)
    (folder / "mine").mkdir()
    (folder / "trained").mkdir()  # commands write there, too
    for source in (REPOSITORY / "trained").glob("squares_*"):
        (folder / "trained" / source.name).symlink_to(source)
        (folder / "mine" / source.name.replace("squares_", "gan-")).symlink_to(source)
    return folder


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_does_what_the_page_says(words, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    arguments = _expanded(words)
    if words[2] == "status":  # of a run that was begun by a command
        begun = ["--gin", str(REPOSITORY / "gin" / "quickstart.gin"), "--stages", "data"]
        monkeypatch.chdir(REPOSITORY)  # where Gin files find the parts that they include
        run = place / "begun" / Path(words[3]).name
        assert main([*begun, "--out", str(run), "--cache", str(place / "cache")]) == 0
        arguments[1] = str(run)
    if "choice" in words[3:] and "--out" not in words and not Path("choice").exists():
        assert main(_expanded(next(one for one in COMMANDS if one[2] == "select"))) == 0
    arguments = ["cr-1" if word.startswith("infogan-seed") else word for word in arguments]
    before = _files(place)
    assert main(arguments) == 0, capsys.readouterr().err
    output = capsys.readouterr().out
    assert output or _files(place) - before
    for option in ("--out", "--csv", "--page"):
        if option in words:
            assert os.path.exists(words[words.index(option) + 1])


def _expanded(words):
    """Return the arguments of a command as a shell gives them, in the folder of the moment."""
    return [one for word in words[2:] for one in sorted(glob.glob(word)) or [word]]


def _files(folder):
    return {path for path in folder.rglob("*") if not path.is_symlink()}
