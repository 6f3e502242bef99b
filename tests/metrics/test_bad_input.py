"""Bad input raises a ValueError that names the argument, what was expected and what came."""

import numpy as np
import pytest

from metrics import (
    beta_vae,
    clustering,
    confidence,
    dci,
    dci_es,
    dcimig,
    dhsic,
    explicitness,
    factor_vae,
    frechet_distance,
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
    inception_score,
    infomec,
    irs,
    jemmig,
    mig,
    mig_posterior,
    mig_sup,
    mode_kl,
    model_centrality,
    modularity,
    pairwise_mutual_information,
    sap,
    score_with_interval,
    tad,
    udr,
)

generator = np.random.default_rng(0)
CODES = generator.normal(size=(30, 4))
FACTORS = generator.integers(3, size=(30, 2))
GROUPS = generator.normal(size=(12, 6, 4))
FIXED = np.arange(12) % 3
PROBABILITIES = np.full((5, 4), 0.25)
MODELS = generator.normal(size=(3, 30, 4))
INFORMATIVE = np.ones((3, 4), dtype=bool)

# Every call with valid arguments, by name, so that one of them can be spoilt at a time.
CALLS = {
    "factor_vae": (factor_vae, {"groups": GROUPS, "fixed_factor": FIXED, "codes_std": CODES}),
    "beta_vae": (beta_vae, {"groups": GROUPS, "fixed_factor": FIXED}),
    "mig": (mig, {"codes": CODES, "factors": FACTORS}),
    "mig_sup": (mig_sup, {"codes": CODES, "factors": FACTORS}),
    "mig_posterior": (
        mig_posterior,
        {"means": CODES, "log_variances": CODES, "factors": FACTORS},
    ),
    "jemmig": (jemmig, {"codes": CODES, "factors": FACTORS}),
    "dcimig": (dcimig, {"codes": CODES, "factors": FACTORS}),
    "infomec": (infomec, {"codes": CODES, "factors": FACTORS}),
    "tad": (tad, {"codes": CODES, "attributes": FACTORS % 2}),
    "modularity": (modularity, {"codes": CODES, "factors": FACTORS}),
    "irs": (irs, {"codes": CODES, "factors": FACTORS}),
    "gaussian_total_correlation": (gaussian_total_correlation, {"codes": CODES}),
    "gaussian_wasserstein_correlation": (gaussian_wasserstein_correlation, {"codes": CODES}),
    "pairwise_mutual_information": (pairwise_mutual_information, {"codes": CODES}),
    "dhsic": (dhsic, {"codes": CODES}),
    "inception_score": (inception_score, {"probabilities": PROBABILITIES}),
    "mode_kl": (mode_kl, {"probabilities": PROBABILITIES}),
    "confidence": (confidence, {"probabilities": PROBABILITIES}),
    "frechet_distance": (frechet_distance, {"features": CODES, "reference_features": CODES}),
    "clustering": (clustering, {"features": CODES, "labels": FACTORS[:, 0]}),
    "model_centrality": (model_centrality, {"cross_scores": np.eye(3)}),
    "udr": (udr, {"codes": MODELS, "informative": INFORMATIVE}),
}
FOUR = {"codes": CODES, "factors": FACTORS, "codes_test": CODES, "factors_test": FACTORS}
for metric in (sap, explicitness, dci_es):
    CALLS[metric.__name__] = (metric, FOUR)
for learner in ("gbt", "hist_gbt", "random_forest", "lasso", "logistic"):
    CALLS[f"dci_{learner}"] = (dci, FOUR | {"learner": learner})
OPTIONS = {"clustering": {"num_clusters": 2, "seeds": [0]}}
ARGUMENTS = [
    (call, argument)
    for call, (_, arguments) in CALLS.items()
    for argument, value in arguments.items()
    if isinstance(value, np.ndarray)
]


def expect_error(call, argument, spoilt, *patterns):
    """Calls with one argument replaced; the message must name it and say what it received."""
    metric, arguments = CALLS[call]
    with pytest.raises(ValueError) as error:
        metric(**(arguments | OPTIONS.get(call, {}) | {argument: spoilt}))
    message = str(error.value)
    assert f"`{argument}`" in message
    assert "Expected: " in message
    assert "Received: " in message
    for pattern in patterns:
        assert pattern in message


