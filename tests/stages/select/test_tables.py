"""Rankings, their confidence, their summary and the warnings, against hand constants."""

import numpy as np
import pandas as pd
import pytest

from pipeline.model_spec import Export
from pipeline.selection import pool_warnings
from pipeline.selection.confidence import pairwise_confidence, shares_of_wins
from pipeline.selection.known_factors import Supervised
from pipeline.selection.pool_codes import PoolCodes
from pipeline.selection.ranking import Ranking, best_first
from pipeline.stages.select.options import Selection
from pipeline.stages.select.result_tables import selection_table, summary_table


def export(model_id):
    return Export(model_id, model_id, "final", "a", "infogan_cr", 0, 10, model_id * 32, None)


def ranking(method, scores, **details):
    return Ranking("all", method, scores, best_first(scores), **details)


def test_ties_go_to_the_lowest_model_id():
    scores = {"b": 0.9, "a": 0.9 - 1e-15, "c": 0.1}  # what another order of a sum may give
    confidence = {"a": 0.6, "b": 0.4, "c": 0.0}
    one = ranking("model_centrality", scores, confidence=confidence)
    table = selection_table([one], [export(name) for name in "bac"], {}).sort_values("rank")
    assert table.model_id.tolist() == ["a", "b", "c"]
    assert table[table.selected].model_id.tolist() == ["a"]
    assert table.confidence.tolist() == [0.6, 0.4, 0.0]


def test_regret_gain_and_the_papers_row():
    table = pd.DataFrame(
        {"factor_vae": [0.5, 0.9, 0.7], "dci_random_forest_disentanglement": [0.1, 0.2, 0.3]},
        index=["a", "b", "c"],
    )
    supervised = Supervised("cr", "factor_vae", table)
    rankings = [
        ranking("model_centrality", {"a": 0.2, "b": 0.3, "c": 0.6}, warnings=("one", "two")),
        ranking("supervised", table.factor_vae.to_dict()),
    ]
    summary = summary_table(rankings, supervised, {}).set_index("selection_method")
    chosen = summary.loc["model_centrality"]
    assert (chosen.model_id, chosen.pool_best, chosen.pool_median) == ("c", 0.9, 0.7)
    assert chosen.regret_to_best == pytest.approx(0.2)
    assert chosen.gain_over_median == pytest.approx(0.0)
    assert chosen.rank_correlation == pytest.approx(0.5)
    assert (chosen.factor_vae, chosen.dci, chosen.dci_learner) == (0.7, 0.3, "random_forest")
    assert pd.isna(chosen.mig) and chosen.warnings == "one; two"
    assert summary.loc["supervised"].regret_to_best == 0.0


def test_regret_is_that_of_the_pool():
    table = pd.DataFrame({"factor_vae": [0.5, 0.9, 0.7]}, index=["a", "b", "c"])
    part = Ranking("part", "udr_lasso", {"a": 0.2, "c": 0.1}, ("a", "c"))
    (row,) = summary_table([part], Supervised("cr", "factor_vae", table), {}).to_dict("records")
    assert (row["pool_best"], row["num_models"]) == (0.7, 2)
    assert row["regret_to_best"] == pytest.approx(0.2)


def test_without_factors_nothing_supervised_is_claimed():
    summary = summary_table([ranking("model_centrality", {"a": 1.0, "b": 0.5})], None, {})
    assert summary.model_id.tolist() == ["a"]
    assert summary[["supervised_value", "factor_vae", "protocol"]].isna().all(axis=None)


def test_wins_are_shared_among_equals():
    scores = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.3, 0.3 + 1e-15, 0.2], [0, 0, 0]])
    expected = [(0.5 + 0.5 + 1 / 3) / 4, (0.5 + 1 + 0.5 + 1 / 3) / 4, (1 / 3) / 4]
    np.testing.assert_allclose(shares_of_wins(scores), expected)


