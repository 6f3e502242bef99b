"""Small runs without training: tables and files as the stages leave them."""

import json

import numpy as np
import pandas as pd

from pipeline.runs import tables
from pipeline.runs.directory import RunDirectory
from pipeline.stages.report.content import make_report
from pipeline.stages.report.explorer.render import draw_images, plans, write_images
from pipeline.stages.report.options import ReportOptions

TEXTS = {"versions": "numpy 2", "data_fingerprint": "da", "dataset": "toy", "num_points": 10}
WARNINGS = {"model_centrality": "all agree; <two> are tied", "supervised": "all agree"}
TWO_CODES = {
    "type": "JointCode",
    "parts": [
        {"type": "UniformCodes", "dim": 2, "low": -1.0, "high": 1.0, "kind": "uniform_codes"},
        {"type": "UniformNoise", "dim": 3, "low": -1.0, "high": 1.0, "kind": "uniform_noise"},
    ],
}
NUM_INFORMATIVE = {"cr-0": 1, "cr-1": 2, "plain-0": 0}
VALUES = {"cr-0": 0.6, "cr-1": 0.9, "plain-0": 0.5, "cr-0@before_cr": 0.25, "cr-1@before_cr": 0.5}


def write(path, rows, columns):
    tables.write_table(path, pd.DataFrame(rows, columns=list(columns)), columns)


def make_run(
    root,
    *,
    labels=True,
    select=True,
    ids=tuple(VALUES),
    failed="plain-1",
    codes=None,
    further_metrics=(),
):
    """Write the tables and files of a small run: two settings, one model that failed."""
    models, scores = [], []
    for model_id in (*ids, *([failed] if failed else [])):
        name, _, snapshot = model_id.partition("@")
        setting, seed = name.split("-")
        common = {"model_id": model_id, "setting": setting, "seed": int(seed)}
        common["method"] = "infogan_modified" if snapshot else "infogan"
        common["iteration"] = 20 if snapshot else 40
        done = model_id != failed
        models.append(
            common
            | {
                "export": snapshot or "final",
                "directory": f"models/{name}" + (f"/{snapshot}" if snapshot else ""),
                "status": "done" if done else "failed",
                "reason": "" if done else "the loss is <not> a number",
                "train_seconds": 60.0 if done else None,
                "parameters": 1000 if done else None,
                "model_fingerprint": f"{model_id:0<32}" if done else "",
            }
        )
        if not done:
            continue
        value = VALUES[model_id]
        metrics = {"factor_vae": value, "mig": value / 3} if labels else {}
        metrics |= dict.fromkeys(further_metrics, value / 2)
        for metric, score in (metrics | {"dhsic": 0.125}).items():
            low = score - 0.125 if metric == "factor_vae" else None
            row = {
                "metric": metric,
                "value": score,
                "ci_low": low,
                "ci_high": low and score + 0.125,
            }
            row |= {
                "protocol": "cr",
                "representation": "mean",
                "model_fingerprint": f"{model_id:0<32}",
            }
            scores.append(common | TEXTS | row)
        if not snapshot:
            folder = root / "models" / name
            write_model(folder, np.random.default_rng(int(seed)), labels=labels)
            if codes is not None:
                weight = {"type": "Schedule", "steps": [[0, 0.5 if setting == "cr" else 0.0]]}
                config = {"method": {"codes": codes, "cr_weight": weight}, "seed": int(seed)}
                (folder / "config.json").write_text(json.dumps(config))
    write(root / "models.csv", models, tables.MODEL_COLUMNS)
    write(root / "scores.csv", scores, tables.SCORE_COLUMNS)
    (root / "configuration.gin").write_text("report.main_metric = 'mig'  # the last command's\n")
    if select:
        write_selection(root, labels=labels)
    return root


def write_model(folder, rng, *, labels):
    history = pd.DataFrame({"iteration": [0, 20, 40], "info_loss": [3.0, 2.0, np.nan]})
    if labels:
        history["factor_vae"] = [0.2, np.nan, 0.6]
    columns = list(history.columns)
    tables.write_table(folder / "history.csv", history, columns, may_be_empty=columns[1:])
    (folder / "configuration.gin").write_text("infogan.info_weight = 0.05  # <lambda>\n")
    np.savez(
        folder / "traversals.npz",
        images=rng.integers(0, 256, (2, 5, 8, 8, 1), dtype=np.uint8),
        values=np.linspace(-1, 1, 5),
        names=np.array(["c1", "c2"]),
        samples=rng.integers(0, 256, (4, 8, 8, 1), dtype=np.uint8),
        real=rng.integers(0, 256, (4, 8, 8, 1), dtype=np.uint8),
    )


def write_selection(root, *, labels):
    ids = ["cr-0", "cr-1", "plain-0"]
    matrix = [[1.0, 0.8, 0.5], [0.6, 1.0, 0.75], [0.3, 0.25, 1.0]]  # row: encoder
    fixed = {"num_groups": 10, "group_size": 5, "num_fixed_codes": 2, "seed": 1, "versions": "v"}
    fixed |= {"encoder_fingerprint": "a", "generator_fingerprint": "b"}
    cross = [
        fixed | {"encoder_id": ids[i], "generator_id": ids[j], "score": matrix[i][j]}
        for i in range(3)
        for j in range(3)
    ]
    write(root / "cross_scores.csv", cross, tables.CROSS_SCORE_COLUMNS)
    selection, summary = [], []
    ranking = {"model_centrality": {"cr-1": 0.6, "cr-0": 0.55, "plain-0": 0.45}}
    if labels:
        ranking["supervised"] = {"cr-1": 0.9, "cr-0": 0.6, "plain-0": 0.5}
    for method, scores in ranking.items():
        for rank, (model_id, score) in enumerate(scores.items(), start=1):
            row = {"model_id": model_id, "setting": model_id[:-2], "method": "infogan", "seed": 0}
            row |= {"selection_method": method, "score": score, "rank": rank, "pool": "all"}
            row |= {"num_compared": 2, "confidence": None, "versions": "v"}
            row["num_informative"] = NUM_INFORMATIVE[model_id]
            selection.append(row | {"selected": rank == 1})
        row = {"selection_method": method, "model_id": "cr-1", "selected_score": scores["cr-1"]}
        row |= {"pool": "all", "confidence": None, "warnings": WARNINGS[method]}
        row |= {"num_informative": NUM_INFORMATIVE["cr-1"], "usual_num_informative": 1}
        if labels:
            row |= {"supervised_metric": "factor_vae", "supervised_value": 0.9, "pool_best": 0.9}
            row |= {"pool_median": 0.6, "regret_to_best": 0.0, "gain_over_median": 0.3}
            row |= {"rank_correlation": 1.0}
        summary.append(row | {"num_models": 3})
    write(root / "selection.csv", selection, tables.SELECTION_COLUMNS)
    write(root / "selection_summary.csv", summary, tables.SELECTION_SUMMARY_COLUMNS)


def write_explorer(root):
    """Write what the explorer shows: every image has the grey of the sum of its codes."""
    report = make_report(RunDirectory(root), "t", ReportOptions())
    for planned in plans(report):
        write_images(planned, draw_images(fake_generate, planned))


def fake_generate(latents):
    """Return images `[n, 8, 8, 1]`, grey, the lighter the larger the sum of the codes."""
    grey = 0.5 + latents[:, :2].sum(axis=1) / 4
    return np.broadcast_to(grey[:, None, None, None], (len(latents), 8, 8, 1)).astype(np.float32)
