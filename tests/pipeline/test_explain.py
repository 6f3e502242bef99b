"""`explain`: every record is told whole, and a misspelt name is answered with the nearest."""

import dataclasses
import json
import subprocess
import sys

import pytest

import metrics
from pipeline.cli import main
from pipeline.selection import METHODS


def said(capsys, *arguments):
    assert main(["explain", *arguments]) == 0
    return capsys.readouterr().out


def words(text):
    return " ".join(text.split())


@pytest.mark.parametrize("record", metrics.CATALOGUE.records, ids=lambda record: record.name)
def test_a_metric_is_told_from_its_record(record, capsys):
    text = words(said(capsys, record.name))
    for fact in (record.source, record.pitfalls, record.bootstrap, record.title):
        assert words(fact) in text
    for variant in record.variants:
        assert variant.name in text
        for result in metrics.Measure(record, variant).results:
            assert result.key in text


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_a_selection_method_is_told_from_its_record(method, capsys):
    text = words(said(capsys, method.name))
    assert method.title in text and method.reason in text and words(method.source) in text
    assert ("labels: needed" in text) == method.needs_labels
    options = json.loads(said(capsys, method.name, "--json"))["options"]
    assert {one["name"] for one in options} == {
        field.name for field in dataclasses.fields(method.options)
    }
    for option in options:
        assert option["meaning"] and words(option["meaning"]) in text


def test_json_holds_what_is_known_of_the_mutual_information_gap(capsys):
    facts = json.loads(said(capsys, "mig", "--json"))
    assert facts["results"][0]["key"] == "mig" and facts["results"][0]["better"] == "higher"
    assert (facts["results"][0]["low"], facts["results"][0]["high"]) == (0.0, 1.0)
    assert facts["called_as"][0] == {
        "name": "mig",
        "protocols": ["cr", "dlib"],
        "options": {},
        "takes_minutes": False,
        "made_by_metric_stage_only": False,
    }
    bins = facts["options"][0]
    assert (bins["name"], bins["default"], bins["meaning"]) == (
        "num_bins",
        20,
        "number of bins of a code.",
    )
    assert facts["arrays"] == ["codes", "factors"]


@pytest.mark.parametrize("name", ["dci_lasso", "dci_lasso_completeness"])
def test_a_variant_and_a_result_are_told_alone(name, capsys):
    facts = json.loads(said(capsys, name, "--json"))
    assert [one["name"] for one in facts["called_as"]] == ["dci_lasso"]
    assert facts["title"] == "DCI, lasso"
    assert all(one["key"].startswith("dci_lasso_") for one in facts["results"])


def test_without_bounds_json_says_null(capsys):
    (bound,) = {
        one["high"]
        for one in json.loads(said(capsys, "dci_lasso", "--json"))["results"]
        if one["key"] == "dci_lasso_nrmse_test"
    }
    assert bound is None


def test_without_a_name_all_are_listed(capsys):
    listed = json.loads(said(capsys, "--json"))
    assert set(listed["metrics"]) == set(metrics.CATALOGUE.measures())
    assert set(listed["selection methods"]) == set(METHODS)
    text = said(capsys)
    assert "udr_lasso" in text and "FactorVAE" in text


@pytest.mark.parametrize(
    ("name", "nearest"), [("factorvae", "factor_vae"), ("MIG", "mig"), ("udr_laso", "udr_lasso")]
)
def test_an_unknown_name_is_answered_with_the_nearest(name, nearest, capsys):
    assert main(["explain", name]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"'{nearest}'" in error and f"Received: '{name}'" in error


def test_it_answers_without_tensorflow():
    code = (
        "import sys; from pipeline.cli import main; assert main(['explain', 'mig']) == 0; "
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
