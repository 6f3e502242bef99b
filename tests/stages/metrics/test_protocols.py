import dataclasses
import types

import numpy as np
import pytest

from pipeline.datasets.squares import Squares
from pipeline.datasets.teapots import Teapots
from pipeline.errors import ConfigurationError
from pipeline.stages.metrics.protocols import CrProtocol, DlibProtocol, RecentProtocol, Sample

CR = CrProtocol(metrics=tuple(CrProtocol.available()), num_points=400, num_groups=60, group_size=20)
DLIB = DlibProtocol(
    metrics=tuple(name for name in DlibProtocol.available() if name != "dci_gbt"),
    num_train_points=400,
    num_test_points=200,
    num_train_groups=60,
    num_eval_groups=40,
    group_size=16,
    prune_std=0.05,
)

RECENT = RecentProtocol(
    metrics=tuple(name for name in RecentProtocol.available() if name not in ("dci_es", "tad")),
    num_train_points=400,
    num_test_points=200,
    num_attribute_points=100,
)


@pytest.fixture(scope="module")
def squares(cache):
    recipe = Squares(image_size=16, positions=8, sizes=(4.0,), num_colours=8)
    recipe.prepare(cache)
    return recipe.open(cache)


@pytest.fixture(scope="module")
def teapots(cache):
    recipe = Teapots(num_images=64)
    recipe.prepare(cache)
    return recipe.open(cache)


def perfect_samples(protocol, dataset):
    """Samples whose codes are the factors themselves."""
    samples = {}
    for name, draw in protocol.draws(dataset, seed=0).items():
        codes = dataset.factors_of(draw.keys).astype(np.float32)
        posterior = np.hstack([codes, np.full(codes.shape, -6.0)])
        samples[name] = Sample(dataset, draw, codes, posterior)
    return samples


def measure(protocol, metric, dataset, **options):
    samples = perfect_samples(protocol, dataset)
    return protocol.measure(
        metric, samples, dataset, seed=0, level=0.95, **({"num_resamples": 0} | options)
    )


@pytest.mark.parametrize("protocol", [CR, DLIB], ids=["cr", "dlib"])
def test_groups_share_their_factor_and_nothing_else(protocol, squares):
    for name, draw in protocol.draws(squares, seed=0).items():
        if draw.fixed_factor is None:
            continue
        factors = squares.factors_of(draw.keys).reshape(len(draw.fixed_factor), -1, 3)
        if "pairs" in name:  # each pair shares a value of its own
            factors = factors.reshape(len(draw.fixed_factor), -1, 2, 3)
        spread = np.ptp(factors, axis=-2).reshape(len(draw.fixed_factor), -1, 3)
        fixed = np.take_along_axis(spread, draw.fixed_factor[:, None, None], axis=2)
        assert (fixed == 0).all()
        assert (spread.max(axis=1) > 0).sum(axis=1).tolist() == [2] * len(spread)


def test_cr_fixes_the_factors_in_turn(squares):
    assert CR.draws(squares, seed=0)["groups"].fixed_factor[:4].tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("metric", CR.metrics)
def test_factors_as_codes_are_perfect_under_cr(metric, squares):
    scores, _, _ = measure(CR, metric, squares)
    assert all(np.isfinite(value) for value in scores.values())
    assert not any(key.endswith("_test") for key in scores)
    for key in ("factor_vae", "beta_vae", "dci_lasso_disentanglement"):
        if key in scores:
            assert scores[key] > 0.99


@pytest.mark.parametrize("metric", DLIB.metrics)
def test_factors_as_codes_are_perfect_under_dlib(metric, squares):
    scores, _, _ = measure(DLIB, metric, squares)
    assert all(np.isfinite(value) for value in scores.values())
    for key in ("factor_vae_eval", "beta_vae_eval", "dci_hist_gbt_disentanglement", "irs"):
        if key in scores:
            assert scores[key] > 0.9


@pytest.mark.parametrize("metric", CR.metrics)
def test_continuous_factors_are_scored(metric, teapots):
    """Nothing of teapots is rendered: codes stand for images."""
    scores, _, _ = measure(CR, metric, teapots)
    assert all(np.isfinite(value) for value in scores.values())


def test_an_odd_group_gives_beta_vae_one_image_less(squares):
    odd = CrProtocol(metrics=("beta_vae",), num_points=50, num_groups=30, group_size=5)
    assert measure(odd, "beta_vae", squares)[0]["beta_vae"] > 0.9


def test_draws_do_not_depend_on_the_list_of_metrics(squares):
    few = CrProtocol(metrics=("mig",), num_points=400, num_groups=60, group_size=20)
    for name, draw in few.draws(squares, seed=0).items():
        np.testing.assert_array_equal(draw.keys, CR.draws(squares, seed=0)[name].keys)
    assert few.sampling == CR.sampling


def test_intervals_hold_their_value(squares):
    scores, intervals, num_scored = measure(CR, "mig", squares, num_resamples=50)
    low, high = intervals["mig"]
    assert low <= scores["mig"] <= high and low < high
    assert num_scored == 400


