"""Plots: whole files, the same bytes each time, readable from one model to a thousand."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.stages.report.plots import (
    centrality,
    class_table,
    features,
    settings,
    similarity,
    training,
)
from pipeline.stages.report.plots.curves import MAX_POINTS, Curve, median_curve, thin
from pipeline.stages.report.plots.files import write_plot
from pipeline.stages.report.plots.groups import GroupScores
from pipeline.stages.report.plots.plot import Drawing
from pipeline.stages.report.plots.style import PAGE, group_styles, short_name


def curve(values, group="a"):
    values = np.asarray(values, dtype=float)
    return Curve(f"{group}-0", group, np.arange(len(values)) * 10, values)


def group_scores(values, names=None):
    values = np.asarray(values, dtype=float)
    names = names or [f"model-{i}" for i in range(len(values))]
    return GroupScores(names, values, values - 0.01, np.full(len(values), np.nan))


def write(folder, draw, stem="a"):
    """Write a chart as the report does."""
    drawing = Drawing(stem, "Title", "Caption.", pd.DataFrame({"value": [1.0]}), draw)
    return write_plot(drawing, "selection", plots=folder, tables=folder)


def check_files(files):
    png, pdf, svg = files.pictures
    with Image.open(png) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert set(picture.info) <= {"dpi"}  # neither a date nor a version
        assert np.asarray(picture.convert("L")).std() > 1
    content = pdf.read_bytes()
    assert b"CreationDate" not in content
    width = float(re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ", content).group(1))
    assert width <= PAGE * 72 + 0.01  # fits a page of a paper
    assert "<dc:date>" not in svg.read_text()
    assert files.svg.startswith("<svg") and files.svg.rstrip().endswith("</svg>")
    json.dumps(files.values, allow_nan=False)


def test_long_curves_are_averaged_over_windows():
    x, y = thin(curve(np.arange(10 * MAX_POINTS)))
    assert len(x) == len(y) == MAX_POINTS
    assert y[0] == pytest.approx(4.5)
    assert x[0] == pytest.approx(45)
    x, y = thin(curve([1.0, 2.0]))
    assert y.tolist() == [1.0, 2.0]


def test_median_ends_where_half_the_curves_end():
    x, y = median_curve([curve([0, 1, 2, 3]), curve([2, 3]), curve([4, 5]), curve([6, 7])])
    assert y.tolist() == [3.0, 4.0]
    assert x.tolist() == [0, 10]


def test_names_are_cut_sorted_and_coloured_alike():
    assert list(group_styles(["w10", "w2", "w²", "w1"])) == ["w1", "w2", "w10", "w²"]
    assert short_name("short") == "short"
    assert len(short_name("x" * 100)) == 30
    assert group_styles(["b", "a"]) == group_styles(["a", "b", "a"])
    looks = [(s["color"], s["linestyle"]) for s in group_styles(map(str, range(21))).values()]
    assert len(set(looks)) == 21


def draw_matrix(n):
    rng = np.random.default_rng(n)
    matrix = rng.random((n, n))
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, np.nan)
    names = [f"model-{i}" for i in range(n)]
    return similarity.draw(names, matrix, np.nanmean(matrix, axis=0), selected="model-0")


@pytest.mark.parametrize("n", [2, 15, 300])
def test_similarity_matrix_of_few_and_many(tmp_path, n):
    files = write(tmp_path, lambda: draw_matrix(n))
    check_files(files)
    cells = files.values[0]
    assert len(cells["values"]) == n * n
    assert cells["values"][0] is None
    assert cells["rows"] == [f"model-{i}" for i in range(n)]


def test_values_lie_where_they_are_drawn(tmp_path):
    """The place of a value is that of its mark: in the figure's own units, from the top left."""
    curves = [curve([0.0, 1.0])]
    files = write(
        tmp_path, lambda: training.draw_metric(curves, metric="m", groups=["a"], marks=[])
    )
    (panel,) = files.values
    line = re.search(
        r'd="M (\S+) (\S+) \nL (\S+) (\S+) \n"[^>]*stroke: var\(--series-1\)', files.svg
    )
    drawn = [float(number) for number in line.groups()]
    expected = [panel["x"][0], panel["y"][0], panel["x"][1], panel["y"][1]]
    np.testing.assert_allclose(drawn, expected, atol=0.06)
    assert panel["texts"] == ["0: 0", "10: 1"]
    assert panel["label"] == "a-0"


def test_same_data_same_bytes(tmp_path):
    import matplotlib

    first = write(tmp_path / "a", lambda: draw_matrix(3))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):  # a user's settings
        second = write(tmp_path / "b", lambda: draw_matrix(3))
        assert matplotlib.rcParams["font.size"] == 30
    for one, other in zip(first.pictures, second.pictures, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert first.svg == second.svg


def test_inline_plots_follow_the_theme_and_share_no_names(tmp_path):
    files = [write(tmp_path, lambda: draw_matrix(3), stem=stem) for stem in ("a", "b")]
    names = [set(re.findall(r' id="([^"]*)"', file.svg)) for file in files]
    assert not names[0] & names[1]
    assert "var(--ink)" in files[0].svg
    assert "<metadata" not in files[0].svg and "<?xml" not in files[0].svg


@pytest.mark.parametrize("n", [2, 60])
def test_centrality_against_score(tmp_path, n):
    values = np.linspace(0.2, 0.9, n)
    groups = [f"setting-{i % 25}" for i in range(n)]
    names = [f"{group}-seed{i}" for i, group in enumerate(groups)]
    files = write(
        tmp_path,
        lambda: centrality.draw(
            groups,
            group_scores(values, names),
            values,
            metric="FactorVAE",
            selected=None,
            groups=groups,
        ),
    )
    check_files(files)
    assert files.values[0]["texts"][0] == "setting-0-seed0: FactorVAE 0.200, centrality 0.200"


def test_curves(tmp_path):
    curves = [curve([0.1, 0.2 + i / 100], group=f"g{i % 2}") for i in range(9)] + [curve([0.5])]
    shared = {"groups": ["a", "g0", "g1"]}
    check_files(
        write(
            tmp_path,
            lambda: training.draw_metric(curves, metric="FactorVAE", marks=[5], **shared),
        )
    )
    losses = {"info_loss": curves, "cr_loss": curves[:1]}
    check_files(write(tmp_path, lambda: training.draw_losses(losses, marks=[], **shared)))


def test_metrics_of_one_seed_and_of_many(tmp_path):
    scores = {"a": group_scores([0.5]), "b": group_scores([0.5, 0.7, 0.6])}
    files = write(
        tmp_path,
        lambda: settings.draw(
            {"MIG ↑": scores, "dHSIC ↓": {"b": scores["b"]}}, groups=["a", "b"], shown=["a", "b"]
        ),
    )
    check_files(files)
    assert files.values[1]["texts"][-1] == "b: 0.600 ± 0.100 over 3 models"


def test_classes_with_any_name_are_drawn(tmp_path):
    rng = np.random.default_rng(0)
    names = ["$5", "$a$ and $b", "a name that is much longer than any plot has room for", "{x}_^"]
    shown = rng.normal(size=(80, 2)), np.arange(80) % 4, np.arange(80) >= 40
    files = write(tmp_path, lambda: features.draw(*shown, label_names=names))
    check_files(files)
    assert files.values[0]["texts"][:2] == ["label $5", "label $a$ and $b"]
    assert files.values[1]["texts"][0] == "class 0"
    files = write(tmp_path, lambda: class_table.draw(rng.random((3, 4)), names=names))
    check_files(files)
    assert files.values[0]["columns"][0] == "true class $5"
