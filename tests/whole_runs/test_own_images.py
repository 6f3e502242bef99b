"""Images of one's own, without labels, through every stage."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks.harness import EXPERIMENT, staying_workers
from pipeline.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def workers():
    """Processes that live from run to run."""
    with staying_workers():
        yield


def own_images(folder, kind):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (80, 16, 16, 3), np.uint8)
    if kind == "npz":
        np.savez(folder / "own.npz", images=images)
        return f"experiment.dataset = @image_arrays()\nimage_arrays.path = '{folder}/own.npz'\n"
    (folder / "own").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / "own" / f"{number}.png")
    return f"experiment.dataset = @image_folder()\nimage_folder.path = '{folder}/own'\n"


@pytest.mark.parametrize("kind", ["npz", "folder"])
def test_own_images_without_labels_run_through_every_stage(tmp_path, cache, capfd, kind):
    file = tmp_path / "own.gin"
    file.write_text(own_images(tmp_path, kind))
    out = ["--out", str(tmp_path / "run"), "--cache", str(cache)]
    plain = ["--set", "ALPHA_FROM = 12", "--set", "GAP_FROM = 12"]  # labels are no matter of H
    assert main([*EXPERIMENT, *plain, "--gin", str(file), *out]) == 0
    assert "has no known factors: skipped factor_vae" in capfd.readouterr().err
    selection = pd.read_csv(tmp_path / "run" / "selection.csv")
    methods = {"model_centrality", "udr_lasso", "udr_spearman"}  # none needs labels
    assert set(selection.selection_method) == methods
    assert (tmp_path / "run" / "report" / "index.html").exists()
