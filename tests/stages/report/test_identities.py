"""What the report shows of identities: plots against weights, pictures, swaps."""

import json

import numpy as np
import pandas as pd

from pipeline.runs.directory import RunDirectory
from pipeline.stages.report.ablations import ablations
from pipeline.stages.report.content import Report
from pipeline.stages.report.options import ReportOptions
from pipeline.stages.report.picture_files import find_pictures
from pipeline.stages.report.plots import identities
from pipeline.stages.report.plots.files import write_plot
from pipeline.stages.report.sections import explorer
from pipeline.stages.report.sections.section import Parts
from pipeline.stages.report.summaries import RunTables


def make_report(root):
    """Three models that tell s from z, of two settings; the last is selected."""
    directory = RunDirectory(root)
    models, scores = [], []
    for number, weight in enumerate((0.0, 0.0, 0.1)):
        name, setting = f"m{number}", f"w{weight}"
        folder = directory.model(name)
        folder.root.mkdir(parents=True)
        config = {"method": {"adversarial_weight": weight, "kl_weight": {"steps": [[0, 0.6]]}}}
        folder.config.write_text(json.dumps(config))
        images = np.zeros((1, 2, 8, 8, 1), np.uint8)
        swaps = np.arange(9, dtype=np.uint8).reshape(3, 3, 1, 1, 1) * np.ones((8, 8, 1), np.uint8)
        np.savez(
            folder.export("final").traversals,
            images=images,
            values=np.array([-1.0, 1.0]),
            names=np.array(["c1"]),
            samples=images[0],
            real=images[0],
            identity_swap_seen=swaps,
        )
        models.append((name, setting, number, "done", "final", f"models/{name}", "f"))
        for metric, value in (("s_accuracy_seen", 0.9), ("z_accuracy_seen", 0.8 - weight)):
            scores.append((name, metric, "identity", value))
    columns = ["model_id", "setting", "seed", "status", "export", "directory"]
    columns.append("model_fingerprint")
    tables = RunTables(
        pd.DataFrame(models, columns=columns),
        pd.DataFrame(scores, columns=["model_id", "metric", "protocol", "value"]),
        None,
        None,
        None,
    )
    return Report("t", directory, tables, ReportOptions(), ("identity", "x"), "m2", "")


def test_the_ablation_and_the_pictures(tmp_path):
    report = make_report(tmp_path)
    (drawing,) = identities.PLOT.find(report)
    assert drawing.stem == "identity_adversarial_weight"
    assert drawing.table["adversarial_weight"].tolist() == [0.0, 0.0, 0.1]
    assert drawing.table["z_accuracy_seen"].tolist() == [0.8, 0.8, 0.7000000000000001]
    shown = [picture.stem for picture in find_pictures(report) if picture.section == "identities"]
    assert shown == ["selected_identity_swap_seen", "identity_swap_w0.0"]


def test_the_explorer_swaps_from_the_grid(tmp_path):
    content = explorer.build(make_report(tmp_path), Parts((), (), {}, ()))
    assert content["data"]["order"] == ["m2", "m0", "m1"]
    (grid,) = content["data"]["models"]["m2"]["swaps"]
    assert (grid["part"], grid["rows"], grid["columns"], grid["width"]) == ("seen", 3, 3, 8)
    assert grid["sheet"].startswith("data:image/webp;base64,")


def test_a_line_joins_models_that_differ_in_one_weight_only():
    constant, rising = {"steps": [[0, 1.0]]}, {"steps": [[0, 0.0], [9, 1.0]]}
    methods = {
        "a": {"kl_weight": constant, "swap_weight": 1.0, "beta_1": 0.5},
        "b": {"kl_weight": {"steps": [[0, 2.0]]}, "swap_weight": 1.0, "beta_1": 0.5},
        "c": {"kl_weight": constant, "swap_weight": 3.0, "beta_1": 0.5},
        "rising": {"kl_weight": rising, "swap_weight": 5.0, "beta_1": 0.5},
        "other optimiser": {"kl_weight": constant, "swap_weight": 7.0, "beta_1": 0.9},
        "other": {},
    }
    assert ablations(methods, "kl_weight") == [{"a": 1.0, "b": 2.0}]
    assert ablations(methods, "swap_weight") == [{"a": 1.0, "c": 3.0}]


def test_the_plot_has_a_panel_for_each_part(tmp_path):
    (drawing,) = identities.PLOT.find(make_report(tmp_path))
    table = pd.DataFrame(
        {f"{view}_accuracy_{part}": [0.9, 0.4] for view in "sz" for part in ("seen", "unseen")},
        index=["a", "b"],
    ).assign(chance_seen=0.1, images_accuracy_seen=0.95)
    chart = []

    def draw():
        chart.append(identities.draw(table, [{"a": 0.0, "b": 0.1}], weight="adversarial weight"))
        return chart[0]

    drawn = type(drawing)("plot", "Title", "Caption.", table, draw)
    files = write_plot(drawn, "identities", plots=tmp_path, tables=tmp_path)
    assert len(chart[0].figure.axes) == 2
    assert [panel["texts"] for panel in files.values] == [["a: 0.900", "b: 0.400"]] * 4
