"""Trade-offs between classes and images: which models make a curve, and the worst class of each."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.runs.directory import RunDirectory
from pipeline.stages.report.content import Report
from pipeline.stages.report.options import ReportOptions
from pipeline.stages.report.picture_files import find_pictures
from pipeline.stages.report.plots import trade_off
from pipeline.stages.report.plots.files import write_plot
from pipeline.stages.report.summaries import RunTables
from pipeline.stages.report.trade_offs import trade_offs, worst_class

# model id -> setting, method, accuracy, distance; the last was not judged by its images.
MODELS = {
    "b1-0": ("b1", {"class_weight": 1.0, "noise_weight": 0.5}, 0.4, 3.0),
    "b1-1": ("b1", {"class_weight": 1.0, "noise_weight": 0.5}, 0.6, 5.0),
    "b10-0": ("b10", {"class_weight": 10.0, "noise_weight": 0.5}, 0.7, 40.0),
    "l1-0": ("l1", {"info_weight": {"steps": [[0, 1.0]]}}, 0.3, 6.0),
    "l2-0": ("l2", {"info_weight": {"steps": [[0, 2.0]]}}, 0.5, 7.0),
    "l9-0": ("l9", {"info_weight": {"steps": [[0, 9.0]]}}, 0.5, None),
}
COVERAGE = np.array([[8, 2], [5, 5], [1, 9]])


def make_report(root, main=("classes", "acc_hungarian"), models=MODELS):
    directory = RunDirectory(root)
    rows, scores = [], []
    for number, (name, (setting, method, accuracy, distance)) in enumerate(models.items()):
        folder = directory.model(name)
        folder.root.mkdir(parents=True)
        folder.config.write_text(json.dumps({"method": method}))
        key = f"{number}{'f' * 31}"
        kind = "codegan" if "class_weight" in method else "infogan"
        rows.append((name, setting, number, kind, "done", "final", f"models/{name}", key))
        scores.append((name, "acc_hungarian", "classes", accuracy))
        if distance is not None:
            scores.append((name, "fid_local", "samples", distance))
        grid = np.full((3, 2, 8, 8, 1), number, np.uint8) + np.arange(3, dtype=np.uint8)[
            :, None, None, None, None
        ] * np.uint8(10)
        path = directory.class_pictures(key[:16])
        path.parent.mkdir(exist_ok=True)
        names = np.array(["shirt", "boot"])
        coverage = COVERAGE if number else COVERAGE[::-1]
        np.savez(path, coverage=coverage, label_names=names, grid=grid)
    columns = ["model_id", "setting", "seed", "method", "status", "export", "directory"]
    tables = RunTables(
        pd.DataFrame(rows, columns=[*columns, "model_fingerprint"]),
        pd.DataFrame(scores, columns=["model_id", "metric", "protocol", "value"]).assign(
            dataset="toy", representation="mean"
        ),
        None,
        None,
        None,
    )
    return Report("t", directory, tables, ReportOptions(), main, "b1-0", "")


def test_models_that_differ_in_one_weight_make_a_curve(tmp_path):
    classes, information = trade_offs(make_report(tmp_path))
    assert classes.label == "codegan, class weight"
    assert classes.settings == {1.0: ["b1-0", "b1-1"], 10.0: ["b10-0"]}
    assert information.label == "infogan, info weight"
    assert information.settings == {1.0: ["l1-0"], 2.0: ["l2-0"]}  # l9 has no distance


def test_curves_of_one_name_are_told_apart(tmp_path):
    others = {
        f"p{name}": (f"p{setting}", {**method, "flag": True}, *scores)
        for name, (setting, method, *scores) in MODELS.items()
    }
    labels = [curve.label for curve in trade_offs(make_report(tmp_path, models=MODELS | others))]
    assert labels[:2] == ["codegan, class weight (b1 …)", "codegan, class weight (pb1 …)"]


def test_the_worst_class_is_the_one_that_shows_its_kind_least(tmp_path):
    report = make_report(tmp_path)
    worst = worst_class(report, "b1-1")
    assert (worst.code, worst.kind, worst.share) == (1, "shirt", 0.5)
    assert (worst.images == 11).all() and worst.images.shape == (2, 8, 8, 1)
    report.directory.class_pictures(report.model("b1-1")["model_fingerprint"][:16]).unlink()
    assert worst_class(report, "b1-1") is None


def test_the_plot_its_table_and_the_pictures(tmp_path):
    report = make_report(tmp_path / "run")
    (drawing,) = trade_off.PLOT.find(report)
    table = drawing.table
    assert table["model_id"].tolist() == ["b1-0", "b1-1", "b10-0", "l1-0", "l2-0"]
    assert table["weight"].tolist() == [1.0, 1.0, 10.0, 1.0, 2.0]
    assert table["fid_local"].tolist() == [3.0, 5.0, 40.0, 6.0, 7.0]
    assert set(table["worst_class"]) == {1} and set(table["worst_share"]) == {0.5}
    files = write_plot(drawing, "classes", plots=tmp_path, tables=tmp_path)
    assert "mathdefault" not in files.svg  # the axis is logarithmic, and its numbers are plain
    first, second = files.values
    assert first["texts"][2].startswith("b10-0 (class weight 10): ")
    assert "0.700" in first["texts"][2] and "40" in first["texts"][2]
    assert len(second["texts"]) == 2
    # The mean of the two models of the first weight, (4, .5), lies on the line: to the left of and
    # below the model of the second weight.
    assert first["x"][0] < first["x"][1] < first["x"][2]
    assert first["y"][0] > first["y"][1] > first["y"][2]
    shown = {one.stem: one for one in find_pictures(report) if one.stem.startswith("trade_off")}
    assert set(shown) == {"trade_off_1_worst", "trade_off_2_worst"}
    (picture,) = shown["trade_off_1_worst"].frames
    # Rows: models b1-0 (its worst class holds the value 10) and b10-0 (12).
    assert (picture[10, -1] == 10).all() and (picture[-10, -1] == 12).all()


@pytest.mark.parametrize(
    ("main", "names"),
    [
        (("samples", "fid_local"), list(MODELS)),
        (("classes", "acc_hungarian"), ["b1-0", "b1-1", "l1-0"]),  # no weight differs
        (("classes", "acc_hungarian"), ["l9-0"]),  # no distance
    ],
)
def test_a_report_without_a_curve_has_no_plot(tmp_path, main, names):
    report = make_report(tmp_path, main, {name: MODELS[name] for name in names})
    assert not list(trade_off.PLOT.find(report))
