"""Where the identity is: the classifier's scores, what it is fitted on, pictures."""

import numpy as np
import pytest

from metrics import identity_leakage
from metrics.identities.identity_leakage import identity_leakage_resampling
from models.codes.joint_code import EmpiricalCodes, GaussianCodes, JointCode
from pipeline.datasets.identities import IdentitySplit
from pipeline.datasets.squares import Squares
from pipeline.stages.metrics import identity_scoring
from pipeline.stages.metrics.options import IdentityScores
from pipeline.stages.train.identity_pictures import identity_pictures

RNG = np.random.default_rng(0)
NAMES = RNG.integers(0, 4, 900)
CODES = JointCode((EmpiricalCodes(1), GaussianCodes(2)))
VAE_CODES = JointCode((GaussianCodes(3),))


def leakage(codes, **options):
    return identity_leakage(codes[:600], NAMES[:600], codes[600:], NAMES[600:], **options)


def test_a_code_that_is_the_identity_tells_all_of_it():
    found = leakage(np.eye(4)[NAMES] + 0.01 * RNG.standard_normal((900, 4)), max_epochs=120)
    shares = np.bincount(NAMES[600:]) / 300
    assert found["accuracy"] == 1.0
    assert found["information"] == pytest.approx(-np.sum(shares * np.log(shares)), abs=0.05)
    assert found["chance"] == shares.max()


def test_noise_tells_nothing():
    found = leakage(RNG.standard_normal((900, 4)))
    assert found["information"] == 0.0 and abs(found["accuracy"] - found["chance"]) < 0.12


def test_half_of_the_identity_is_half_of_the_information():
    """Two of four identities apart: accuracy 1/2, ln 2 nats."""
    found = leakage((NAMES // 2)[:, None] + 0.01 * RNG.standard_normal((900, 1)), max_epochs=60)
    assert found["accuracy"] == pytest.approx(0.5, abs=0.1)
    assert found["information"] == pytest.approx(np.log(2), abs=0.06)


def test_intervals_cover_the_scores_and_equal_seeds_give_equal_scores():
    codes = np.eye(4)[NAMES] + 0.7 * RNG.standard_normal((900, 4))
    resampling = identity_leakage_resampling(codes[:600], NAMES[:600], codes[600:], NAMES[600:])
    scores, intervals = resampling.scores(), resampling.interval(num_resamples=100)
    for key in ("accuracy", "information"):
        assert intervals[key][0] < scores[key] < intervals[key][1]
    assert scores == leakage(codes)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((np.zeros((3, 2)), [0, 0, 0], np.zeros((3, 2)), [0, 0, 0]), "nothing to tell apart"),
        ((np.zeros((3, 2)), [0, 1, 0], np.zeros((2, 2)), [2, 3]), "0 test points"),
        ((np.zeros((3, 2)), [0, 1], np.zeros((3, 2)), [0, 1, 0]), "differ in length"),
        ((np.zeros((3, 2)), [0, 1, 0.5], np.zeros((3, 2)), [0, 1, 0]), "integers"),
        ((np.zeros((3, 2)), [0, 1, 0], np.zeros((3, 1)), [0, 1, 0]), "differ in width"),
    ],
)
def test_bad_arrays_are_refused(arguments, expected):
    with pytest.raises(ValueError, match=expected):
        identity_leakage(*arguments)


@pytest.fixture(scope="module")
def dataset(cache):
    squares = Squares(image_size=8, positions=4, sizes=(2.0,), num_colours=5)
    return IdentitySplit(squares, factors=("colour",), unseen=(1, 3), held_out=0.25).open(cache)


def test_seen_identities_are_scored_on_held_out_images_unseen_ones_on_one_half(dataset):
    parts = identity_scoring.evaluation_parts(dataset, IdentityScores(num_fit=1000, num_test=1000))
    assert [len(half[1]) for half in parts["seen"]] == [36, 12]
    fit, test = parts["unseen"]
    assert sorted(fit[1]) == sorted(test[1]) == [1] * 8 + [3] * 8
    both = np.concatenate([fit[0], test[0]]).reshape(32, -1)
    assert len(np.unique(both, axis=0)) == 32


def test_views_of_codes():
    encoded = np.arange(6.0).reshape(2, 3)
    views = identity_scoring.code_views(CODES, encoded)
    assert views.keys() == {"s", "z_mean"} and views["s"][0].tolist() == [[0.0], [3.0]]
    assert identity_scoring.code_views(VAE_CODES, encoded)["codes"][0] is encoded
    log_variance = np.full((4000, 3), [-20.0, 0.0, np.log(4.0)])
    posterior = np.concatenate([np.full((4000, 3), 5.0), log_variance], axis=1)
    drawn = identity_scoring.draw_codes(np.random.default_rng(0), posterior)
    np.testing.assert_allclose(drawn.std(axis=0), [0.0, 1.0, 2.0], atol=0.1)
    np.testing.assert_allclose(drawn.mean(axis=0), 5.0, atol=0.15)
    assert identity_scoring.drawn_views(CODES, drawn)["z"][0].shape == (4000, 2)


def test_errors_of_images_made_again_and_of_swapped_ones():
    """The decoder here makes an image of one pixel, s + the sum of z."""
    encoded = np.array([[1.0, 0.0, 0.0], [3.0, 0.0, 1.0], [5.0, 2.0, 0.0]])
    images = np.array([1.0, 4.0, 8.0]).reshape(3, 1, 1, 1)

    def generate(latents):
        return latents.sum(axis=1).reshape(-1, 1, 1, 1)

    errors = identity_scoring.reconstruction_errors(
        generate, CODES, encoded, images, np.array([0, 0, 1])
    )
    assert errors["reconstruction_error"] == pytest.approx(1 / 3)  # 0, 0 and (7 - 8)^2
    assert errors["swap_error"] == pytest.approx(4.0)  # the first with the second's s: (3 - 1)^2
    errors = identity_scoring.reconstruction_errors(
        generate, VAE_CODES, encoded, images, np.array([0, 0, 1])
    )
    assert set(errors) == {"reconstruction_error"}


def test_the_borders_of_swap_grids_are_the_originals(dataset):
    """Codes that are pixels: s is the colour of the image, z where it is."""
    codes = JointCode((EmpiricalCodes(3), GaussianCodes(64)))

    def encode(images):
        images = images / 255.0
        where = images.max(axis=3).reshape(len(images), 64)
        where = where / where.max(axis=1, keepdims=True)
        return np.concatenate([images.max(axis=(1, 2)), where], axis=1)

    def generate(latents):
        colour, where = latents[:, np.newaxis, np.newaxis, :3], latents[:, 3:].reshape(-1, 8, 8, 1)
        return np.clip(colour * where, 0.0, 1.0)

    pictures = identity_pictures(encode, generate, codes, dataset)
    assert {name.rsplit("_", 1)[1] for name in pictures} == {"seen", "unseen"}
    grid = pictures["identity_swap_unseen"].astype(int)
    assert (grid[0, 0] == 255).all()
    for row in range(1, len(grid)):
        for column in range(1, len(grid[0])):
            colour = grid[0, column].max(axis=(0, 1))
            assert np.abs(grid[row, column].max(axis=(0, 1)) - colour).max() <= 2
            own, made = grid[row, 0].max(axis=2), grid[row, column].max(axis=2)
            np.testing.assert_allclose(own / own.max(), made / made.max(), atol=0.05)
    path = pictures["identity_path_z_seen"].astype(int)  # between, the first place fades away
    assert np.abs(path[:, 0] - path[:, 1]).max() <= 1
    assert pictures["identity_prior_seen"].shape[1] == 11
