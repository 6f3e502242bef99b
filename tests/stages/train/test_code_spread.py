"""Standard deviations of codes over training images, on encoders that are known."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from models.codes import joint_code as codes
from pipeline.stages.train.code_spread import MAX_CODES, CodeSpread

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 2, 2, 1), dtype=np.uint8)
DATASET = SimpleNamespace(num_images=50, max_value=255, train_images=lambda rows: IMAGES[rows])


def spread(joint, weights):
    """Return the spread of codes that are linear in an image's pixels [4]."""
    images = keras.Input((2, 2, 1))
    outputs = keras.layers.Dense(weights.shape[1], use_bias=False)(keras.layers.Flatten()(images))
    encoder = keras.Model(images, outputs)
    encoder.set_weights([weights])
    return CodeSpread(SimpleNamespace(codes=joint, encoder=encoder), DATASET)()


def test_a_dead_code_has_none_and_a_categorical_one_that_of_its_columns_together():
    joint = codes.JointCode(
        (codes.UniformCodes(2), codes.CategoricalCode(2), codes.UniformNoise(3))
    )
    weights = np.zeros((4, 4), np.float32)
    weights[0, 0], weights[1, 2], weights[2, 3] = 2.0, 3.0, 4.0
    stds = IMAGES.reshape(50, 4).std(axis=0) / 255.0
    found = spread(joint, weights)
    assert list(found) == ["std_uniform_1", "std_uniform_2", "std_categorical_1"]
    expected = [2.0 * stds[0], 0.0, np.hypot(3.0 * stds[1], 4.0 * stds[2])]
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-5)


def test_class_features_are_one_code():
    joint = codes.FeatureCode((codes.CategoricalCode(3), codes.GaussianNoise(1)), feature_dim=2)
    stds = IMAGES.reshape(50, 4).std(axis=0) / 255.0
    found = spread(joint, np.eye(4, 3, dtype=np.float32))
    assert found == pytest.approx({"std_classes": np.hypot(stds[0], stds[1])}, rel=1e-5)


def test_too_many_codes_are_not_written():
    joint = codes.JointCode((codes.UniformCodes(MAX_CODES + 1),))
    assert spread(joint, np.ones((4, MAX_CODES + 1), np.float32)) == {}
