import numpy as np
import pytest

from metrics.voting import resampled_scores, score_votes
from pipeline.cross_evaluation import LeastVaryingCode, RunningMoments


def test_running_moments_equal_those_of_the_whole():
    rng = np.random.default_rng(0)
    codes = (rng.standard_normal((1000, 4)) * [1, 100, 1e-3, 0] + [0, 1e3, 5, 7]).astype(np.float32)
    moments = RunningMoments()
    for part in np.array_split(codes, [3, 10, 500]):
        moments.update(part)
    whole = codes.astype(np.float64).std(axis=0)
    np.testing.assert_allclose(moments.std, whole, rtol=1e-9, atol=1e-12)
    assert moments.active.tolist() == [True, True, True, False]


def test_the_code_that_varies_least_is_voted_for():
    voter = LeastVaryingCode()
    voter.observe(np.array([[0.0, 0.0, 5.0], [10.0, 1.0, 5.0]]))  # spreads 5, 0.5 and none
    groups = np.array([[[0.0, 0.0, 5.0], [1.0, 1.0, 5.0]], [[0.0, 0.0, 5.0], [9.0, 0.1, 5.0]]])
    assert voter.vote(groups).tolist() == [0, 1]


def test_resampled_scores_equal_scores_of_the_resamples():
    rng = np.random.default_rng(0)
    votes, fixed = rng.integers(-1, 4, 200), rng.integers(0, 3, 200)
    chosen = rng.integers(0, 200, (5, 200))
    weights = np.stack([np.bincount(row, minlength=200) for row in chosen])
    weights[0] = 1
    scores = resampled_scores(votes, fixed, 4, weights)
    assert scores[0] == pytest.approx(score_votes(votes, fixed, 4)["factor_vae"])
    for score, row in zip(scores[1:], chosen[1:], strict=True):
        assert score == pytest.approx(score_votes(votes[row], fixed[row], 4)["factor_vae"])