def test_confidence_of_udr():
    # Column i is what model i is the median of: model 1 agrees with every other one best.
    pairwise = np.array([[0, 0.9, 0.1], [0.2, 0, 0.1], [0.2, 0.9, 0]])
    pool = [export(name) for name in "abc"]
    confidence = pairwise_confidence(pairwise, pool, 200, np.nanmedian)
    # Where only model 1 itself was drawn it has nobody to agree with, in 1 of 27 resamples.
    assert confidence["b"] == pytest.approx(26 / 27, abs=0.04)
    equal = pairwise_confidence(np.full((3, 3), 0.5), pool, 300, np.nanmedian)
    assert max(equal.values()) < 0.45
    assert pairwise_confidence(pairwise, pool, 0, np.nanmedian) == {}


def pool_codes(**codes):
    codes = {name: np.asarray(values, np.float32) for name, values in codes.items()}
    return PoolCodes(codes, {name: values.std(axis=0) > 0.05 for name, values in codes.items()})


def test_udr_of_mixed_sizes_equals_udr_of_the_informative_codes():
    rng = np.random.default_rng(0)
    three = rng.normal(size=(300, 3))
    two = three[:, 1:] + 0.1 * rng.normal(size=(300, 2))
    dead = np.column_stack([three, np.zeros(300)])
    mixed = pool_codes(a=three, b=two, c=three[:, ::-1])
    with_dead = pool_codes(a=dead, b=two, c=three[:, ::-1])
    for method in ("lasso", "spearman"):
        scores, pairwise = mixed.udr(["a", "b", "c"], method)
        np.testing.assert_allclose(with_dead.udr(["a", "b", "c"], method)[0], scores)
        assert pairwise.shape == (3, 3) and (scores > 0.5).all()


def test_collapsed_models_are_named():
    rng = np.random.default_rng(0)
    alive, dead = rng.normal(size=(50, 2)), np.full((50, 2), 0.3)
    find = pool_warnings.collapsed_and_doubled
    (text,) = find(pool_codes(a=dead, b=dead), ["a", "b"])
    assert text.startswith("all 2 models collapsed")
    (text,) = find(pool_codes(a=alive, b=dead), ["a", "b"])
    assert text.startswith("1 of 2 models collapsed") and text.endswith(": b")
    assert find(pool_codes(a=alive, b=rng.normal(size=(50, 2))), ["a", "b"]) == []


def test_a_choice_with_fewer_codes_than_most_is_named():
    three = np.random.default_rng(0).normal(size=(50, 3))
    two = three * (1, 1, 0)
    codes = pool_codes(a=two, b=three, c=-three, d=0 * three)
    (text,) = pool_warnings.few_codes(codes, ["a", "b", "c"])
    assert text.startswith("the model selected has 2 codes") and "half of the pool 3" in text
    assert pool_warnings.few_codes(codes, ["b", "a", "c"]) == []
    assert pool_warnings.few_codes(codes, ["a", "b", "d"]) == []  # as many as most
    assert pool_warnings.few_codes(codes, ["d", "b", "c"]) == []  # named as collapsed


def test_duplicates_are_named():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 50, 2))
    codes = pool_codes(a=one, b=other, c=one, d=one[:, ::-1])
    (text,) = pool_warnings.collapsed_and_doubled(codes, ["a", "b", "c", "d"])
    assert text.startswith("duplicates: a, c give the same codes")


def test_equal_cross_scores_are_named():
    matrix = np.random.default_rng(0).random((5, 5))
    names = list("abcde")
    assert pool_warnings.same_scores(names, matrix) == []
    matrix[3], matrix[:, 3] = matrix[1], matrix[:, 1]
    matrix[1, 3], matrix[3, 1], matrix[1, 1], matrix[3, 3] = 0.1, 0.2, 0.3, 0.4  # do not count
    (text,) = pool_warnings.same_scores(names, matrix)
    assert text.startswith("duplicates: b, d have the same cross scores")
    assert pool_warnings.same_scores(names, np.ones((5, 5))) == []


