"""Codes drawn from posteriors: known moments, one seed, one row for each model."""

import numpy as np
import pandas as pd
import pytest

from pipeline.inference.posterior_draws import draw_codes, sampling_encoder
from pipeline.runs.representations import main_rows

POINTS = 40_000


def test_draws_have_the_moments_of_the_posterior():
    mean, std = np.array([1.0, -2.0]), np.array([0.5, 1e-4])
    posterior = np.tile(np.concatenate([mean, 2 * np.log(std)]), (POINTS, 1)).astype(np.float32)
    drawn = draw_codes(np.random.default_rng(0), posterior, "posterior")
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.01)
    np.testing.assert_allclose(drawn.std(axis=0), std, rtol=0.02)


@pytest.mark.parametrize("code_dim", [1, 2, 3, 10])
def test_draws_of_a_full_covariance_have_it(code_dim):
    rng = np.random.default_rng(1)
    rows, columns = np.tril_indices(code_dim)
    triangle = np.zeros((code_dim, code_dim))
    triangle[rows, columns] = rng.uniform(-1, 1, len(rows))
    mean = rng.standard_normal(code_dim)
    posterior = np.tile(np.concatenate([mean, triangle[rows, columns]]), (POINTS, 1))
    drawn = draw_codes(np.random.default_rng(2), posterior, "full_posterior")
    assert drawn.shape == (POINTS, code_dim)
    expected = triangle @ triangle.T + 1e-4 * np.eye(code_dim)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T).reshape(expected.shape), expected, atol=0.06)


def test_one_seed_gives_one_stream_and_each_image_a_draw_of_its_own():
    posterior = lambda images: np.zeros((len(images), 4), np.float32)  # noqa: E731 - N(0, I)
    one, again = (sampling_encoder(posterior, "posterior", [3, 1]) for _ in range(2))
    other = sampling_encoder(posterior, "posterior", [3, 2])
    images = np.zeros((5, 1))
    first = one(images)
    np.testing.assert_array_equal(first, again(images))
    assert len(np.unique(first)) == first.size
    assert not np.array_equal(one(images), first) and not np.array_equal(other(images), first)


def test_one_row_stands_for_a_model():
    rows = [
        ("vae", "cr", "mig", "mean", 0.4),
        ("vae", "cr", "mig", "sample", 0.3),
        ("vae", "dlib", "mig", "mean", 0.5),
        ("gan", "cr", "mig", "mean", 0.2),
    ]
    columns = ["model_id", "protocol", "metric", "representation", "value"]
    scores = pd.DataFrame(rows, columns=columns).assign(dataset="toy")
    assert main_rows(scores, "mean").value.tolist() == [0.4, 0.5, 0.2]
    assert main_rows(scores, "sample").value.tolist() == [0.3, 0.5, 0.2]
    assert main_rows(scores.iloc[:0], "sample").empty