@pytest.mark.parametrize(("call", "argument"), ARGUMENTS)
def test_wrong_rank(call, argument):
    value = CALLS[call][1][argument]
    expect_error(call, argument, value[..., np.newaxis], "rank", str((*value.shape, 1)))
    expect_error(call, argument, 1.0, "rank", "()")


@pytest.mark.parametrize(("call", "argument"), ARGUMENTS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(call, argument, bad):
    value = CALLS[call][1][argument].astype(np.float64)
    value.flat[3] = bad
    expect_error(call, argument, value, "NaN or infinity")


@pytest.mark.parametrize(("call", "argument"), ARGUMENTS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.astype(str),
        lambda value: value.astype(np.complex128),
        lambda value: np.full(value.shape, None),
        lambda value: [[1.0, 2.0], [3.0]],
        lambda value: "codes",
        lambda value: value * 1e300 + 1e300,
    ],
    ids=["text", "complex", "none", "ragged", "name", "overflowing"],
)
def test_not_real_numbers(call, argument, spoil):
    expect_error(call, argument, spoil(CALLS[call][1][argument]))


@pytest.mark.parametrize(("call", "argument"), ARGUMENTS)
def test_fewer_than_two(call, argument):
    value = CALLS[call][1][argument]
    if call == "udr":
        cut = value[:, :1] if argument == "codes" else value[:, :0]
    elif call == "model_centrality":
        cut = value[:0]
    else:
        cut = value[:1]
    one_dimensional = value.ndim == 1  # its length is checked against the array it belongs to
    expect_error(call, argument, cut, "length" if one_dimensional else "at least")


@pytest.mark.parametrize(
    ("call", "argument"), [pair for pair in ARGUMENTS if pair[0] != "model_centrality"]
)
def test_lengths_or_widths_that_differ(call, argument):
    value = CALLS[call][1][argument]
    if call in ("inception_score", "mode_kl", "confidence") or len(CALLS[call][1]) == 1:
        return  # one array alone has nothing to differ from
    if call == "frechet_distance" or argument == "codes_std":
        expect_error(call, argument, value[:, :-1], "width")
    elif call == "udr":
        expect_error(call, argument, value[:-1], "shape")
    else:
        expect_error(call, argument, value[:-1], "length", str(value[:-1].shape))


@pytest.mark.parametrize("call", [call for call, (_, a) in CALLS.items() if "codes_test" in a])
@pytest.mark.parametrize("argument", ["codes_test", "factors_test"])
def test_test_part_of_another_width(call, argument):
    expect_error(call, argument, CALLS[call][1][argument][:, :-1], "width")


INTEGER_CALLS = [
    (call, argument)
    for call, argument in ARGUMENTS
    if argument in ("factors", "factors_test", "fixed_factor", "labels")
    and call not in ("dci_lasso", "dci_random_forest")
]


@pytest.mark.parametrize(("call", "argument"), INTEGER_CALLS)
def test_factors_that_are_not_integers(call, argument):
    expect_error(call, argument, CALLS[call][1][argument] + 0.5, "integers", ".5")
    expect_error(call, argument, CALLS[call][1][argument] + 2.0**60, "integers", "2**53")


@pytest.mark.parametrize("call", [call for call, (_, a) in CALLS.items() if "factors" in a])
def test_no_factor_varies(call):
    expect_error(call, "factors", np.full_like(FACTORS, 2), "two different values")


def test_continuous_flags():
    with pytest.raises(ValueError, match="`continuous`.*Expected.*2.*Received"):
        sap(**FOUR, continuous=[True])
    with pytest.raises(ValueError, match="`continuous`"):
        sap(**FOUR, continuous="yes")
    with pytest.raises(ValueError, match="`factors` must hold integers"):
        sap(CODES, FACTORS + 0.5, CODES, FACTORS, continuous=[True, False])
    assert sap(CODES, FACTORS + 0.5, CODES, FACTORS + 0.5, continuous=True)["sap"] >= 0


