"""The search for a medoid: the whole table's answer, from a part of it, in any order of filling."""

import numpy as np
import pytest

from metrics import model_centrality, search_medoid


def pool(seed, num_models=50):
    """Models that agree the better, the better both are."""
    rng = np.random.default_rng(seed)
    quality = rng.beta(4, 2, size=num_models)
    table = 0.25 + 0.75 * np.outer(quality, quality) + 0.03 * rng.normal(size=(num_models,) * 2)
    return np.round(np.clip(table, 0, 1) * 500) / 500


def play(table, order, **options):
    """Fill in what the search asks for, round by round; returns the end and the rounds."""
    known = np.full_like(table, np.nan)
    rounds = 0
    while True:
        search = search_medoid(known, order, **options)
        if search.is_finished:
            return search, rounds
        assert np.isnan(known[search.missing]).all()
        known[search.missing] = table[search.missing]
        rounds += 1


def test_the_medoid_is_found_with_a_part_of_the_cells():
    found = []
    for seed in range(20):
        table = pool(seed)
        search, rounds = play(table, np.random.default_rng([seed, 1]).permutation(50))
        assert search.needed.sum() <= 0.4 * table.size and rounds <= 7
        assert not np.diag(search.needed).any()
        assert search.confidence.sum() == pytest.approx(1)
        exact = model_centrality(table)
        whole = search.num_compared == 49
        np.testing.assert_allclose(search.centrality[whole], exact[whole], atol=1e-12)
        found.append(search.ranking[0] == np.argmax(exact))
    assert np.mean(found) >= 0.95


def test_a_small_pool_is_computed_whole():
    table = pool(0, 5)
    search, rounds = play(table, np.arange(5))
    assert rounds == 1
    assert search.needed.sum() == 20  # all but the diagonal
    np.testing.assert_allclose(search.centrality, model_centrality(table), atol=1e-12)
    assert search.ranking.tolist() == np.argsort(-model_centrality(table)).tolist()
    assert search.confidence.max() == 1


def test_what_more_is_known_changes_nothing():
    table, order = pool(3), np.random.default_rng(4).permutation(50)
    step_by_step, _ = play(table, order)
    at_once = search_medoid(table, order)
    for name in ("needed", "ranking", "centrality", "num_compared", "confidence"):
        np.testing.assert_array_equal(getattr(step_by_step, name), getattr(at_once, name))


def test_the_result_follows_the_order_of_the_models():
    table, order = pool(5), np.random.default_rng(6).permutation(50)
    moved = np.random.default_rng(7).permutation(50)  # the new number of a model is its place here
    places = np.argsort(moved)
    search = search_medoid(table, order)
    other = search_medoid(table[np.ix_(moved, moved)], places[order])
    assert moved[other.ranking[0]] == search.ranking[0]
    np.testing.assert_allclose(other.confidence, search.confidence[moved])


def test_equals_are_not_sure_and_the_lowest_number_wins():
    search = search_medoid(np.ones((30, 30)), np.random.default_rng(0).permutation(30))
    assert search.ranking[0] == min(
        np.flatnonzero(search.num_compared == search.num_compared.max())
    )
    assert search.confidence[search.ranking[0]] < 0.01
    pair = search_medoid(np.ones((2, 2)), [1, 0])
    assert pair.ranking.tolist() == [0, 1] and pair.confidence.tolist() == [0.5, 0.5]


def test_a_clear_winner_is_sure():
    table = np.full((40, 40), 0.5) + np.random.default_rng(0).normal(size=(40, 40)) * 0.01
    table[7] += 0.3
    search = search_medoid(table, np.random.default_rng(1).permutation(40))
    assert search.ranking[0] == 7 and search.confidence[7] > 0.99
    assert search.needed.sum() <= 0.4 * table.size


@pytest.mark.parametrize(
    ("table", "order", "options", "text"),
    [
        (np.ones((3, 2)), [0, 1, 2], {}, "not square"),
        (np.ones((1, 1)), [0], {}, "single model"),
        (np.ones((3, 3)), [0, 1, 1], {}, "reference_order"),
        (np.ones((3, 3)), [0, 1, 2], {"max_share": 0.0}, "max_share"),
        (np.full((3, 3), np.inf), [0, 1, 2], {}, "Expected"),
    ],
)
def test_bad_input_is_refused(table, order, options, text):
    with pytest.raises(ValueError, match=text):
        search_medoid(table, order, **options)
