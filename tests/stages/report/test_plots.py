"""Plots: valid PNG files, the same bytes each time, readable from one model to a thousand."""

import numpy as np
import pytest
from PIL import Image

from pipeline.stages.report import plot_classes, plots
from pipeline.stages.report.plot_curves import MAX_POINTS, Curve, median_curve, thin
from pipeline.stages.report.plot_style import group_styles, new_figure, short_name


def curve(values, group="a"):
    return Curve(group, np.arange(len(values)) * 10, np.asarray(values, dtype=float))


def group_scores(values):
    values = np.asarray(values, dtype=float)
    return plots.GroupScores(values, values - 0.01, np.full(len(values), np.nan))


def check_png(path, largest=4000):
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert set(picture.info) <= {"dpi"}  # neither a date nor a version
        assert max(picture.size) <= largest
        assert np.asarray(picture.convert("L")).std() > 1


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


def draw_matrix(path, n):
    rng = np.random.default_rng(n)
    matrix = rng.random((n, n))
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, np.nan)
    names = [f"model-{i}" for i in range(n)]
    plots.similarity_matrix(path, names, matrix, np.nanmean(matrix, axis=0), selected="model-0")


@pytest.mark.parametrize("n", [2, 15, 300])
def test_similarity_matrix_of_few_and_many(tmp_path, n):
    draw_matrix(tmp_path / "a.png", n)
    check_png(tmp_path / "a.png")


def test_same_data_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        draw_matrix(tmp_path / name, 3)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_title_stays_inside_a_narrow_plot():
    figure = new_figure(4.0, 3.0, "Metrics per setting, protocol classes (2): 12 best of 30")
    figure.draw_without_rendering()
    (title,) = [text for text in figure.texts if text.get_text().startswith("Metrics")]
    assert title.get_window_extent().x1 <= figure.bbox.x1


def test_user_settings_do_not_change_a_plot(tmp_path):
    import matplotlib

    draw_matrix(tmp_path / "a.png", 3)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        draw_matrix(tmp_path / "b.png", 3)
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("n", [2, 60])
def test_centrality_against_score(tmp_path, n):
    values = np.linspace(0.2, 0.9, n)
    groups = [f"setting-{i % 25}" for i in range(n)]
    plots.centrality_against_score(
        tmp_path / "a.png",
        [f"{group}-seed{i}" for i, group in enumerate(groups)],
        groups,
        group_scores(values),
        values,
        metric="FactorVAE",
        correlation=1.0 if n > 2 else np.nan,
        selected=None,
        all_groups=groups,
    )
    check_png(tmp_path / "a.png")


def test_curves(tmp_path):
    curves = [curve([0.1, 0.2 + i / 100], group=f"g{i % 2}") for i in range(9)] + [curve([0.5])]
    plots.metric_curves(
        tmp_path / "a.png", curves, metric="FactorVAE", groups=["a", "g0", "g1"], marks=[5]
    )
    plots.training_curves(
        tmp_path / "b.png",
        {"info_loss": curves, "cr_loss": curves[:1]},
        groups=["a", "g0", "g1"],
        marks=[],
    )
    check_png(tmp_path / "a.png")
    check_png(tmp_path / "b.png")


def test_metrics_of_one_seed_and_of_many(tmp_path):
    scores = {"a": group_scores([0.5]), "b": group_scores([0.5, 0.7, 0.6])}
    plots.metrics_per_setting(
        tmp_path / "a.png",
        {"MIG ↑": scores, "dHSIC ↓": {"b": scores["b"]}},
        groups=["a", "b"],
        shown=["a", "b"],
        title="Metrics",
    )
    check_png(tmp_path / "a.png")


def test_classes_with_any_name_are_drawn(tmp_path):
    rng = np.random.default_rng(0)
    names = ["$5", "$a$ and $b", "a name that is much longer than any plot has room for", "{x}_^"]
    kinds = np.arange(80) % 4
    path = plot_classes.embedded_features(
        tmp_path / "features.png",
        rng.normal(size=(80, 2)),
        kinds,
        np.arange(80) >= 40,
        label_names=names,
        title="features",
    )
    check_png(path)
    table = rng.integers(0, 9, (3, 4))
    check_png(plot_classes.class_table(tmp_path / "table.png", table, names=names, title="shown"))