@pytest.mark.parametrize(
    ("call", "argument", "spoilt"),
    [
        ("mig", "num_bins", 1),
        ("mig", "num_bins", 2.5),
        ("modularity", "num_bins", 0),
        ("irs", "quantile", 0),
        ("irs", "quantile", 1.5),
        ("irs", "quantile", np.nan),
        ("irs", "factor_bins", 1),
        ("dhsic", "max_points", 1),
        ("dhsic", "seed", -1),
        ("dhsic", "seed", None),
        ("factor_vae", "prune_std", -0.1),
        ("factor_vae", "eval_groups", GROUPS),
        ("factor_vae", "eval_fixed_factor", FIXED),
        ("beta_vae", "eval_groups", GROUPS),
        ("dci_lasso", "learner", "forest"),
        ("dci_lasso", "learner", None),
        ("dci_lasso", "seed", "zero"),
        ("dci_lasso", "n_jobs", 0),
        ("dci_lasso", "max_depths", [3, 3]),
        ("dci_random_forest", "max_depths", [3]),
        ("dci_random_forest", "max_depths", [3, 0]),
        ("clustering", "num_clusters", 0),
        ("clustering", "num_clusters", 31),
        ("clustering", "seeds", []),
        ("clustering", "seeds", [0.5]),
        ("udr", "method", "pearson"),
        ("udr", "informative", INFORMATIVE * 0.5),
        ("model_centrality", "cross_scores", np.ones((2, 3))),
        ("model_centrality", "cross_scores", [[1.0]]),
        ("inception_score", "probabilities", PROBABILITIES * 2),
        ("mode_kl", "probabilities", PROBABILITIES - [[0.5, -0.5, 0, 0]]),
    ],
)
def test_options_out_of_range(call, argument, spoilt):
    expect_error(call, argument, spoilt)


def test_evaluation_groups_that_do_not_fit():
    for metric, arguments in (CALLS["factor_vae"], CALLS["beta_vae"]):
        for argument, spoilt in (
            ("eval_groups", GROUPS[:, :, :-1]),
            ("eval_groups", GROUPS[:-1]),
            ("eval_groups", GROUPS[0]),
            ("eval_fixed_factor", FIXED + 0.5),
        ):
            evaluation = {"eval_groups": GROUPS, "eval_fixed_factor": FIXED, argument: spoilt}
            with pytest.raises(ValueError, match=f"`{argument}`"):
                metric(**arguments, **evaluation)


def test_groups_that_cannot_be_paired_or_told_apart():
    expect_error("beta_vae", "groups", GROUPS[:, :5], "even group_size")
    expect_error("beta_vae", "fixed_factor", np.ones(12), "at least two different values")
    expect_error("factor_vae", "groups", GROUPS[:, :1], "group_size")


def test_test_part_without_a_value_to_score():
    expect_error("explicitness", "factors_test", FACTORS * 0, "some but not all test points")
    expect_error("explicitness", "factors_test", FACTORS + 10)


@pytest.mark.parametrize("models", [MODELS[:1], MODELS[:1] * 0])
def test_a_single_model_cannot_be_ranked(models):
    with pytest.raises(ValueError, match="single model.*`codes` of at least two models.*Received"):
        udr(models, INFORMATIVE[:1])
    with pytest.raises(ValueError, match="single model.*at least two"):
        model_centrality([[0.5]])


def test_bad_bootstrap_arguments():
    with pytest.raises(ValueError, match="Unknown `metric`.*mig.*Received: metric='dci'"):
        score_with_interval("dci", CODES, FACTORS)
    for option, bad in (("level", 0), ("level", 1.5), ("num_resamples", 1), ("seed", -1)):
        with pytest.raises(ValueError, match=f"`{option}`.*Expected.*Received: {option}={bad}"):
            score_with_interval("mig", CODES, FACTORS, **{option: bad})
    with pytest.raises(ValueError, match="`codes` and `factors` differ in length"):
        score_with_interval("mig", CODES[1:], FACTORS)
