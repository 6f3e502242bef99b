"""`compare`: several runs in one table, with what was selected, and no number lost."""

import io
import json
import re

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.runs import tables
from pipeline.runs.directory import RunDirectory

SCORES = {"a-0": {"mig": 0.1, "sap": 1 / 3}, "a-1": {"mig": 0.2, "sap": 0.5}}


def make_run(root, scores=SCORES, *, selected="a-1", images="1234", pools=("all",)):
    run = RunDirectory(root)
    root.mkdir()
    keys = {"setting": "a", "method": "vae", "iteration": 10, "model_fingerprint": "f"}
    models = [
        {**dict.fromkeys(tables.MODEL_COLUMNS), **keys, "model_id": one, "seed": number,
         "export": "final", "status": "done"}
        for number, one in enumerate(scores)
    ]  # fmt: skip
    write(run.models_csv, models, tables.MODEL_COLUMNS)
    rows = [
        {**keys, "model_id": one, "seed": 0, "metric": metric, "value": value, "ci_low": None,
         "ci_high": None, "protocol": "cr", "representation": "mean", "num_points": 5,
         "dataset": "Squares", "data_fingerprint": images, "versions": "1"}
        for one, values in scores.items()
        for metric, value in values.items()
    ]  # fmt: skip
    if rows:
        write(run.scores_csv, rows, tables.SCORE_COLUMNS)
    ranks = [
        {"pool": pool, "model_id": one, "setting": "a", "method": "vae", "seed": 0,
         "selection_method": "udr_lasso", "score": 0.5, "rank": 1, "selected": one == selected,
         "confidence": None, "num_compared": None, "num_informative": None, "versions": "1"}
        for pool in pools
        for one in scores
    ]  # fmt: skip
    write(run.selection_csv, ranks, tables.SELECTION_COLUMNS)
    return root


def write(path, rows, columns):
    tables.write_table(path, pd.DataFrame(rows, columns=columns), columns)


def table(capsys, *arguments):
    assert main(["compare", *map(str, arguments)]) == 0
    return pd.read_csv(io.StringIO(capsys.readouterr().out))


def test_runs_stand_in_one_table_in_full_precision(tmp_path, capsys):
    first, second = make_run(tmp_path / "a"), make_run(tmp_path / "b", {"a-0": {"mig": 0.7}})
    found = table(capsys, first, second).set_index(["run", "model_id"])
    assert len(found) == 3
    assert found.loc[(str(first), "a-0"), "cr.sap"] == 1 / 3
    assert found.loc[(str(second), "a-0"), "cr.mig"] == 0.7
    assert pd.isna(found.loc[(str(second), "a-0"), "cr.sap"])
    assert found.loc[(str(first), "a-1"), "selected_by"] == "udr_lasso"
    assert pd.isna(found.loc[(str(first), "a-0"), "selected_by"])


def test_selected_models_and_metrics_are_chosen(tmp_path, capsys):
    run = make_run(tmp_path / "a", pools=("all", "half"))
    found = table(capsys, run, "--selected", "--metrics", "sap")
    assert found["model_id"].tolist() == ["a-1"] and "cr.mig" not in found
    assert found["selected_by"].tolist() == ["all:udr_lasso; half:udr_lasso"]
    assert table(capsys, run, "--metrics", "cr.mig")["cr.mig"].tolist() == [0.1, 0.2]


def test_it_writes_a_file_and_markdown(tmp_path, capsys):
    run, csv = make_run(tmp_path / "a"), tmp_path / "both.csv"
    assert main(["compare", str(run), "--csv", str(csv), "--markdown", "--metrics", "sap"]) == 0
    assert pd.read_csv(csv)["cr.sap"].tolist() == [1 / 3, 0.5]
    assert capsys.readouterr().out.splitlines() == [
        "| run | model_id | selected_by | cr.sap |",
        "| --- | --- | --- | --- |",
        f"| {run} | a-0 |  | 0.333 |",
        f"| {run} | a-1 | udr_lasso | 0.500 |",
    ]


def test_it_warns_of_other_images_and_of_runs_without_scores(tmp_path, capsys):
    runs = [make_run(tmp_path / "a"), make_run(tmp_path / "b", images="5678")]
    empty = make_run(tmp_path / "c", {"a-0": {}})
    assert main(["compare", *map(str, [*runs, empty])]) == 0
    said = capsys.readouterr().err
    assert "Squares 1234, Squares 5678" in said and f"{empty} has no scores yet" in said
    assert main(["compare", str(runs[0])]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a", "a"], "named twice"),
        (["a", "nothing"], "holds no models"),
        (["a", "--metrics", "migs"], "Expected some of: mig, sap. Received: migs"),
        (["none", "--selected"], "leave --selected out"),
    ],
)
def test_bad_use_ends_in_one_line(tmp_path, capsys, monkeypatch, arguments, expected):
    make_run(tmp_path / "a")
    make_run(tmp_path / "none", selected=None)
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and expected in error


def test_the_page_holds_all_runs_and_escapes_their_names(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "a")
    make_run(tmp_path / "<b>", {"a-0": {"mig": 0.7}}, images="5678")
    (tmp_path / "a" / "report").mkdir()
    (tmp_path / "a" / "report" / "index.html").write_text("its page")
    assert main(["compare", "a", "<b>", "--page", "out/both.html"]) == 0
    said = capsys.readouterr()
    assert said.out == "" and "page of 2 runs: out/both.html" in said.err
    page = (tmp_path / "out" / "both.html").read_text()
    assert ">0.700<small>1 seed" in page and "&lt;b&gt;" in page and "<b>" not in page
    assert "do not compare them as equals" in page  # other images
    board = re.search(r'id="board-data">(.*?)</script>', page, flags=re.DOTALL)
    data = json.loads(board[1])
    assert [one["metric"] for one in data["metrics"]] == ["mig", "sap"]
    rows = {(row["run"], row["id"]): row for row in data["rows"]}
    assert rows["a", "a-0"]["cells"] == {"0": [0.1], "1": [0.3333333]}
    assert rows["<b>", "a-0"]["cells"] == {"0": [0.7]} and rows["<b>", "a-0"]["href"] is None
    assert rows["a", "a-1"]["href"] == "../a/report/index.html#model=a-1"
    assert rows["a", "a-1"]["selected"] and not rows["a", "a-0"]["selected"]


def test_scripts_read_json(tmp_path, capsys):
    assert main(["compare", str(make_run(tmp_path / "a")), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["cr.sap"] == 1 / 3 and second["selected_by"] == "udr_lasso"
