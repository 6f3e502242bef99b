"""Interchange by hand: what a model explains and shows of the others' codes."""

import numpy as np
import pytest

from metrics import interchange, model_centrality
from metrics.selection.interchange import covered_share

ALL = np.ones(4, bool)


def test_covered_share_by_hand():
    fixed = np.array([0, 0, 1, 1, 2, 2])
    votes = np.array([3, 3, 1, 1, 1, -1])
    # Code 3 is named in all groups of factor 0, code 1 in all of factor 1, codes 0 and 2 never.
    assert covered_share(votes, fixed, ALL) == pytest.approx(2 / 4)
    assert covered_share(votes, fixed, np.array([False, True, False, True])) == 1.0
    assert covered_share(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]), ALL[:2]) == 0.75
    assert covered_share(votes, fixed, np.zeros(4, bool)) == 0.0
    assert covered_share(np.full(6, -1), fixed, ALL) == 0.0


def test_a_model_that_shows_fewer_factors_cannot_lead():
    """Three models of three factors, which agree perfectly, and two of all four factors.

    An encoder that tells three of four codes is right in 3/4 of the groups, and a generator of
    three factors covers 3/4 of the codes of an encoder that has four.
    """
    factors = np.array([3, 3, 3, 4, 4])
    explained = np.minimum(1.0, factors[:, np.newaxis] / factors)  # [encoder, generator]
    covered = np.minimum(1.0, factors / factors[:, np.newaxis])
    assert model_centrality(explained).argmax() == 0
    scores, pairwise = interchange(explained, covered)
    np.testing.assert_allclose(scores[3:], 1.0)
    np.testing.assert_allclose(scores[:3], (2 * 1.0 + 2 * 0.75) / 4)
    assert np.diag(pairwise).tolist() == [0.0] * 5


def test_order_of_models_does_not_matter():
    rng = np.random.default_rng(0)
    explained, covered = rng.uniform(size=(2, 6, 6))
    order = rng.permutation(6)
    scores, pairwise = interchange(explained, covered)
    again, _ = interchange(explained[np.ix_(order, order)], covered[np.ix_(order, order)])
    np.testing.assert_allclose(again, scores[order])
    np.testing.assert_allclose(pairwise.sum(axis=0) / 5, scores)


@pytest.mark.parametrize(
    ("explained", "covered"),
    [
        (np.ones((2, 3)), np.ones((2, 3))),
        (np.ones((2, 2)), np.ones((3, 3))),
        (np.ones((1, 1)),) * 2,
    ],
)
def test_matrices_that_do_not_fit_are_refused(explained, covered):
    with pytest.raises(ValueError, match="Expected"):
        interchange(explained, covered)