def test_ties_and_chance_are_named():
    (text,) = pool_warnings.tied(("a", "b", "c"), {"a": 0.4, "b": 0.38, "c": 0.02})
    assert "0.40" in text and text.endswith("(next: b)")
    assert pool_warnings.tied(("a", "b"), {"a": 0.8, "b": 0.2}) == []
    assert pool_warnings.tied(("a", "b"), {}) == []
    chance = np.array([0.3, 0.35])
    assert pool_warnings.at_chance(0.5, chance) == []
    (text,) = pool_warnings.at_chance(0.34, chance)
    assert "0.340" in text and "0.350" in text


def test_a_warning_of_all_methods_is_said_once():
    rankings = [
        ranking("model_centrality", {"a": 1.0}, warnings=("all dead", "tied")),
        ranking("udr_lasso", {"a": 1.0}, warnings=("all dead",)),
    ]
    assert pool_warnings.lines(rankings) == [
        "pool all: all dead",
        "pool all, model_centrality: tied",
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"methods": ()},
        {"methods": "udr_lasso"},
        {"methods": ("udr",)},
        {"pools": {"a b": ("x",)}},
        {"pools": {"a": "x"}},
        {"pools": {"a": ()}},
        {"pools": ("a",)},
        {"offered_codes": "some"},
        {"num_udr_points": 1},
        {"max_share_of_cells": 0.0},
        {"max_share_of_cells": 1.5},
        {"search_medoid": 1},
        {"method_options": ("udr_lasso",)},
        {"method_options": {"udr": {}}},
        {"method_options": {"udr_lasso": {"penalty": 1}}},
    ],
)
def test_options_are_checked(options):
    with pytest.raises(ValueError, match="Expected.*Received"):
        Selection(num_groups=10, group_size=10, num_std_samples=10, **options)


@pytest.mark.parametrize(
    ("method", "option", "value"),
    [
        ("pipe", "num_images", 1),
        ("pipe", "independent", "permutated"),
        ("pipe", "batch_size", 0),
        ("pipe", "steps", "many"),
        ("pipe", "learning_rate", 0),
        ("rank_mean", "of", "udr_lasso"),
        ("rank_mean", "of", ("udr_spearman",)),  # not asked for below
        ("variation_predictability", "num_pairs", 1),
        ("variation_predictability", "train_share", 1),
        ("variation_predictability", "train_share", 1e-6),
        ("variation_predictability", "epochs", 1.5),
        ("variation_predictability", "batch_size", True),
        ("variation_predictability", "learning_rate", float("nan")),
        ("variation_predictability", "repeats", 0),
    ],
)
def test_values_of_the_methods_options_are_checked(method, option, value):
    said = rf"selection\.method_options\['{method}'\]: {option}: Expected.*Received"
    with pytest.raises(ValueError, match=said):
        Selection(
            num_groups=10,
            group_size=10,
            num_std_samples=10,
            methods=("udr_lasso", "model_centrality", method),
            method_options={method: {option: value}},
        )


def test_options_of_a_method_not_asked_for_wait_until_it_is():
    Selection(
        num_groups=10,
        group_size=10,
        num_std_samples=10,
        methods=("model_centrality",),
        method_options={"rank_mean": {"of": ("udr_spearman", "pipe")}},
    )


def test_pools_are_patterns_of_settings():
    selection = Selection(
        num_groups=10,
        group_size=10,
        num_std_samples=10,
        pools={"vaes": ("factor_vae-*", "vae"), "all": ("*",)},
    )
    settings = ["factor_vae-1", "factor_vae-10", "vae", "infogan_cr"]
    selection.check_settings(settings)
    in_pool = [name for name in settings if selection.is_in_pool("vaes", name)]
    assert in_pool == ["factor_vae-1", "factor_vae-10", "vae"]
    with pytest.raises(ValueError, match=r"names no setting.*Expected.*Received: 'factor_vae-\*'"):
        selection.check_settings(["infogan_cr", "vae"])
