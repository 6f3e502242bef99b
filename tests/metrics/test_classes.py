"""Scores of classes: coverage, diversity, partitions, and votes for clusters."""

import numpy as np
import pytest

from metrics import classifier_agreement, clustering, information_bound, model_centrality
from metrics.classes.class_coverage import class_coverage, code_table, relative_diversity
from metrics.classes.class_votes import majority_votes
from metrics.classes.cluster_agreement import partition_agreement
from metrics.classes.clusters import cluster_centres
from metrics.disentanglement.voting import score_votes
from models.codes.joint_code import (
    CategoricalCode,
    FeatureCode,
    GaussianNoise,
    JointCode,
    UniformCodes,
)
from pipeline.selection.class_voting import MajorityCluster
from pipeline.stages.metrics.class_clusters import matched_centres

RNG = np.random.default_rng(0)


def test_coverage_by_hand():
    codes = np.repeat([0, 1, 2], 10)
    perfect = class_coverage(codes, np.repeat([2, 0, 1], 10), 3, 3)
    assert perfect == {"code_purity": 1.0, "classes_covered": 3.0, "least_class_share": 1.0}
    # Two codes show class 0, class 2 is never made.
    lost = class_coverage(codes, np.repeat([0, 0, 1], 10), 3, 3)
    assert lost == {"code_purity": 1.0, "classes_covered": 2.0, "least_class_share": 0.0}
    # Half of code 0 shows another class.
    mixed = np.concatenate([np.repeat([0, 1], 5), np.repeat([1, 2], 10)])
    table = code_table(codes, mixed, 3, 3)
    np.testing.assert_array_equal(table, [[5, 5, 0], [0, 10, 0], [0, 0, 10]])
    scores = class_coverage(codes, mixed, 3, 3)
    np.testing.assert_allclose(scores["code_purity"], 25 / 30)
    np.testing.assert_allclose(scores["least_class_share"], 0.5)
    for wrong in (np.repeat([0, 1, 3], 10), np.repeat([0, 1], 10), np.repeat([0.5, 1, 2], 10)):
        with pytest.raises(ValueError, match="Expected"):
            class_coverage(codes, wrong, 3, 3)


def test_a_collapsed_code_has_no_diversity():
    real, labels = RNG.normal(size=(400, 5)), np.repeat([0, 1], 200)
    codes = np.repeat([0, 1], 300)
    made = np.concatenate([RNG.normal(size=(300, 5)), np.full((300, 5), 0.3)])
    scores = relative_diversity(made, codes, real, labels, np.array([1, 0]))
    np.testing.assert_allclose(scores["least_diversity"], 0.0, atol=1e-12)
    np.testing.assert_allclose(scores["mean_diversity"], 0.5, atol=0.08)
    alone = relative_diversity(made, codes, real[:2], np.array([0, 1]), np.array([0, 0]))
    assert alone == {"least_diversity": 0.0, "mean_diversity": 0.0}


def test_a_partition_agrees_with_itself_under_any_names():
    labels = RNG.integers(4, size=200)
    same = partition_agreement((labels + 1) % 4 * 7, labels)
    np.testing.assert_allclose(list(same.values()), [1.0] * 4, rtol=1e-12)
    # 6 of 8 points by hand: cluster 0 holds three of class 0 and one of class 1.
    by_hand = partition_agreement([0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1, 0])
    assert by_hand["acc_hungarian"] == by_hand["acc_purity"] == 0.75
    points = np.eye(4)[labels] + 0.01 * RNG.normal(size=(200, 4))
    scores = clustering(points, labels, num_clusters=4, seeds=[0, 1])
    assert scores["acc_hungarian"] == 1.0 and scores["acc_hungarian_std"] == 0.0
    with pytest.raises(ValueError, match="Expected"):
        partition_agreement([0, 1], [0, 1, 1])


def test_q_as_a_classifier_and_its_information():
    labels = np.repeat([0, 1, 2, 3], 25)
    found = (labels + 1) % 4
    found[:5] = found[99]
    scores = classifier_agreement(found, labels)
    np.testing.assert_allclose(scores["classifier_error"], 0.05)
    certain = information_bound(np.eye(4)[labels], labels)
    np.testing.assert_allclose(certain["information_bound"], np.log(4))
    unsure = information_bound(np.full((100, 4), 0.25), labels)
    np.testing.assert_allclose(unsure["information_bound"], 0.0, atol=1e-12)
    assert unsure["code_entropy"] == certain["code_entropy"] == np.log(4)


