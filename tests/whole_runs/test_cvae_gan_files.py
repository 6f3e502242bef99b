"""The Gin files of the conditional VAE with adversarial training: all of them train and are scored.

In this process: the processes around it are those of any method, and take most of the time.
"""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.experiment import load_experiment
from pipeline.runs.directory import ModelDirectory
from pipeline.selection.cross_evaluation import cast_votes
from pipeline.stages.metrics import identity_scoring
from pipeline.stages.metrics.metric_results import read_result
from pipeline.stages.train.loop import train_model

RNG = np.random.default_rng(0)


def mnist(folder):
    """Two hundred images of ten digits, and forty held out, as IDX files."""
    for part, count in (("train", 200), ("t10k", 40)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = RNG.integers(0, 256, (count, 28, 28), np.uint8)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (folder / f"{part}-{name}-ubyte").write_bytes(header + array.tobytes())
    return [f"DATA_DIR = '{folder}'", "BATCH_SIZE = 8"]


def faces(folder):
    """Ten persons with twelve pictures each."""
    for person in range(10):
        (folder / f"person{person}").mkdir()
        for number in range(12):
            picture = RNG.integers(0, 256, (40, 36, 3), np.uint8)
            Image.fromarray(picture).save(folder / f"person{person}" / f"{number}.png")
    return [f"DATA_DIR = '{folder}'", "BATCH_SIZE = 4", "UNSPECIFIED = 8", "big_networks.width = 2"]


def teapots(folder):
    return ["NUM_IMAGES = 400", "BATCH_SIZE = 4"]


def experiment(name, *settings):
    files = [f"gin/cvae_gan_{name}.gin", "gin/parts/budgets/cvae_gan_smoke.gin"]
    return load_experiment(files, ["ITERATIONS = 2", *settings])


@pytest.mark.slow
@pytest.mark.parametrize("source", [mnist, faces, teapots])
def test_every_file_trains_and_is_scored(source, tmp_path, cache):
    (tmp_path / "data").mkdir()
    described = experiment(source.__name__, *source(tmp_path / "data"))
    dataset = described.dataset.open(cache)
    spec = described.model_specs(dataset.fingerprint)[-1]
    assert spec.method.has_adversary and spec.method.has_verifier == (source is mnist)
    directory = ModelDirectory(tmp_path / "model")
    outcome = train_model(spec, directory, cache, progress=lambda *_, **__: None)
    assert outcome["status"] == "done", outcome
    folder, codes = directory.export("final"), spec.method.codes
    with np.load(folder.traversals) as arrays:
        pictures = [name for name in arrays.files if name.startswith("identity_")]
        assert arrays["encoded"].shape[1] == codes.code_dim
        assert len(arrays["names"]) == len(arrays["images"]) == min(40, codes.num_codes)
    assert len(pictures) == (8 if dataset.unseen else 4)
    if source is faces:  # the rest does not depend on networks or images
        return
    arguments = (described.dataset, cache, described.metrics)
    for exported, result in ((folder, "scores.json"), (None, "baseline.json")):
        scored = codes if exported else None
        identity_scoring.score_identities(
            *arguments, exported, scored, tmp_path / result, progress=lambda *_, **__: None
        )
    scores = read_result(tmp_path / "scores.json")["scores"]
    for part in ("seen", "unseen") if dataset.unseen else ("seen",):
        for view in ("s", "z", "z_mean"):
            assert 0 <= scores[f"{view}_accuracy_{part}"] <= 1
            assert scores[f"{view}_information_{part}"] >= 0
        assert scores[f"reconstruction_error_{part}"] > 0 < scores[f"swap_error_{part}"]
    baseline = read_result(tmp_path / "baseline.json")["scores"]
    assert {"images_accuracy_seen", "chance_seen"} <= baseline.keys()
    if dataset.unseen:
        return
    votes = cast_votes(
        folder.generator,
        codes,
        [folder.encoder],
        fixed_codes=np.arange(4),
        group_size=4,
        num_std_samples=32,
        seed=(1, 2),
        progress=lambda *_: None,
    )
    assert votes.shape == (1, 4)


def test_the_published_settings():
    described = experiment("faces")
    method = described.settings[1].method
    weights = (method.reconstruction_weight, method.swap_weight, method.adversarial_weight)
    assert weights == (0.5, 1.0, 1.0) and method.kl_weight.values == (0.6,)
    assert method.conditioning == "pair" and method.real_label == 0.95
    assert (method.specified_dim, method.unspecified_dim) == (64, 512)
    assert method.networks.width == 16 and method.networks.dropout == 0.5
    assert described.settings[0].method.adversarial_weight == 0.0
    method = experiment("mnist").settings[0].method
    assert (method.specified_dim, method.unspecified_dim) == (16, 16)
    assert method.networks.filters == (16, 32, 64) and method.networks.kernel_size == 5


def test_data_without_identities_are_refused(tmp_path, cache):
    images = RNG.integers(0, 256, (30, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "own.npz", images=images)
    described = experiment(
        "mnist",
        "experiment.dataset = @image_arrays()",
        f"image_arrays.path = '{tmp_path}/own.npz'",
        "BATCH_SIZE = 4",
    )
    spec = described.model_specs(described.dataset.open(cache).fingerprint)[0]
    with pytest.raises(ValueError, match="has no labels"):
        train_model(
            spec, ModelDirectory(Path(tmp_path) / "model"), cache, progress=lambda *_, **__: None
        )
