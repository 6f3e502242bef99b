"""What an export says about codes, on a model whose KL is known."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from models.codes import joint_code as codes
from pipeline.runs.directory import ExportDirectory
from pipeline.stages.train.export import Exporter


@pytest.mark.parametrize("num_images", [300, 20_000])
def test_the_kl_of_codes_is_the_mean_over_training_images(tmp_path, num_images):
    levels = np.arange(num_images) % 3
    dataset = SimpleNamespace(
        num_images=num_images,
        max_value=255,
        train_images=lambda rows: np.tile(
            (levels[rows] * 51).astype(np.uint8)[:, None, None, None], (1, 2, 2, 1)
        ),
    )
    model = SimpleNamespace(
        shown_generator=lambda: None,
        # Two codes: the brightness, from 0 to 0.4, and its square.
        kl_of_codes=lambda images, training: tf.stack(
            [images[:, 0, 0, 0], images[:, 0, 0, 0] ** 2], axis=1
        ),
    )
    folder = ExportDirectory(tmp_path)
    assert len(folder.files) == 3
    Exporter(model, dataset)._write_kl(folder)
    content = json.loads(folder.code_kl.read_text())
    assert content["num_images"] == min(num_images, 10_000)
    np.testing.assert_allclose(content["nats"], [0.2, 0.2 / 3], rtol=0.02)
    assert folder.files[-1] == folder.code_kl


def test_rows_of_a_traversal_with_values_of_their_own_say_which():
    drawn = codes.JointCode((codes.CategoricalCode(4), codes.UniformCodes(2)))
    model = SimpleNamespace(
        shown_generator=lambda: lambda latents, training: tf.reshape(latents[:, :1], (-1, 1, 1, 1)),
        kl_of_codes=None,
    )
    images, values, names = Exporter(model, None).traverse(drawn)
    assert names == ["categorical_1 (0 to 3)", "uniform_1", "uniform_2"]
    np.testing.assert_allclose(values, np.linspace(-1.0, 1.0, 10))
    assert images.shape == (3, 10, 1, 1, 1)
    assert (images[0, 4:] == 255).all() and images[0, 0] == 255 and (images[0, 1:4] == 0).all()
