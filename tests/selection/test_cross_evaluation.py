import numpy as np
import pytest

from metrics.disentanglement.voting import resampled_scores, score_votes
from models.codes.joint_code import JointCode, UniformCodes, UniformNoise
from pipeline.selection.cross_evaluation import LeastVaryingCode, RunningMoments, cast_votes


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


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A generator and three encoders of 6x6 images, as files."""
    import keras

    folder = tmp_path_factory.mktemp("networks")
    keras.utils.set_random_seed(1)
    latents = keras.Input((3,))
    images = keras.layers.Dense(36, activation="sigmoid")(latents)
    paths = [folder / "generator.keras"]
    keras.Model(latents, keras.layers.Reshape((6, 6, 1))(images)).save(paths[0])
    for number in range(3):
        image = keras.Input((6, 6, 1))
        codes = keras.layers.Dense(2 + number)(keras.layers.Flatten()(image))
        paths.append(folder / f"encoder-{number}.keras")
        keras.Model(image, codes).save(paths[-1])
    return paths


def vote_with(networks, *numbers, **options):
    return cast_votes(
        networks[0],
        JointCode((UniformCodes(2), UniformNoise(1))),
        [networks[number] for number in numbers],
        fixed_codes=np.arange(30) % 2,
        group_size=8,
        num_std_samples=300,
        seed=(1, 2),
        progress=lambda *_: None,
        **options,
    )


def test_a_cell_does_not_depend_on_what_else_is_computed(networks):
    together = vote_with(networks, 1, 2, 3)
    assert together.shape == (3, 30) and together.min() >= 0
    apart = [vote_with(networks, number)[0] for number in (3, 1)]
    np.testing.assert_array_equal(apart, together[[2, 0]])


@pytest.fixture(scope="module")
def posteriors(networks):
    """Posteriors whose means are those of encoder 2: one of no variance, one of a large one."""
    import keras

    paths = []
    for name, log_variance in (("narrow", -60.0), ("wide", 8.0)):
        encoder = keras.saving.load_model(networks[2])
        means = encoder.outputs[0]
        both = keras.layers.Concatenate()([means, keras.ops.full_like(means, log_variance)])
        paths.append(networks[2].with_name(f"{name}.keras"))
        keras.Model(encoder.inputs, both).save(paths[-1])
    return [networks[0], *paths]


def test_an_encoder_can_vote_with_draws_from_its_posterior(networks, posteriors):
    means = vote_with(networks, 2, 3)
    drawn = [("posterior", (7, 8))]
    np.testing.assert_array_equal(vote_with(posteriors, 1, drawn=drawn)[0], means[0])
    wide = vote_with(posteriors, 2, drawn=drawn)[0]
    assert (wide != means[0]).any()
    # The same whatever else votes, and another with another seed.
    beside = vote_with([*posteriors, networks[3]], 3, 2, drawn=[None, *drawn])
    np.testing.assert_array_equal(beside, [means[1], wide])
    assert (vote_with(posteriors, 2, drawn=[("posterior", (7, 9))])[0] != wide).any()


def test_samples_are_drawn_once_for_all_encoders(networks, monkeypatch):
    drawn = []
    draw = JointCode.draw
    monkeypatch.setattr(
        JointCode, "draw", lambda codes, rng, n: drawn.append(n) or draw(codes, rng, n)
    )
    vote_with(networks, 1, 2, 3)
    assert sum(drawn) == 300 + 30 * 8
