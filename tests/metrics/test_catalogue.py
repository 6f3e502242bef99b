"""The records: complete, true of the functions beside them, and all that the docs say."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import metrics
from metrics.shared.catalogue import Catalogue
from metrics.shared.documentation import page
from metrics.shared.record import NEEDS, Measure, Metric, Result, Variant, result_range

REPOSITORY = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
FACTORS = RNG.integers([3, 2, 2], size=(60, 3))
CODES = FACTORS @ RNG.normal(size=(3, 4)) + 0.3 * RNG.normal(size=(60, 4))
GROUPS = RNG.normal(size=(12, 6, 4))
# An argument of every name that a metric takes.
ARGUMENTS = {
    "codes": CODES,
    "factors": FACTORS,
    "codes_test": CODES,
    "factors_test": FACTORS,
    "codes_std": CODES,
    "groups": GROUPS,
    "fixed_factor": np.arange(12) % 3,
    "eval_groups": GROUPS,
    "eval_fixed_factor": np.arange(12) % 3,
    "means": CODES,
    "log_variances": np.full(CODES.shape, -2.0),
    "attributes": FACTORS % 2,
    "probabilities": RNG.dirichlet([1.0, 1.0, 1.0], size=60),
    "features": CODES,
    "reference_features": CODES[::-1] + 0.1,
    "labels": FACTORS[:, 0],
    "num_clusters": 3,
    "seeds": (0, 1),
    "found": FACTORS[:, 0],
    "told": FACTORS[:, 0],
    "made_classes": FACTORS[:, 0],
    "shown_classes": FACTORS[:, 0],
    "made_features": CODES,
    "num_codes": 3,
    "num_classes": 3,
    "real_features": CODES,
    "real_classes": FACTORS[:, 0],
    "class_of_code": [0, 1, 2],
    "identities": FACTORS[:, 0],
    "identities_test": FACTORS[:, 0],
    "made": np.zeros((3, 4, 4, 1)),
    "images": np.full((3, 4, 4, 1), 0.5),
    "n_jobs": 1,
    "max_epochs": 2,
}
# What of the codes an array tells, by the name of the argument.
ARRAYS = {
    "codes": {"codes"},
    "codes_test": {"test codes"},
    "factors": {"factors", "two factors"},
    "groups": {"groups", "pairs"},
    "means": {"posterior"},
    "attributes": {"attributes"},
    "identities": {"identities"},
    "probabilities": {"classifier", "classes"},
    "labels": {"labels"},
}


@pytest.fixture(scope="module", params=metrics.CATALOGUE.records, ids=lambda one: one.name)
def record(request):
    return request.param


def test_a_record_says_all_that_a_reader_asks(record):
    assert record.title and record.bootstrap and record.source and record.pitfalls
    assert record.summary.endswith(".")
    assert record.function.__name__ == record.name
    for text in (record.bootstrap, record.pitfalls):
        assert text.endswith(".")


def test_needs_are_what_the_arguments_ask_for(record):
    for argument, needs in ARRAYS.items():
        if argument in record.arrays:
            assert record.needs & needs, argument
    if record.needs & {"groups", "pairs"}:
        assert "groups" in record.arrays


def test_the_interval_is_of_the_same_call(record):
    if record.resampling is not None:
        import inspect

        given = inspect.signature(record.resampling).parameters
        assert list(given) == list(record.arguments)
    else:
        assert record.bootstrap.startswith("None: ")


def measures_of_functions():
    """The variants whose results come from calling the function, not from a part of the stage."""
    return [
        name
        for name, measure in metrics.CATALOGUE.measures().items()
        if not measure.variant.is_made_by_stage and name not in ("dci_gbt", "dci_es")
    ]


@pytest.mark.parametrize("name", measures_of_functions())
def test_a_function_yields_what_its_record_declares(name):
    measure = metrics.CATALOGUE.measure(name)
    scores, intervals = measure.score(ARGUMENTS, seed=0, num_resamples=5)
    declared = {result.key: result for result in measure.results}
    assert scores.keys() == declared.keys()
    assert intervals.keys() <= scores.keys()
    for key, value in scores.items():
        assert declared[key].low <= value <= declared[key].high, key


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dci_gbt", "dci_es"])
def test_a_slow_function_yields_what_its_record_declares(name):
    measure = metrics.CATALOGUE.measure(name)
    scores, _ = measure.score(ARGUMENTS, seed=0)
    assert scores.keys() == {result.key for result in measure.results}


def test_every_metric_of_the_face_has_a_record():
    functions = {record.name: record.function for record in metrics.CATALOGUE}
    others = {
        "active_codes",
        "group_votes",
        "interchange",
        "model_centrality",
        "score_votes",
        "search_medoid",
        "udr",
        # Helpers of the records themselves.
        "score_with_interval",
    }
    public = {
        name
        for name, value in vars(metrics).items()
        if callable(value) and not isinstance(value, type) and not name.startswith("_")
    }
    assert public - others == functions.keys() & public


def test_undeclared_results_are_refused_by_name():
    metrics.CATALOGUE.refuse_undeclared(["mig", "dci_lasso_nrmse_train"])
    with pytest.raises(ValueError, match="Received: mig_of_tomorrow"):
        metrics.CATALOGUE.refuse_undeclared(["mig", "mig_of_tomorrow"])


def make_record(**changes):
    def score(codes):
        return {"half": 0.5}

    score.__module__ = "metrics.disentanglement.half"
    facts = {
        "name": "half",
        "title": "Half",
        "function": score,
        "needs": frozenset({"codes"}),
        "results": (Result("half", "Half", "low"),),
        "variants": (Variant(name="half", protocols=("recent",)),),
        "bootstrap": "None: a constant.",
        "source": "nobody",
        "pitfalls": "It is always one half.",
    }
    return Metric(**(facts | changes))


def test_a_name_is_declared_once():
    record = make_record()
    assert Catalogue([record]).result("half").direction == "low"
    other = make_record(name="other", variants=(Variant(name="other"),))
    with pytest.raises(ValueError, match="declare a result twice.*half"):
        Catalogue([record, other])
    with pytest.raises(ValueError, match="declare a metric twice.*half"):
        Catalogue([record, record])


def test_a_record_refuses_what_does_not_exist():
    with pytest.raises(ValueError, match="needs=.'luck'"):
        make_record(needs=frozenset({"luck"}))
    with pytest.raises(ValueError, match="direction='up'"):
        Result("half", "Half", "up")


def test_a_suffix_keeps_variants_apart():
    variant = Variant(name="half_b10", title="10 bins", suffix="_b10")
    (result,) = Measure(make_record(), variant).results
    assert (result.key, result.title, result.direction) == ("half_b10", "Half, 10 bins", "low")
    scores, _ = Measure(make_record(), variant).score({"codes": CODES}, seed=0)
    assert scores == {"half_b10": 0.5}


def test_missing_arguments_are_named():
    measure = metrics.CATALOGUE.measure("sap")
    with pytest.raises(ValueError, match="Received: nothing for codes_test, factors_test"):
        measure.score({"codes": CODES, "factors": FACTORS}, seed=0)


def test_ranges_are_written_out():
    result = Result("half", "Half")
    assert result_range(result) == "0 to 1"
    assert result_range(dataclasses.replace(result, high=np.inf)) == "0 to any size"
    assert result_range(dataclasses.replace(result, low=-np.inf)) == "up to 1"
    assert result_range(dataclasses.replace(result, low=-np.inf, high=np.inf)) == "any number"


def test_the_page_of_the_docs_is_that_of_the_records():
    written = (REPOSITORY / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert written == page(metrics.CATALOGUE), (
        "docs/metrics.md is not what the records say: write it again with "
        "`python -m metrics.shared.documentation > docs/metrics.md`"
    )
    for need, told in NEEDS.items():
        if any(need in record.needs for record in metrics.CATALOGUE):
            assert told in written


def test_the_records_need_no_training_library():
    code = "import sys, metrics; assert not {'tensorflow', 'keras', 'gin'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
