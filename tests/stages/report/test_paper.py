"""Tables for papers, letter by letter."""

import pandas as pd

from pipeline.stages.report import paper, selected_metrics, summaries

ROWS = [
    ("a_1", "factor_vae", 0.7512, 0.0125, 3),
    ("b", "factor_vae", 0.6, float("nan"), 1),
    ("a_1", "dhsic", 0.2, 0.1, 3),
    ("b", "dhsic", 0.1, float("nan"), 1),
]


def settings():
    fixed = {"method": "m", "export": "final", "dataset": "toy", "representation": "mean"}
    fixed |= {"protocol": "cr"}
    names = ("setting", "metric", "mean", "std", "num_seeds")
    rows = [fixed | dict(zip(names, row, strict=True)) for row in ROWS]
    return pd.DataFrame(rows, columns=list(summaries.SETTING_COLUMNS))


def test_latex_of_settings():
    assert paper.settings_text(settings(), paper.Latex()).splitlines() == [
        "% toy, mean, protocol cr: mean and standard deviation; needs \\usepackage{booktabs}",
        r"\begin{tabular}{lcc}",
        r"\toprule",
        r"Setting & FactorVAE~$\uparrow$ & dHSIC~$\downarrow$ \\",
        r"\midrule",
        r"a\_1 & $\mathbf{0.751} \pm 0.013$ & $0.200 \pm 0.100$ \\",
        r"b & $0.600$ & $\mathbf{0.100}$ \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_markdown_of_settings():
    assert paper.settings_text(settings(), paper.Markdown()).splitlines() == [
        "toy, mean, protocol cr: mean and standard deviation",
        "",
        "| Setting | FactorVAE ↑ | dHSIC ↓ |",
        "| --- | ---: | ---: |",
        r"| a\_1 | **0.751 ± 0.013** | 0.200 ± 0.100 |",
        "| b | 0.600 | **0.100** |",
    ]


def test_selected_models_stand_beside_their_pool():
    columns = list(selected_metrics.PAPER_COLUMNS)
    rows = [
        {"row": "model_centrality", "model_id": "a", "mig": 0.5},
        {"row": "supervised", "model_id": "b", "mig": 0.7},
        {"row": "pool_mean", "num_models": 3, "mig": 0.4},
        {"row": "pool_std", "num_models": 3, "mig": 0.1},
        {"row": "pool_best", "num_models": 3, "mig": 0.7},
    ]
    table = pd.DataFrame([{"pool": "all", "protocol": "cr"} | row for row in rows], columns=columns)
    assert paper.selected_text(table, paper.Markdown()).splitlines() == [
        "pool all, 3 models, protocol cr",
        "",
        "| Selected by | MIG |",
        "| --- | ---: |",
        "| ModelCentrality | 0.500 |",
        "| Supervised | **0.700** |",
        "| Mean of the pool | 0.400 ± 0.100 |",
        "| Best of the pool | 0.700 |",
    ]


def test_letters_of_latex_are_escaped():
    assert paper.Latex().text(r"a_b & 5% {x} \y #1 $2") == (
        r"a\_b \& 5\% \{x\} \textbackslash{}y \#1 \$2"
    )
    assert paper.Markdown().text("a_b|<i>") == r"a\_b\|\<i\>"


def test_nothing_is_written_of_nothing(tmp_path):
    empty = pd.DataFrame(columns=list(summaries.SETTING_COLUMNS))
    selected = pd.DataFrame(columns=list(selected_metrics.PAPER_COLUMNS))
    assert paper.write_tables(tmp_path, empty, selected) == []
