"""Correlated factors and held-out combinations."""

import numpy as np
import pytest

from pipeline.datasets.images import ImageArrays
from pipeline.datasets.squares import Squares
from pipeline.datasets.training_combinations import TrainingCombinations
from pipeline.experiment import load_experiment

SQUARES = Squares(image_size=8, positions=4, sizes=(2.0, 3.0), num_colours=3)  # 4 x 4 x 2 x 3


def opened(folder, source=SQUARES, **fields):
    return TrainingCombinations(source, **fields).open(folder)


def test_held_out_combinations_are_never_trained_on_and_always_evaluated(tmp_path):
    held_out = ({"size": (1,), "colour": (0, 2)}, {"x": (3,)})
    data = opened(tmp_path, held_out=held_out)
    factors = data.factors_of(data.train_keys())
    x, _, size, colour = factors.T
    assert not ((size == 1) & np.isin(colour, (0, 2)) | (x == 3)).any()
    # 3 x's, 4 y's, and of 2 x 3 sizes and colours the 4 that are left; each once.
    assert data.num_images == len(np.unique(data.train_keys())) == 3 * 4 * 4
    keys = data.sample_keys(np.random.default_rng(0), 3000)
    assert len(np.unique(keys)) == 96
    images = data.train_images(np.arange(data.num_images))
    np.testing.assert_array_equal(images, SQUARES.render(factors))
    groups = data.sample_group_keys(np.random.default_rng(0), np.array([0]), 500)
    assert len(np.unique(data.factors_of(groups)[:, 0])) == 1
    assert data.name == "Squares, combinations held out"


def test_a_joint_distribution_by_hand(tmp_path):
    joint = ((3.0, 0.0, 0.0), (1.0, 0.0, 4.0))
    data = opened(tmp_path, correlated=("size", "colour"), joint=joint, num_images=20_000)
    factors = data.factors_of(data.train_keys())
    counts = np.zeros((2, 3))
    np.add.at(counts, (factors[:, 2], factors[:, 3]), 1)
    np.testing.assert_allclose(counts / 20_000, np.array(joint) / 8, atol=0.02)
    x_counts = np.bincount(factors[:, 0]) / 20_000
    np.testing.assert_allclose(x_counts, 1 / 4, atol=0.02)
    turned = opened(
        tmp_path, correlated=("colour", "size"), joint=tuple(zip(*joint, strict=True)),
        num_images=20_000)  # fmt: skip
    np.testing.assert_array_equal(turned.train_keys(), data.train_keys())


def test_a_narrow_width_ties_two_factors(tmp_path):
    correlations = []
    for width in (0.1, 0.4, 10.0):
        data = opened(tmp_path, correlated=("x", "y"), width=width, num_images=4000)
        factors = data.factors_of(data.train_keys())
        correlations.append(np.corrcoef(factors[:, 0], factors[:, 1])[0, 1])
    assert correlations[0] > 0.95 > correlations[1] > 0.3 > correlations[2] > -0.1
    assert data.num_images == 4000
    assert opened(tmp_path, correlated=("x", "y"), width=0.1).num_images == 96


def test_draws_are_those_of_the_seed(tmp_path):
    fields = {"held_out": ({"x": (0,)},), "num_images": 20}
    one, same = (opened(tmp_path, **fields) for _ in range(2))
    other = opened(tmp_path, **fields, seed=1)
    np.testing.assert_array_equal(one.train_keys(), same.train_keys())
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert (one.train_keys() != other.train_keys()).any()


def test_gin_binds_it():
    settings = [
        "experiment.dataset = @training_combinations()",
        "training_combinations.source = @squares()",
        "training_combinations.held_out = ({'x': (0, 1), 'y': (2,)},)",
        "training_combinations.num_images = 40",
    ]
    recipe = load_experiment(["gin/quickstart.gin"], settings).dataset
    assert recipe.held_out == ({"x": (0, 1), "y": (2,)},)
    assert recipe.image_shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "held_out"),
        ({"correlated": ("x",), "width": 1.0}, "correlated"),
        ({"correlated": ("x", "y")}, "width"),
        ({"correlated": ("x", "y"), "width": 0.0}, "width"),
        ({"correlated": ("x", "y"), "width": 1.0, "joint": ((1.0,),)}, "width"),
        ({"width": 1.0, "held_out": ({"x": (0,)},)}, "correlated"),
        ({"correlated": ("x", "y"), "joint": ((1.0, 2.0), (1.0,))}, "joint"),
        ({"correlated": ("x", "y"), "joint": ((0.0, -1.0),)}, "joint"),
        ({"correlated": ("x", "y"), "joint": ((0.0, 0.0),)}, "joint"),
        ({"held_out": {"x": (0,)}}, "held_out"),
        ({"held_out": ({"x": 0},)}, "held_out"),
        ({"held_out": ({"x": (-1,)},)}, "held_out"),
        ({"held_out": ({"x": (0,)},), "source": "squares"}, "source"),
    ],
)
def test_bad_fields_are_refused(fields, named):
    with pytest.raises(ValueError, match=f"{named}: Expected .* Received"):
        TrainingCombinations(**({"source": SQUARES} | fields))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"held_out": ({"hue": (0,)},)}, "held_out: Expected factors of Squares: x, y, size, col"),
        ({"held_out": ({"x": (4,)},)}, "held_out: Expected values of x from 0 to 3"),
        ({"held_out": ({"x": (0, 1, 2, 3)},)}, "held_out: Expected some combinations"),
        ({"held_out": ({"x": (0,)},), "num_images": 73}, "num_images: Expected at most the 72"),
        ({"correlated": ("x", "hue"), "width": 1.0}, "correlated: Expected factors of Squares"),
        ({"correlated": ("x", "y"), "joint": ((1.0, 1.0),)}, r"joint: Expected weights of .*4, 4"),
    ],
)
def test_what_does_not_fit_the_source_is_refused(tmp_path, fields, named):
    with pytest.raises(ValueError, match=named):
        opened(tmp_path, **fields)


def test_a_source_that_is_no_grid_is_refused(tmp_path):
    np.savez(tmp_path / "own.npz", images=np.ones((5, 4, 4), np.uint8), labels=np.arange(5))
    with pytest.raises(ValueError, match="Expected a complete grid of factors"):
        opened(tmp_path, ImageArrays(str(tmp_path / "own.npz")), held_out=({"label": (0,)},))
