"""VP and PIPE on generators whose codes are known to be disentangled, or not."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from models.codes.joint_code import JointCode, UniformCodes, UniformNoise
from pipeline.runs.directory import ExportDirectory
from pipeline.selection import pipe, variation_predictability
from pipeline.selection.evidence import Subject

CODES = JointCode((UniformCodes(2), UniformNoise(1)))
SIDE = 8


def halves():
    """Each code lights a half of the image of its own."""
    kernel = np.zeros((3, SIDE, SIDE), np.float32)
    kernel[0, :, : SIDE // 2], kernel[1, :, SIDE // 2 :] = 0.4, 0.4
    return kernel


def together():
    """Both codes light the whole image, so nobody can tell which was changed."""
    kernel = np.zeros((3, SIDE, SIDE), np.float32)
    kernel[:2] = 0.2
    return kernel


def subject(folder, kernel, options, images=None):
    """Save a linear generator and an encoder that inverts it as far as that goes."""
    flat = kernel.reshape(3, -1)
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(SIDE * SIDE)
    generator = keras.Model(inputs, keras.layers.Reshape((SIDE, SIDE, 1))(dense(inputs)))
    dense.set_weights([flat, np.full(SIDE * SIDE, 0.5, np.float32)])
    inputs = keras.Input((SIDE, SIDE, 1))
    inverse = keras.layers.Dense(2)
    encoder = keras.Model(inputs, inverse(keras.layers.Flatten()(inputs)))
    weights = np.linalg.pinv(flat[:2].astype(np.float64)).astype(np.float32)
    inverse.set_weights([weights, -0.5 * weights.sum(axis=0)])
    export = ExportDirectory(folder)
    folder.mkdir()
    generator.save(export.generator)
    encoder.save(export.encoder)
    dataset = None
    if images is not None:
        opened = SimpleNamespace(
            num_images=len(images), max_value=255, train_images=lambda chosen: images[chosen]
        )
        dataset = SimpleNamespace(open=lambda cache: opened)
    return Subject((export,), (CODES,), dataset, folder, options, (1, 2))


def silent(*_):
    pass


VP = {
    "num_pairs": 400,
    "train_share": 0.25,
    "epochs": 6,
    "batch_size": 20,
    "learning_rate": 0.01,
    "repeats": 1,
    "informative_only": False,
}


def test_vp_tells_codes_with_changes_of_their_own(tmp_path):
    apart = variation_predictability.judge(subject(tmp_path / "a", halves(), VP), progress=silent)
    mixed = variation_predictability.judge(subject(tmp_path / "b", together(), VP), progress=silent)
    assert (apart["num_codes"], apart["num_test"]) == (2, 300)
    # From two epochs on every change is told; of six guesses at chance the best has an excess.
    assert apart["accuracies"][0] > 0.95
    assert 0.4 < mixed["accuracies"][0] < 0.65
    again = variation_predictability.judge(subject(tmp_path / "c", halves(), VP), progress=silent)
    assert again == apart


def test_above_chance():
    assert variation_predictability.above_chance(0.25, 4) == 0.0
    assert variation_predictability.above_chance(1.0, 4) == 1.0
    assert variation_predictability.above_chance(0.625, 4) == pytest.approx(0.5)


PIPE = {
    "num_images": 512,
    "independent": "uniform",
    "batch_size": 32,
    "steps": 64,
    "learning_rate": 1e-3,
}


def shown(codes):
    latents = np.concatenate([codes, np.zeros((len(codes), 1))], axis=1)
    values = 0.5 + latents @ halves().reshape(3, -1)
    return np.rint(255 * values.reshape(-1, SIDE, SIDE, 1)).astype(np.uint8)


@pytest.mark.parametrize("independent", ["uniform", "permuted"])
def test_pipe_tells_dependent_codes_from_independent_ones(tmp_path, independent):
    rng = np.random.default_rng(0)
    free = rng.uniform(-1, 1, (600, 2))
    tied = np.repeat(rng.uniform(-1, 1, (600, 1)), 2, axis=1)
    options = PIPE | {"independent": independent}
    accuracies = {}
    for name, codes in (("free", free), ("tied", tied)):
        judged = subject(tmp_path / name, halves(), options, shown(codes))
        result = pipe.judge(judged, progress=silent)
        assert result["num_test"] == 512
        accuracies[name] = result["accuracy"]
    assert 0.4 < accuracies["free"] < 0.62
    assert accuracies["tied"] > 0.75


def test_classes_are_one_hot_and_permuted():
    from models.codes.joint_code import CategoricalCode

    codes = JointCode((CategoricalCode(3), UniformCodes(1)))
    told = pipe._as_drawn(codes, np.array([[0.2, 0.5, 0.3, 0.7], [0.6, 0.3, 0.1, -0.7]]))
    np.testing.assert_array_equal(told[:, :3], [[0, 1, 0], [1, 0, 0]])
    drawn = pipe._independent(
        codes, np.repeat(told, 50, axis=0), "uniform", np.random.default_rng(0)
    )
    np.testing.assert_array_equal(drawn[:, :3].sum(axis=0), [50, 50, 0])
    assert np.abs(drawn[:, 3]).max() <= 0.7 and len(np.unique(drawn[:, 3])) > 50
