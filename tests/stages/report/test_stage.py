"""The report of synthetic runs: exact tables, every gap named, the same bytes each time."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.errors import StageError
from pipeline.runs import tables
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import write_manifest
from pipeline.stages.report import stage as report
from pipeline.stages.report import summaries
from pipeline.stages.report.options import ReportOptions
from pipeline.stages.report.writing import write_report
from tests.stages.report.synthetic_run import TWO_CODES, VALUES, make_run, write

OPTIONS = ReportOptions(traversal_frames=3)


def page_of(root):
    return (root / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    root = make_run(tmp_path_factory.mktemp("full"))
    return root, write_report(root, title="A <title>", options=OPTIONS)


def test_every_file_is_there_and_valid(full):
    root, written = full
    names = [str(path.relative_to(root / "report")) for path in written]
    assert names == sorted(names)
    expected = {"index.html"}
    for name in ("models", "selected"):
        expected |= {f"tables/{name}.csv"}
    for name in ("settings", "selection_metrics"):
        expected |= {f"tables/{name}.{kind}" for kind in ("csv", "tex", "md")}
    plots = ["metrics_cr", "similarity_matrix", "centrality_against_score", "training_curves"]
    for name in (*plots, "metric_over_iterations"):
        expected |= {f"plots/{name}.{kind}" for kind in ("png", "pdf", "svg")}
        expected |= {f"tables/{name}.csv"}
    pictures = ("selected_traversals", "selected_real", "selected_samples")
    expected |= {f"plots/{name}.png" for name in pictures} | {"plots/selected_traversals.gif"}
    assert set(names) == expected
    for path in written:
        if path.suffix in (".png", ".gif"):
            with Image.open(path) as picture:
                picture.load()


def test_tables_hold_exact_values(full):
    root, _ = full
    models = pd.read_csv(root / "report/tables/models.csv").set_index("model_id")
    assert len(models) == 6
    assert models.loc["cr-1", "cr.factor_vae"] == 0.9
    assert models.loc["cr-1", "cr.mig"] == 0.9 / 3
    assert np.isnan(models.loc["plain-1", "cr.factor_vae"])
    assert models.loc["plain-1", "status"] == "failed"
    settings = pd.read_csv(root / "report/tables/settings.csv")
    settings = settings.set_index(["setting", "export", "metric"])
    assert settings.loc[("cr", "final", "factor_vae"), "mean"] == pytest.approx(0.75, abs=1e-15)
    std = settings.loc[("cr", "final", "factor_vae"), "std"]
    assert std == pytest.approx(0.3 / np.sqrt(2), abs=1e-15)
    assert settings.loc[("cr", "before_cr", "factor_vae"), "mean"] == 0.375
    assert settings.loc[("plain", "final", "factor_vae"), "num_seeds"] == 1
    assert np.isnan(settings.loc[("plain", "final", "factor_vae"), "std"])
    selected = pd.read_csv(root / "report/tables/selected.csv").set_index("selection_method")
    assert selected.loc["model_centrality", "model_id"] == "cr-1"
    assert selected.loc["model_centrality", "gain_over_median"] == 0.3


def test_the_papers_table_by_hand(full):
    table = pd.read_csv(full[0] / "report/tables/selection_metrics.csv").set_index("row")
    for method in ("model_centrality", "supervised"):
        assert table.loc[method, "model_id"] == "cr-1"
        assert table.loc[method, "factor_vae"] == 0.9
        assert table.loc[method, "mig"] == 0.9 / 3
    # The pool is cr-0, cr-1 and plain-0: 0.6, 0.9 and 0.5.
    assert table.loc["pool_mean", "factor_vae"] == pytest.approx(2 / 3)
    assert table.loc["pool_std", "factor_vae"] == pytest.approx(np.std([0.6, 0.9, 0.5], ddof=1))
    assert table.loc["pool_best", "factor_vae"] == 0.9
    assert table.loc["pool_mean", "num_models"] == 3
    assert table["dci"].isna().all() and (table["protocol"] == "cr").all()


def test_warnings_are_shown_once_and_escaped(full):
    page = page_of(full[0])
    assert page.count("All agree.") == 1
    assert "ModelCentrality: &lt;two&gt; are tied." in page


def test_each_pool_has_its_part(tmp_path):
    make_run(tmp_path)
    schemas = {
        "selection": tables.SELECTION_COLUMNS,
        "selection_summary": tables.SELECTION_SUMMARY_COLUMNS,
    }
    for name, columns in schemas.items():
        whole = tables.read_table(tmp_path / f"{name}.csv", columns)
        part = whole[whole["model_id"] != "plain-0"].assign(pool="cr")
        if name == "selection_summary":
            part["num_models"] = 2
        write(tmp_path / f"{name}.csv", pd.concat([whole, part]), columns)
    written = write_report(tmp_path, title="t", options=OPTIONS)
    names = {path.name for path in written}
    assert {"similarity_matrix_all.png", "similarity_matrix_cr.png"} <= names
    page = page_of(tmp_path)
    assert "Pool all" in page and "Pool cr" in page
    assert "chose it among 3 models" in page
    table = pd.read_csv(tmp_path / "report/tables/selection_metrics.csv")
    means = table[table["row"] == "pool_mean"].set_index("pool")["factor_vae"]
    assert means["cr"] == pytest.approx(0.75) and means["all"] == pytest.approx(2 / 3)


def test_similarity_is_symmetric_without_diagonal_and_ordered(full):
    run = summaries.read_run(RunDirectory(full[0]))
    names, similarity, centrality = summaries.similarity_matrix(run)
    assert names == ["cr-1", "cr-0", "plain-0"]
    expected = [[np.nan, 0.7, 0.5], [0.7, np.nan, 0.4], [0.5, 0.4, np.nan]]
    np.testing.assert_allclose(similarity, expected, atol=1e-15)
    np.testing.assert_allclose(centrality, [0.6, 0.55, 0.45], atol=1e-15)


def test_rank_correlation_by_hand():
    correlation = summaries.rank_correlation
    assert correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0])) == pytest.approx(1)
    assert correlation(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1)
    assert np.isnan(correlation(np.array([1.0, 2.0]), np.array([1.0, 1.0])))
    assert np.isnan(correlation(np.array([1.0]), np.array([1.0])))


class Tags(HTMLParser):
    VOID = ("meta", "img", "link", "input")

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.ids = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.sources += [attributes[name] for name in ("src", "href") if name in attributes]
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_well_formed_and_needs_no_other_file(full):
    tags = Tags(page_of(full[0]))
    assert tags.open == []
    assert sum(source.startswith("data:image/") for source in tags.sources) == 4
    inside = {source[1:] for source in tags.sources if source[0] == "#" and "=" not in source}
    assert inside <= set(tags.ids)
    assert len(tags.ids) == len(set(tags.ids))


def test_every_link_leads_to_a_file(full):
    root, _ = full
    links = {source for source in Tags(page_of(root)).sources if source[0] != "#"}
    links = {link for link in links if not link.startswith("data:")}
    assert {"tables/settings.csv", "../scores.csv", "plots/training_curves.pdf"} <= links
    for link in links:
        assert (root / "report" / link).resolve().exists(), link


def data_of(root, name):
    """Return the data that a script of the page reads."""
    found = re.search(
        rf'<script type="application/json" id="{name}">(.*?)</script>', page_of(root), re.DOTALL
    )
    return json.loads(found.group(1))


def test_the_leaderboard_holds_what_the_tables_hold(full):
    root, _ = full
    board = data_of(root, "board-data")
    scores = tables.read_table(root / "scores.csv", tables.SCORE_COLUMNS)
    assert {row["id"] for row in board["rows"]} == {*VALUES, "plain-1"}
    found = {}
    for row in board["rows"]:
        for number, cell in row["cells"].items():
            metric = board["metrics"][int(number)]
            found[row["id"], metric["protocol"], metric["metric"]] = cell
    for score in scores.to_dict("records"):
        cell = found.pop((score["model_id"], score["protocol"], score["metric"]))
        assert cell[0] == pytest.approx(score["value"], rel=1e-6)
        if np.isfinite(score["ci_low"]):
            assert cell[1:] == pytest.approx([score["ci_low"], score["ci_high"]], rel=1e-6)
    assert not found
    assert board["selected"] == "cr-1"
    assert {row["id"]: row["rank"] for row in board["rows"]}["cr-1"] == 1
    directions = {metric["metric"]: metric["better"] for metric in board["metrics"]}
    assert directions == {"factor_vae": "high", "mig": "high", "dhsic": "low"}


def test_bindings_that_differ_are_shown(tmp_path):
    make_run(tmp_path, codes=TWO_CODES, failed=None)
    for model in ("cr-0", "cr-1", "plain-0"):
        (tmp_path / "models" / model / "generator.keras").touch()
    write_report(tmp_path, title="t", options=OPTIONS)
    models = {model["id"]: model for model in data_of(tmp_path, "models-data")["models"]}
    assert models["cr-0"]["bindings"] == [["method.cr_weight", "0.5"]]
    assert models["plain-0"]["bindings"] == [["method.cr_weight", "0.0"]]
    assert models["cr-0"]["samples"]["count"] == 4


def test_page_tells_the_story_and_escapes_it(full):
    page = page_of(full[0])
    for text in (
        "<title>A &lt;title&gt;</title>",
        "ModelCentrality chose it among 3 models",
        "0.750 ± 0.212",
        "2 seeds",
        "0.900, interval 0.775 to 1.025",
        "the loss is &lt;not&gt; a number",
        "# &lt;lambda&gt;",
        "Regret to best",
    ):
        assert text in page
    assert "the loss is <not>" not in page


def test_two_runs_give_the_same_bytes(full, tmp_path):
    root, written = full
    again = write_report(make_run(tmp_path), title="A <title>", options=OPTIONS)
    for first, second in zip(written, again, strict=True):
        assert first.relative_to(root) == second.relative_to(tmp_path)
        assert first.read_bytes() == second.read_bytes(), first.name


def test_data_without_labels(tmp_path):
    written = write_report(make_run(tmp_path, labels=False), title="t", options=OPTIONS)
    names = {path.name for path in written}
    assert "similarity_matrix.png" in names
    assert not names & {"centrality_against_score.png", "metric_over_iterations.png"}
    page = page_of(tmp_path)
    assert "the data have no labels" in page
    assert "ModelCentrality chose it" in page
    assert "Regret to best" not in page
    models = pd.read_csv(tmp_path / "report/tables/models.csv")
    assert [name for name in models if "." in name] == ["cr.dhsic"]


def test_one_model_only(tmp_path):
    make_run(tmp_path, ids=("cr-0",), failed=None, select=False)
    write_report(tmp_path, title="t", options=OPTIONS)
    page = page_of(tmp_path)
    assert "It is the only model" in page
    assert "Selection needs two models or more; this run has 1" in page
    assert "selected_traversals.png" in {p.name for p in (tmp_path / "report/plots").iterdir()}


def test_stages_that_have_not_run_are_named(tmp_path):
    make_run(tmp_path, select=False, ids=("cr-0", "plain-0"))
    (tmp_path / "scores.csv").unlink()
    for model in ("cr-0", "plain-0"):
        (tmp_path / "models" / model / "traversals.npz").unlink()
    (tmp_path / "models" / "plain-0" / "history.csv").unlink()
    (tmp_path / "report" / "plots").mkdir(parents=True)
    (tmp_path / "report" / "plots" / "of_an_earlier_report.png").write_bytes(b"old")
    written = write_report(tmp_path, title="t", options=OPTIONS)
    page = page_of(tmp_path)
    assert "The metrics stage has not run" in page
    assert "The select stage has not run" in page
    assert "wrote no traversals of cr-0" in page
    assert "No readable history: plain-0, plain-1" in page
    assert set((tmp_path / "report" / "plots").iterdir()) <= set(written)
    tables.read_table(tmp_path / "report/tables/settings.csv", summaries.SETTING_COLUMNS)


def test_all_models_failed(tmp_path):
    make_run(tmp_path, ids=(), select=False)
    write_report(tmp_path, title="t", options=OPTIONS)
    assert "No model finished training" in page_of(tmp_path)


def test_best_scored_model_is_shown_where_none_was_selected(tmp_path):
    make_run(tmp_path, select=False, ids=("cr-0", "cr-1", "plain-0"))
    (tmp_path / "models" / "cr-1" / "traversals.npz").write_bytes(b"PK broken")
    with pytest.raises(ValueError, match=r"cr-1.traversals\.npz.*Run the train stage again"):
        write_report(tmp_path, title="t", options=OPTIONS)


def test_how_sure_each_method_is_stands_in_one_sentence(tmp_path):
    make_run(tmp_path)
    path = tmp_path / "selection_summary.csv"
    table = pd.read_csv(path)
    table["confidence"] = table.selection_method.map({"model_centrality": 0.75})
    pipe = table[table.selection_method == "model_centrality"].assign(
        selection_method="pipe", confidence=0.876
    )
    pd.concat([table, pipe]).to_csv(path, index=False)
    write_report(tmp_path, title="t", options=OPTIONS)
    said = "Of the bootstrap resamples it wins 88% by PIPE, 75% by ModelCentrality."
    assert said in page_of(tmp_path)


def test_missing_and_damaged_tables_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"models\.csv.*Run the train stage"):
        write_report(tmp_path, title="t", options=OPTIONS)
    make_run(tmp_path, ids=("cr-0",))
    scores = (tmp_path / "scores.csv").read_text()
    (tmp_path / "scores.csv").write_text(scores + scores.splitlines()[1] + "\n")
    with pytest.raises(ValueError, match=r"scores\.csv names something twice"):
        write_report(tmp_path, title="t", options=OPTIONS)
    (tmp_path / "scores.csv").write_text(scores[:-9])
    with pytest.raises(ValueError, match=r"scores\.csv.*Run the metrics stage again"):
        write_report(tmp_path, title="t", options=OPTIONS)


def test_stage_skips_what_is_up_to_date(tmp_path, capsys):
    context = SimpleNamespace(
        run=RunDirectory(tmp_path),
        experiment=SimpleNamespace(name="toy", report=OPTIONS),
        forced=frozenset(),
        pool=None,
    )
    with pytest.raises(StageError, match=r"models\.csv does not exist"):
        report.run(context)
    make_run(tmp_path, ids=("cr-0",), failed=None, select=False)
    run = context.run
    write_manifest(run.manifest("train"), "of a test", [run.models_csv])
    write_manifest(run.manifest("metrics"), "of a test", [run.scores_csv])
    assert report.plan(context)[0].reason == "new"
    report.run(context)
    assert report.plan(context)[0].reason is None
    capsys.readouterr()
    report.run(context)
    assert "up to date" in "".join(capsys.readouterr())
    (tmp_path / "report" / "index.html").write_text("damaged")
    assert report.plan(context)[0].reason.endswith("index.html is damaged")
    (tmp_path / "scores.csv").unlink()
    assert report.plan(context)[0].reason == "a binding or an input changed"


@pytest.mark.parametrize(
    "options",
    [
        {"main_metric": ""},
        {"main_protocol": 3},
        {"traversal_frames": 1},
        {"traversal_frames": 2.5},
        {"frame_milliseconds": True},
        {"explorer_megabytes": -1},
    ],
)
def test_options_are_checked(options):
    with pytest.raises(ValueError, match="Expected.*Received"):
        ReportOptions(**options)


def test_neither_tensorflow_nor_pyplot_is_imported(tmp_path):
    make_run(tmp_path, ids=("cr-0",), failed=None, select=False)
    code = (
        "import sys; from pipeline.stages.report.writing import write_report\n"
        "from pipeline.stages.report.options import ReportOptions\n"
        "assert 'matplotlib' not in sys.modules\n"
        "write_report(sys.argv[1], title='t', options=ReportOptions())\n"
        "heavy = {'tensorflow', 'keras', 'gin', 'matplotlib.pyplot'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    repository = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=repository)
