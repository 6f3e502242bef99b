"""The models that come along are whole, described, and small enough for a repository."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.model_argument import find_models
from pipeline.inference.saved_model import open_model
from pipeline.runs.directory import CardDirectory
from pipeline.runs.manifests import damaged_files, read_manifest

TRAINED = Path(__file__).resolve().parents[2] / "trained"
FOLDERS = sorted(path.parent for path in TRAINED.glob("*/manifest.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_model_is_as_its_manifest_says(folder):
    card = CardDirectory(folder)
    manifest = read_manifest(card.manifest)
    assert damaged_files(card.manifest, manifest["outputs"]) == {}
    assert set(manifest["outputs"]) == {one.name for one in folder.iterdir()} - {"manifest.json"}
    assert f"# {manifest['model_id']}\n" in card.card.read_text(encoding="utf-8")
    assert f"({folder.name}/README.md)" in (TRAINED / "README.md").read_text(encoding="utf-8")
    everything = "".join(path.read_text() for path in (card.config, card.configuration, card.card))
    assert "/work/" not in everything and "/home/" not in everything and "/tmp/" not in everything


def test_together_they_stay_small():
    assert len(FOLDERS) >= 1
    assert list(find_models(TRAINED).values()) == FOLDERS
    size = sum(path.stat().st_size for path in TRAINED.rglob("*") if path.is_file())
    assert size < 30_000_000


def test_one_draws_and_encodes_at_once():
    model = open_model(FOLDERS[0])
    images = model.generator()(model.drawable().draw(np.random.default_rng(0), 3))
    encode, shape = model.encoder()
    assert images.shape == (3, *shape) and images.std() > 0
    assert encode(images).shape == (3, model.codes.code_dim)
