"""Representations whose scores can be written down: identity, duplicated, dead and noise codes."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score, roc_auc_score

from metrics import (
    beta_vae,
    dci,
    dhsic,
    explicitness,
    factor_vae,
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
    irs,
    mig,
    modularity,
    pairwise_mutual_information,
    sap,
)
from metrics.disentanglement.dci_scores import completeness, disentanglement
from metrics.disentanglement.explicitness_score import _RankedClasses
from metrics.shared.information import bin_codes, mutual_information

SIZES = (3, 4, 5)
# Every combination of factor values four times: the factors are exactly independent.
FACTORS = np.tile(np.array(list(itertools.product(*map(range, SIZES)))), (4, 1))
IDENTITY = FACTORS.astype(np.float64)
LEARNERS = ("gbt", "hist_gbt", "random_forest", "lasso", "logistic")


def make_groups(num_groups=60, group_size=16, seed=0):
    """Returns `(groups, fixed_factor)` of identity codes."""
    generator = np.random.default_rng(seed)
    fixed_factor = np.arange(num_groups) % len(SIZES)
    rows = generator.integers(SIZES, size=(num_groups, group_size, len(SIZES))).astype(np.float64)
    for group, factor in enumerate(fixed_factor):
        rows[group, :, factor] = rows[group, 0, factor]
    return rows, fixed_factor


PERFECT = {
    "mig": lambda c: mig(c, FACTORS)["mig"],
    "modularity": lambda c: modularity(c, FACTORS)["modularity"],
    "sap": lambda c: sap(c, FACTORS, c, FACTORS, continuous=True)["sap"],
    "explicitness": lambda c: explicitness(c, FACTORS, c, FACTORS)["explicitness_test"],
    "irs": lambda c: irs(c, FACTORS)["irs"],
}


@pytest.mark.parametrize("metric", PERFECT)
@pytest.mark.parametrize(
    "codes",
    [IDENTITY, -IDENTITY, IDENTITY[:, [2, 0, 1]], 3 * IDENTITY - 1],
    ids=["identity", "sign_flipped", "permuted", "scaled"],
)
def test_one_code_a_factor_is_perfect(metric, codes):
    # Bins of float products may shift by rounding, linear classifiers stop just short of 1.
    assert PERFECT[metric](codes) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("learner", LEARNERS)
def test_dci_of_one_code_a_factor_is_perfect(learner):
    scores = dci(IDENTITY, FACTORS, IDENTITY, FACTORS, learner=learner, n_jobs=1)
    assert scores[f"dci_{learner}_disentanglement"] > 0.97
    assert scores[f"dci_{learner}_completeness"] > 0.97
    if f"dci_{learner}_nrmse_test" in scores:
        assert scores[f"dci_{learner}_nrmse_test"] < 0.05
    else:
        assert scores[f"dci_{learner}_informativeness_test"] == 1


def test_discrete_sap_of_one_code_a_factor_is_one_minus_chance():
    factors = np.array(list(itertools.product(range(2), range(2)))).repeat(50, axis=0)
    codes = 10.0 * factors
    assert sap(codes, factors, codes, factors)["sap"] == pytest.approx(0.5)


def test_group_metrics_of_one_code_a_factor_are_perfect():
    groups, fixed_factor = make_groups()
    fresh, fresh_factor = make_groups(seed=1)
    evaluation = {"eval_groups": fresh, "eval_fixed_factor": fresh_factor}
    assert factor_vae(groups, fixed_factor, IDENTITY, **evaluation) == {
        "factor_vae": 1,
        "factor_vae_revised": 1,
        "factor_vae_num_active": 3,
        "factor_vae_eval": 1,
    }
    assert beta_vae(groups, fixed_factor, **evaluation) == {"beta_vae": 1, "beta_vae_eval": 1}


def test_duplicated_codes_leave_no_gap():
    codes = np.hstack([IDENTITY, IDENTITY])
    assert mig(codes, FACTORS)["mig"] == 0
    assert sap(codes, FACTORS, codes, FACTORS)["sap"] == 0
    assert sap(codes, FACTORS, codes, FACTORS, continuous=True)["sap"] == pytest.approx(0)
    assert modularity(codes, FACTORS)["modularity"] == pytest.approx(1)


def test_duplicated_codes_share_their_entropy():
    codes = IDENTITY[:, [0, 0]]
    value = pairwise_mutual_information(codes)["pairwise_mutual_information"]
    assert value == pytest.approx(np.log(3))
    assert 15 < gaussian_total_correlation(codes)["gaussian_total_correlation"] < 20


def test_dead_codes_count_zero_in_modularity_and_nothing_elsewhere():
    dead = np.full((len(FACTORS), 3), 0.1)
    codes = np.hstack([IDENTITY, dead])
    assert modularity(codes, FACTORS)["modularity"] == pytest.approx(0.5)
    assert mig(codes, FACTORS)["mig"] == pytest.approx(1)
    assert irs(codes, FACTORS)["irs"] == 1
    scores = dci(codes, FACTORS, codes, FACTORS, learner="lasso")
    assert scores["dci_lasso_disentanglement"] == pytest.approx(1)
    assert dhsic(codes)["dhsic"] == dhsic(IDENTITY)["dhsic"]
    for metric in (gaussian_total_correlation, gaussian_wasserstein_correlation):
        np.testing.assert_allclose(
            list(metric(codes).values()), list(metric(IDENTITY).values()), atol=1e-12
        )


def test_a_constant_code_never_wins_a_vote():
    groups, fixed_factor = make_groups()
    # 0.1 is no binary fraction: its computed deviation is not exactly zero.
    constant = np.full((*groups.shape[:2], 1), 0.1)
    codes_std = np.hstack([np.full((len(FACTORS), 1), 0.1), IDENTITY])
    assert codes_std[:, 0].std() > 0
    scores = factor_vae(np.concatenate([constant, groups], axis=2), fixed_factor, codes_std)
    assert scores["factor_vae"] == 1
    assert scores["factor_vae_num_active"] == 3


DEAD = np.full((len(FACTORS), 4), 0.1)
DEAD_PARTS = (DEAD, FACTORS, DEAD, FACTORS)
NO_ACTIVE_CODE = {
    "factor_vae": lambda: factor_vae(
        np.full((9, 4, 4), 0.1), np.arange(9) % 3, DEAD, eval_groups=np.full((9, 4, 4), 0.1),
        eval_fixed_factor=np.arange(9) % 3,
    ),
    "beta_vae": lambda: beta_vae(np.full((9, 4, 4), 0.1), np.arange(9) % 3),
    "mig": lambda: mig(DEAD, FACTORS),
    "sap_discrete": lambda: sap(*DEAD_PARTS),
    "sap_continuous": lambda: sap(*DEAD_PARTS, continuous=True),
    "modularity": lambda: modularity(DEAD, FACTORS),
    "explicitness": lambda: explicitness(*DEAD_PARTS),
    "irs": lambda: irs(DEAD, FACTORS),
    "dci_gbt": lambda: dci(*DEAD_PARTS),
    "dci_hist_gbt": lambda: dci(*DEAD_PARTS, learner="hist_gbt"),
    "dci_logistic": lambda: dci(*DEAD_PARTS, learner="logistic"),
    "gaussian_total_correlation": lambda: gaussian_total_correlation(DEAD),
    "gaussian_wasserstein_correlation": lambda: gaussian_wasserstein_correlation(DEAD),
    "pairwise_mutual_information": lambda: pairwise_mutual_information(DEAD),
    "dhsic": lambda: dhsic(DEAD),
}  # fmt: skip


@pytest.mark.parametrize("metric", NO_ACTIVE_CODE)
def test_no_active_code_scores_zero(metric):
    assert set(NO_ACTIVE_CODE[metric]().values()) == {0.0}


@pytest.mark.parametrize("learner", ["lasso", "random_forest"])
def test_no_active_code_has_the_error_of_guessing_the_mean(learner):
    scores = dci(*DEAD_PARTS, learner=learner, n_jobs=1)
    assert scores[f"dci_{learner}_disentanglement"] == 0
    assert scores[f"dci_{learner}_completeness"] == 0
    # Trees guess the mean of a bootstrap sample, so not exactly the mean.
    assert scores[f"dci_{learner}_nrmse_train"] == pytest.approx(1, abs=1e-3)


def test_noise_scores_near_chance():
    generator = np.random.default_rng(0)
    codes = generator.normal(size=(2000, 4))
    factors = generator.integers(SIZES, size=(2000, 3))
    codes_test, factors_test = generator.normal(size=(500, 4)), factors[:500]
    parts = (codes, factors, codes_test, factors_test)
    assert mig(codes, factors)["mig"] < 0.01
    assert sap(*parts, continuous=True)["sap"] < 0.01
    assert explicitness(*parts)["explicitness_test"] == pytest.approx(0.5, abs=0.05)
    assert dhsic(codes[:500])["dhsic"] < 0.005
    scores = dci(*parts, learner="lasso")
    assert scores["dci_lasso_nrmse_test"] == pytest.approx(1, abs=0.02)
    groups = generator.normal(size=(300, 8, 4))
    chance = factor_vae(groups, np.arange(300) % 3, codes)["factor_vae"]
    assert chance == pytest.approx(1 / 3, abs=0.1)


def test_votes_by_hand():
    # Two codes of spread 1 over the data; each group's vote is the code with the smaller spread.
    codes_std = np.array([[-1.0, -1.0], [1.0, 1.0]])
    still, moving = [0.0, 0.0], [-1.0, 1.0]
    vote_0, vote_1 = np.transpose([still, moving]), np.transpose([moving, still])
    groups = np.array([vote_0, vote_0, vote_0, vote_1])
    scores = factor_vae(
        groups,
        [0, 0, 1, 0],
        codes_std,
        eval_groups=np.array([vote_0, vote_1, vote_1]),
        eval_fixed_factor=[0, 1, 0],
    )
    # V = [[2, 1], [1, 0]]: both codes predict factor 0.
    assert scores["factor_vae"] == 0.75
    assert scores["factor_vae_revised"] == 0.75
    assert scores["factor_vae_eval"] == pytest.approx(2 / 3)


def test_revised_keeps_as_many_codes_as_there_are_factors():
    codes_std = np.tile([[-1.0], [1.0]], 3)
    groups = np.ones((4, 2, 3)) * np.array([-1.0, 1.0])[:, np.newaxis]
    for group, code in enumerate([0, 1, 2, 2]):
        groups[group, :, code] = 0
    scores = factor_vae(groups, [0, 1, 1, 1], codes_std)
    assert scores["factor_vae"] == 1
    assert scores["factor_vae_revised"] == 0.75


def test_pruned_codes_do_not_vote():
    groups, fixed_factor = make_groups()
    spread = IDENTITY.std(axis=0)
    assert np.argsort(spread).tolist() == [0, 1, 2]
    scores = factor_vae(groups, fixed_factor, IDENTITY, prune_std=(spread[0] + spread[1]) / 2)
    assert scores["factor_vae_num_active"] == 2
    assert scores["factor_vae"] < 1


def test_unseen_code_predicts_the_first_factor():
    codes_std = np.array([[-1.0, -1.0], [1.0, 1.0]])
    vote_0 = np.array([[0.0, -1.0], [0.0, 1.0]])
    scores = factor_vae(
        np.array([vote_0, vote_0]),
        [1, 1],
        codes_std,
        eval_groups=np.array([vote_0[:, ::-1], vote_0]),
        eval_fixed_factor=[0, 1],
    )
    assert scores["factor_vae_eval"] == 0.5
    scores = factor_vae(
        np.array([vote_0, vote_0, vote_0]),
        [0, 1, 1],
        codes_std,
        eval_groups=np.array([vote_0[:, ::-1], vote_0]),
        eval_fixed_factor=[0, 1],
    )
    assert scores["factor_vae_eval"] == 1


def test_dci_scores_of_importance_by_hand():
    importance = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert disentanglement(importance) == pytest.approx(1)
    assert completeness(importance) == pytest.approx(1)
    shared = np.array([[3.0, 0.0], [0.5, 0.5]])
    # The first code has three quarters of all importance and serves one factor.
    assert disentanglement(shared) == pytest.approx(0.75)
    entropy = -(6 / 7 * np.log2(6 / 7) + 1 / 7 * np.log2(1 / 7))
    assert completeness(shared) == pytest.approx(3.5 / 4 * (1 - entropy) + 0.5 / 4)
    assert completeness(shared, is_cr=True) == pytest.approx((1 - entropy + 1) / 2)
    assert disentanglement(np.zeros((2, 2))) == 0
    assert completeness(np.zeros((2, 2)), is_cr=True) == 0


def test_irs_by_hand():
    codes = np.array([[0.0], [2.0], [4.0], [10.0]])
    factors = np.array([[0], [0], [1], [1]])
    # Deviations 1 and 3 inside the two groups, 6 around the mean of all.
    assert irs(codes, factors, quantile=1.0)["irs"] == pytest.approx(1 - 2 / 6)


def test_irs_bins_merge_neighbouring_values():
    factors = np.arange(40).repeat(5)[:, np.newaxis]
    codes = factors.astype(np.float64)
    assert irs(codes, factors)["irs"] == 1
    assert irs(codes, factors, factor_bins=20)["irs"] < 1
    assert irs(codes, factors, factor_bins=40)["irs"] == 1


def correlated_codes(correlation):
    """Returns codes `[200, 2]` whose sample covariance is exactly [[1, r], [r, 1]]."""
    noise = np.random.default_rng(0).normal(size=(200, 2))
    noise -= noise.mean(axis=0)
    white = noise @ np.linalg.inv(np.linalg.cholesky(np.cov(noise, rowvar=False))).T
    return white @ np.linalg.cholesky([[1, correlation], [correlation, 1]]).T


@pytest.mark.parametrize("correlation", [0.0, 0.5, -0.9])
def test_gaussian_correlations_of_known_covariance(correlation):
    codes = correlated_codes(correlation)
    total = gaussian_total_correlation(codes)["gaussian_total_correlation"]
    assert total == pytest.approx(-0.5 * np.log(1 - correlation**2), abs=1e-9)
    distance = gaussian_wasserstein_correlation(codes)["gaussian_wasserstein_correlation"]
    roots = np.sqrt(1 + correlation) + np.sqrt(1 - correlation)
    assert distance == pytest.approx(4 - 2 * roots, abs=1e-9)


def test_dhsic_equals_its_definition():
    codes = np.random.default_rng(0).normal(size=(37, 3))  # odd, and no multiple of a block
    distances = np.abs(codes[:, np.newaxis] - codes)
    kernels = np.exp(-distances / np.median(distances, axis=(0, 1)) ** 2)
    expected = (
        kernels.prod(axis=2).mean()
        + kernels.mean(axis=(0, 1)).prod()
        - 2 * kernels.mean(axis=1).prod(axis=1).mean()
    )
    assert dhsic(codes)["dhsic"] == pytest.approx(expected, abs=1e-14)


def test_dhsic_of_two_points_and_of_mostly_equal_values():
    # The median of the distances 0, 0, 1/2, 1/2 is 1/4: kernels are [[1, e^-8], [e^-8, 1]].
    other = np.exp(-0.5 / 0.25**2)
    expected = (1 + other**2) / 2 + ((1 + other) / 2) ** 2 - 2 * ((1 + other) / 2) ** 2
    assert dhsic([[0.0, 0.0], [0.5, 0.5]])["dhsic"] == pytest.approx(expected)
    rare = np.zeros((20, 2))
    rare[0] = 1  # median 0: the kernel is 1 for equal and 0 for different values
    equal = (1 + 19 * 19) / 400
    rows = np.array([1 / 20] + [19 / 20] * 19)
    assert dhsic(rare)["dhsic"] == pytest.approx(equal + equal**2 - 2 * np.mean(rows**2))


def test_dhsic_thins_out_with_a_seed():
    codes = np.random.default_rng(0).normal(size=(100, 2))
    assert dhsic(codes, max_points=50, seed=1) == dhsic(codes, max_points=50, seed=1)
    assert dhsic(codes, max_points=50, seed=1) != dhsic(codes, max_points=50, seed=2)
    assert dhsic(codes, max_points=100, seed=1) == dhsic(codes, max_points=100, seed=2)


def test_counting_agrees_with_library_calls():
    generator = np.random.default_rng(0)
    codes = generator.normal(size=(300, 2))
    labels = generator.integers(6, size=(300, 2))
    bins = bin_codes(codes, 20)
    by_hand = np.digitize(codes[:, 0], np.histogram(codes[:, 0], 20)[1][:-1]) - 1
    np.testing.assert_array_equal(bins[:, 0], by_hand)
    expected = [[mutual_info_score(b, label) for label in labels.T] for b in bins.T]
    np.testing.assert_allclose(mutual_information(bins, labels), expected, atol=1e-12)


def test_ranked_classes_agree_with_library_area():
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=200)
    probabilities = generator.integers(1, 6, size=(200, 3)) / 5  # many ties
    area = _RankedClasses(probabilities, labels, [0, 1, 2]).macro_area(np.ones(200))
    expected = np.mean([roc_auc_score(labels == k, probabilities[:, k]) for k in range(3)])
    assert area == pytest.approx(expected)


def test_value_missing_from_the_test_part_is_left_out():
    generator = np.random.default_rng(0)
    factors = generator.integers(3, size=(300, 1))
    codes = factors + generator.normal(size=(300, 1))
    kept = factors[:, 0] < 2
    scores = explicitness(codes, factors, codes[kept], factors[kept])
    assert 0.5 < scores["explicitness_test"] < 1