CODES = FeatureCode((CategoricalCode(3), GaussianNoise(2)), feature_dim=4)


def encode(latents, quality):
    """Features that tell the first `quality` classes apart and mix the others up."""
    classes = latents[:, :3].argmax(axis=1)
    rng = np.random.default_rng(len(latents))
    mixed = rng.integers(min(quality, 2), 3, size=len(classes))
    shown = np.where(classes < quality, classes, mixed)
    features = np.eye(4, dtype=np.float32)[shown] + 0.01 * rng.normal(size=(len(shown), 4))
    return np.concatenate([features, latents[:, 3:]], axis=1)


def votes_of(quality):
    voter = MajorityCluster(CODES.class_features, CODES.num_classes, seed=0)
    for _ in range(2):
        voter.observe(encode(CODES.draw(np.random.default_rng(1), 300), quality))
    rng = np.random.default_rng(2)
    groups = [encode(CODES.draw_class(rng, 40, group % 3), quality) for group in range(30)]
    return voter.vote(np.stack(groups))


def test_an_encoder_scores_by_the_classes_that_it_tells_apart():
    fixed = np.arange(30) % 3
    perfect = score_votes(votes_of(3), fixed, 3)["factor_vae"]
    one_of_three = score_votes(votes_of(1), fixed, 3)["factor_vae"]
    assert perfect == 1.0
    assert 0.6 < one_of_three < 0.9  # class 0, and about half of the votes of the other two
    assert score_votes(np.zeros(30, int), fixed, 3)["factor_vae"] == 1 / 3
    # In a pool the model that all others understand is the medoid.
    cross = np.array([[0, 0.9, 0.9], [0.9, 0, 0.4], [0.9, 0.4, 0]])
    assert model_centrality(cross).argmax() == 0


def test_majority_votes_are_the_nearest_centres_of_most():
    centres = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    groups = np.array(
        [[[0.1, 0], [3.9, 0], [4.2, 1]], [[0, 3], [0, 5], [0, 0]], [[0, 0], [4, 0], [0, 4]]]
    )
    np.testing.assert_array_equal(majority_votes(groups, centres), [1, 2, 0])
    points = np.repeat(centres, 20, axis=0) + 0.1 * RNG.normal(size=(60, 2))
    found = cluster_centres(points, 3, seed=0, num_initializations=3)
    distances = np.linalg.norm(found[:, None] - centres[None], axis=-1)
    assert distances.min(axis=0).max() < 0.1


def test_clusters_are_numbered_like_the_classes_that_fall_into_them():
    centres = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    kinds = RNG.integers(3, size=300)
    made = RNG.integers(3, size=90)
    near = lambda kinds: centres[kinds] + RNG.normal(size=(len(kinds), 2))  # noqa: E731
    # The generator's class 0 shows kind 2, 1 shows kind 0 and 2 shows kind 1.
    found = matched_centres(near(kinds), near((made + 2) % 3), made, num_classes=3, seed=0)
    np.testing.assert_allclose(found, centres[[2, 0, 1]], atol=0.5)
    # Two classes that show one kind share its cluster by number only: one to one.
    both = matched_centres(near(kinds), near(np.minimum(made, 1)), made, num_classes=3, seed=0)
    assert sorted(both.round(-1).tolist()) == sorted(centres.round(-1).tolist())
    np.testing.assert_allclose(both[0], centres[0], atol=0.5)
    with pytest.raises(ValueError, match="num_classes of at most 2. Received: 3"):
        matched_centres(near(kinds)[:2], near(made), made, num_classes=3, seed=0)


def test_what_codes_say_of_classes():
    joint = JointCode((UniformCodes(2), CategoricalCode(4), GaussianNoise(3)))
    assert (joint.class_code, joint.num_classes, joint.class_features) == (2, 4, slice(2, 6))
    latents = joint.draw_class(np.random.default_rng(0), 5, 3)
    np.testing.assert_array_equal(latents[:, 2:6], [[0, 0, 0, 1]] * 5)
    assert len(np.unique(latents[:, 0])) == 5
    assert JointCode((UniformCodes(2),)).class_code is None
    assert JointCode((CategoricalCode(2), CategoricalCode(3))).num_classes == 0
    assert (CODES.code_dim, CODES.noise_dim, CODES.class_features) == (6, 2, slice(0, 4))
