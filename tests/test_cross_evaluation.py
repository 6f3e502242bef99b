import numpy as np
import pandas as pd
import pytest

from metrics.voting import resampled_scores, score_votes
from models.codes import JointCode, UniformCodes, UniformNoise
from pipeline.cross_evaluation import RunningMoments, draw_group
from pipeline.model_spec import Export
from pipeline.selection_tables import selection_table, summary_table


def export(model_id):
    return Export(model_id, model_id, "final", "a", "infogan_cr", 0, 10, model_id * 8, None)


def test_running_moments_equal_those_of_the_whole():
    rng = np.random.default_rng(0)
    codes = (rng.standard_normal((1000, 4)) * [1, 100, 1e-3, 0] + [0, 1e3, 5, 7]).astype(np.float32)
    moments = RunningMoments()
    for part in np.array_split(codes, [3, 10, 500]):
        moments.update(part)
    whole = codes.astype(np.float64).std(axis=0)
    np.testing.assert_allclose(moments.std, whole, rtol=1e-9, atol=1e-12)
    assert moments.active.tolist() == [True, True, True, False]


def test_a_group_shares_one_code():
    codes = JointCode((UniformCodes(3), UniformNoise(2)))
    for group in range(6):
        latents = draw_group(codes, np.random.default_rng(group), 50, group)
        constant = np.ptp(latents, axis=0) == 0
        assert constant.tolist() == [column == group % 3 for column in range(5)]


def test_ties_go_to_the_lowest_model_id():
    table = selection_table(
        [export("b"), export("a"), export("c")],
        {"model_centrality": {"b": 0.9, "a": 0.9, "c": 0.1}},
        {"a": 0.6, "b": 0.4, "c": 0.0},
    )
    assert table.sort_values("rank").model_id.tolist() == ["a", "b", "c"]
    assert table[table.selected].model_id.tolist() == ["a"]
    assert table.sort_values("rank").confidence.tolist() == [0.6, 0.4, 0.0]


def test_regret_and_gain():
    supervised = {"a": 0.5, "b": 0.9, "c": 0.7}
    table = selection_table(
        [export(name) for name in "abc"],
        {"model_centrality": {"a": 0.2, "b": 0.3, "c": 0.6}, "supervised": supervised},
        {},
    )
    summary = summary_table(table, supervised).set_index("selection_method")
    chosen = summary.loc["model_centrality"]
    assert (chosen.model_id, chosen.pool_best, chosen.pool_median) == ("c", 0.9, 0.7)
    assert chosen.regret_to_best == pytest.approx(0.2)
    assert chosen.gain_over_median == pytest.approx(0.0)
    assert chosen.rank_correlation == pytest.approx(0.5)
    assert summary.loc["supervised"].regret_to_best == 0.0


def test_without_factors_nothing_supervised_is_claimed():
    table = selection_table(
        [export("a"), export("b")], {"model_centrality": {"a": 1.0, "b": 0.5}}, {}
    )
    summary = summary_table(table, {})
    assert summary.model_id.tolist() == ["a"]
    assert pd.isna(summary.supervised_value).all()


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
