"""The proof of the house: one more of everything, in as few files as the architecture promises.

The worked examples of docs/adding (a metric, a VAE, a GAN, a data set, a selection method, a plot,
each in files of its own and lines of a face) are written into a copy of the repository, and one run
goes through with all of them, to the page.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("gin", "models", "metrics", "pipeline", "run_pipeline.py")

GUIDES = sorted((REPOSITORY / "docs" / "adding").glob("*.md"))
# `file`: or `file`, before `a line that is there`: and what to write, in a block of code.
BLOCK = re.compile(
    r"^`(\S+)`(?:, before `([^`]+)`)?:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def additions() -> dict[str, dict[str, str | dict[str, str]]]:
    """Return what the guides add -> the files it is written in: a text, or lines of a face."""
    kinds: dict = {}
    for guide in GUIDES:
        text = guide.read_text(encoding="utf-8")
        files = kinds.setdefault(text.split("\n", 1)[0].removeprefix("# "), {})
        for path, before, content in BLOCK.findall(text):
            if before:
                files.setdefault(path, {})[before] = content
            else:
                files[path] = content
    return kinds


PROMISED = {
    "A metric": 2,
    "A variational autoencoder": 2,
    "A GAN": 3,
    "A data set": 2,
    "A selection method": 2,
    "A plot": 2,
}
EXPERIMENT = """include 'gin/quickstart.gin'
include 'gin/parts/methods/near_vae.gin'
include 'gin/parts/methods/first_infogan.gin'
include 'gin/parts/data/bars.gin'
include 'gin/parts/budgets/smoke.gin'
experiment.name = 'house'
decoder/deconv_generator.deconv = (8,)
decoder/deconv_generator.base_channels = 8
posterior/conv_encoder.conv = (8, 8)
deconv_generator.deconv = (8,)
conv_discriminator.conv = (8, 8)
cr_protocol.metrics = ('mig', 'largest_correlation')
selection.methods = ('model_centrality', 'spread')
sweep.settings = {
    'gan': {'experiment.method': @first_infogan()},
    'vae': {'experiment.method': @near_vae()},
}
NUM_SEEDS = 1
NUM_IMAGES = None
"""


def add(house: Path, files: dict) -> None:
    """Write what is new, and change what a face lists."""
    for name, content in files.items():
        path = house / name
        if isinstance(content, str):
            assert not path.exists()
            path.write_text(content, encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
            for found, line in content.items():
                places = [one for one in text.splitlines() if one.strip().startswith(found)]
                assert len(places) == 1, (name, found)
                text = text.replace(places[0], line + places[0])
            path.write_text(text, encoding="utf-8")


def test_there_is_an_example_of_each():
    assert set(additions()) == set(PROMISED)


@pytest.mark.parametrize("kind", PROMISED)
def test_as_few_files_as_promised(kind):
    assert len(additions()[kind]) == PROMISED[kind]


@pytest.mark.slow
def test_one_more_of_everything_runs_through_to_the_page(tmp_path):
    house = tmp_path / "house"
    house.mkdir()
    for room in ROOMS:
        source = REPOSITORY / room
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, house / room, ignore=ignored)
        else:
            shutil.copy(source, house / room)
    for files in additions().values():
        add(house, files)
    (house / "gin" / "house.gin").write_text(EXPERIMENT, encoding="utf-8")
    out = tmp_path / "run"
    command = [sys.executable, "run_pipeline.py", "--gin", "gin/house.gin", "--out", str(out)]
    finished = subprocess.run(
        [*command, "--cache", str(tmp_path / "cache"), "--workers", "1"],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    models = pd.read_csv(out / "models.csv")
    assert set(models.method) == {"first_infogan", "near_vae"} and (models.status == "done").all()
    scores = pd.read_csv(out / "scores.csv")
    assert set(scores.dataset) == {"Bars"} and "largest_correlation" in set(scores.metric)
    assert "spread" in set(pd.read_csv(out / "selection.csv").selection_method)
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    for shown in ("Largest correlation", "Widest codes", "Models of each setting."):
        assert shown in page, shown