def test_depths_of_the_forest_reach_it_and_change_its_result_only_where_given(squares):
    recipe = {"num_points": 300, "num_groups": 30, "group_size": 8}
    plain = CrProtocol(metrics=("dci_random_forest",), **recipe)
    shallow = CrProtocol(metrics=("dci_random_forest",), forest_depths=[1, 1, 1], **recipe)
    scores = [measure(one, "dci_random_forest", squares)[0] for one in (plain, shallow)]
    error = "dci_random_forest_nrmse_train"
    assert scores[0][error] < 0.1 < scores[1][error]
    assert "forest_depths" not in plain.sampling  # what was measured before stays valid
    assert shallow.sampling["forest_depths"] == (1, 1, 1)
    with pytest.raises(ValueError, match="forest_depths"):
        CrProtocol(metrics=(), forest_depths=(4, 0), **recipe)
    wrong = CrProtocol(metrics=("dci_random_forest",), forest_depths=(4, 2), **recipe)
    with pytest.raises(ValueError, match="3 integers"):
        measure(wrong, "dci_random_forest", squares)


@pytest.mark.parametrize("metric", RECENT.metrics)
def test_factors_as_codes_are_perfect_under_recent(metric, squares):
    scores, _, num_scored = measure(RECENT, metric, squares)
    assert all(np.isfinite(value) for value in scores.values())
    assert num_scored == 400
    for key in ("infoc", "infoc_iqr", "mig_posterior", "mig_factor_b10", "mig_sup", "dcimig"):
        if key in scores:
            assert scores[key] > 0.9


def test_attributes_are_the_factors_of_two_values():
    factors = np.array([[0, 1, 2], [1, 0, 0]])
    dataset = types.SimpleNamespace(
        factor_sizes=(2, 2, 3), binned_factors_of=lambda keys: factors[keys]
    )
    sample = Sample(
        dataset, types.SimpleNamespace(keys=[0, 1], fixed_factor=None), np.zeros((2, 1))
    )
    np.testing.assert_array_equal(sample.attributes, factors[:, :2])


def a_dataset(*sizes):
    names = tuple(f"factor_{number}" for number in range(len(sizes)))
    return types.SimpleNamespace(
        name="some images", num_factors=len(sizes), factor_names=names, factor_sizes=sizes
    )


@pytest.mark.parametrize(
    ("protocol", "metric", "dataset", "reason"),
    [
        (CR, "mig", a_dataset(), "some images has no known factors"),
        (CR, "dhsic", a_dataset(), None),
        (CR, "mig", a_dataset(10), None),
        (CR, "factor_vae", a_dataset(10), "some images has fewer than two factors that vary"),
        (CR, "dci_lasso", a_dataset(10, 1), "some images has fewer than two factors that vary"),
        (CR, "modularity", a_dataset(10, None), None),
        (RECENT, "infomec", a_dataset(3), "some images has fewer than two factors that vary"),
        (RECENT, "tad", a_dataset(3, 4), "some images has no factor of two values"),
        (RECENT, "tad", a_dataset(3, 2), None),
    ],
)
def test_what_a_metric_lacks_is_said(protocol, metric, dataset, reason):
    assert protocol.why_not(metric, dataset) == reason
    assert protocol.admits(metric, dataset) == (reason is None)


def test_models_without_a_posterior_lack_it():
    dataset = a_dataset(3, 4)
    assert RECENT.admits("mig_posterior", dataset)
    assert RECENT.admits("mig_posterior", dataset, has_posterior=True)
    told = RECENT.why_not("mig_posterior", dataset, has_posterior=False)
    assert told == "the model has no posterior"
    assert RECENT.admits("infomec", dataset, has_posterior=False)


def test_dlib_draws_no_groups_where_no_metric_can_use_them(squares):
    one_factor = types.SimpleNamespace(
        **{name: getattr(squares, name) for name in ("name", "sample_keys")},
        num_factors=1,
        factor_sizes=(8,),
    )
    assert set(DLIB.draws(one_factor, seed=0)) == {"train", "test"}


@pytest.mark.parametrize("kind", [CrProtocol, DlibProtocol, RecentProtocol])
def test_a_metric_named_twice_or_of_another_protocol_is_refused(kind):
    given = dataclasses.asdict({"cr": CR, "dlib": DLIB, "recent": RECENT}[kind.name])
    first = given["metrics"][0]
    with pytest.raises(ValueError, match=f"{kind.name}_protocol.metrics.*not '{first}' again"):
        kind(**given | {"metrics": (first, first)})
    with pytest.raises(ValueError, match=f"{kind.name}_protocol.metrics.*Received: .*='migg'"):
        kind(**given | {"metrics": ("migg",)})


def test_names_of_nominal_factors_must_be_those_of_factors(squares):
    recipe = {"metrics": ("sap",), "num_points": 300, "num_groups": 30, "group_size": 8}
    CrProtocol(**recipe).check_factors(squares)  # neither shape nor label, which are no names given
    with pytest.raises(ConfigurationError, match="Did you mean 'colour'"):
        CrProtocol(nominal_factors=("color",), **recipe).check_factors(squares)
    named = [CrProtocol(nominal_factors=(name,), **recipe) for name in ("colour", b"colour")]
    assert named[0] == named[1]
    named[0].check_factors(squares)
    assert measure(named[0], "sap", squares) != measure(CrProtocol(**recipe), "sap", squares)
    with pytest.raises(ValueError, match="tuple of names"):
        CrProtocol(nominal_factors="colour", **recipe)
    # What was measured without names stays valid.
    assert CrProtocol(**recipe).sampling["nominal_factors"] == ("shape", "label")
