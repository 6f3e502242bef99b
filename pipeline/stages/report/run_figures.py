"""From a run's tables and files to the plots and pictures of its report."""

import dataclasses
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import metric_names, pictures
from pipeline.datasets.own_values import natural_key
from pipeline.runs import tables
from pipeline.runs.directory import RunDirectory
from pipeline.stages.report import plots, summaries
from pipeline.stages.report.html_parts import FigureFile
from pipeline.stages.report.plot_curves import Curve
from pipeline.stages.report.plot_style import MAX_NAMED

MAX_CURVES = 60  # models whose histories are read and drawn
PANELS = 12  # metrics in one plot


@dataclasses.dataclass(frozen=True)
class Traversals:
    """What a model drew, as its traversals.npz holds it.

    images: uint8 `[codes, steps, height, width, channels]`; values: `[steps]`; names: `[codes]`;
    samples and real: uint8 `[n, height, width, channels]`.
    """

    images: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    samples: np.ndarray
    real: np.ndarray


def read_traversals(path: Path) -> Traversals:
    """Read a model's traversals.npz.

    Raises:
        ValueError: If the file is missing, truncated or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            traversals = Traversals(
                images=arrays["images"],
                values=arrays["values"].astype(np.float64),
                names=tuple(str(name) for name in arrays["names"]),
                samples=arrays["samples"],
                real=arrays["real"],
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Cannot read the traversals {path}: {error}. Expected the arrays images, values, "
            f"names, samples and real. Run the train stage again."
        ) from error
    return traversals


def draw_traversals(
    folder: Path, traversals: Traversals, *, num_frames: int, frame_milliseconds: int
) -> list[FigureFile]:
    """Draw the selected model's traversals, as strips and animation, beside real images."""
    strips = folder / "selected_traversals.png"
    pictures.save_picture(
        strips,
        pictures.traversal_strips(
            traversals.images, names=traversals.names, values=traversals.values
        ),
    )
    animation = folder / "selected_traversals.gif"
    frames = pictures.traversal_frames(
        traversals.images, names=traversals.names, num_frames=num_frames
    )
    pictures.save_animation(animation, frames, duration_ms=frame_milliseconds)
    figures = [
        FigureFile(
            strips,
            "traversals",
            "Each row moves one code from its lowest to its highest value while everything else "
            "stays as it is.",
        ),
        FigureFile(animation, "traversals", "The same, moving: one image a code."),
    ]
    for name, images, caption in (
        ("real", traversals.real, "Real images."),
        ("samples", traversals.samples, "Random samples of the selected model."),
    ):
        if len(images):
            path = folder / f"selected_{name}.png"
            pictures.save_picture(path, pictures.image_grid(images))
            figures.append(FigureFile(path, "traversals beside", caption))
    return figures


def draw_histories(
    folder: Path,
    run_directory: RunDirectory,
    run: summaries.RunTables,
    *,
    metric: str,
    first: Sequence[str],
) -> tuple[list[FigureFile], list[str]]:
    """Draw losses and the metric over training.

    Args:
        folder: Where the plots go.
        run_directory: Where the histories are.
        run: Its tables.
        metric: The history's column that is the metric, e.g. "factor_vae"; the others are losses.
        first: Models to draw first where there are too many to draw.

    Returns:
        The plots, and sentences about what is not in them.
    """
    models = run.models[run.models["export"] == "final"]
    models = models.set_index("model_id", drop=False)
    order = [name for name in first if name in models.index]
    order += [name for name in models.index if name not in set(order)]
    curves: dict[str, list[Curve]] = {}
    notes, unread = [], []
    for model_id in order[:MAX_CURVES]:
        model = models.loc[model_id]
        path = run_directory.model(model_id).history
        try:
            history = tables.read_table(path, None)
        except ValueError:
            if path.exists() and model["status"] == "done":
                raise
            unread.append(model_id)
            continue
        for column in history.columns.drop("iteration"):
            values = history[column].to_numpy(dtype=np.float64)
            known = np.isfinite(values)
            if known.any():
                iterations = history["iteration"].to_numpy()[known]
                curve = Curve(model["setting"], iterations, values[known])
                curves.setdefault(column, []).append(curve)
    if len(order) > MAX_CURVES:
        notes.append(f"Training curves show {MAX_CURVES} of {len(order)} models.")
    if unread:
        more = f" and {len(unread) - MAX_NAMED} more" if len(unread) > MAX_NAMED else ""
        notes.append(f"No readable history: {', '.join(unread[:MAX_NAMED])}{more}.")
    snapshots = run.models[run.models["export"] == "before_cr"]["iteration"].dropna()
    shared = {"groups": _groups(run), "marks": sorted({int(mark) for mark in snapshots})}
    marked = " The dashed line is where the contrastive regulariser was switched on."
    marked = marked if shared["marks"] else ""
    figures = []
    if metric in curves:
        name = metric_names.name(metric)
        path = plots.metric_curves(
            folder / "metric_over_iterations.png", curves.pop(metric), metric=name, **shared
        )
        caption = f"{name} measured during training, one line a model.{marked}"
        figures.append(FigureFile(path, "training", caption))
    if curves:
        path = plots.training_curves(folder / "training_curves.png", curves, **shared)
        caption = (
            f"One line a model; where a setting has many, the thick line is their median.{marked}"
        )
        figures.append(FigureFile(path, "training", caption))
    return figures, notes


def draw_metrics(folder: Path, run: summaries.RunTables) -> list[FigureFile]:
    """Draw every metric per setting, one plot a protocol and dozen metrics."""
    if run.scores is None or run.scores.empty:
        return []
    groups = _groups(run)
    figures = []
    keys = ["protocol", "representation", "dataset"]
    variants = run.scores[keys].drop_duplicates()
    for (protocol, *variant), scores in run.scores.groupby(keys, sort=True):
        named = [
            value
            for name, value in zip(keys[1:], variant, strict=True)
            if variants[name].nunique() > 1
        ]
        metrics = {}
        for _, metric in summaries.metric_columns(scores):
            if metric.endswith("_std"):  # spread of another score: in the tables
                continue
            rows = scores[scores["metric"] == metric]
            labels = _group_labels(rows)
            title = metric_names.title(metric)
            metrics[title] = {group: group_scores(part) for group, part in rows.groupby(labels)}
        shown = _best_groups(metrics)
        panels = PANELS if len(shown) <= 8 else PANELS // 2
        stem = re.sub(r"[^A-Za-z0-9_-]", "-", "_".join(["metrics", protocol, *named]))
        titles = list(metrics)
        panels = -(-len(titles) // -(-len(titles) // panels))  # as many in every plot
        for number, start in enumerate(range(0, len(titles), panels), start=1):
            path = folder / (f"{stem}.png" if number == 1 else f"{stem}_{number}.png")
            plots.metrics_per_setting(
                path,
                {name: metrics[name] for name in titles[start : start + panels]},
                groups=groups,
                shown=shown,
                title=", ".join([f"Metrics per setting, protocol {protocol}", *named])
                + (f" ({number})" if number > 1 else "")
                + (f": {len(shown)} best of {len(groups)}" if len(shown) < len(groups) else ""),
            )
            figures.append(
                FigureFile(
                    path,
                    "settings",
                    "Small points: models, with their intervals. Large point and thick bar: mean "
                    "and sample standard deviation over seeds. Arrows point to the better end.",
                )
            )
    return figures


def draw_selection(
    folder: Path,
    run: summaries.RunTables,
    *,
    protocol: str,
    metric: str,
) -> list[FigureFile]:
    """Draw the similarity of the models of each pool, and centrality against the metric."""
    pools = summaries.pool_names(run)
    if not pools:
        return _draw_pool(folder, run, None, "", protocol=protocol, metric=metric)
    figures = []
    for pool in pools:
        suffix = f"_{pool}" if len(pools) > 1 else ""
        figures += _draw_pool(folder, run, pool, suffix, protocol=protocol, metric=metric)
    return figures


def _draw_pool(
    folder: Path,
    run: summaries.RunTables,
    pool: str | None,
    suffix: str,
    *,
    protocol: str,
    metric: str,
) -> list[FigureFile]:
    names, similarity, centrality = summaries.similarity_matrix(run, pool)
    if len(names) < 2 or not np.isfinite(similarity).any():
        return []
    selected = names[0]
    where = f"Pool {pool}. " if suffix else ""
    gaps = " Empty: pairs that the search for the medoid did not need."
    gaps = gaps if np.isnan(similarity).sum() > len(names) else ""
    path = plots.similarity_matrix(
        folder / f"similarity_matrix{suffix}.png", names, similarity, centrality, selected=selected
    )
    figures = [
        FigureFile(
            path,
            "selection",
            f"{where}Each model serves once as ground truth and once as encoder for every other "
            f"model; the mean of both scores is shown, the most central model first.{gaps}",
        )
    ]
    if run.scores is None:
        return figures
    scores = run.scores[(run.scores["protocol"] == protocol) & (run.scores["metric"] == metric)]
    scores = scores.drop_duplicates("model_id").set_index("model_id", drop=False)
    both = np.array([name in scores.index for name in names]) & np.isfinite(centrality)
    if both.sum() < 2:
        return figures
    rows = scores.loc[[name for name, known in zip(names, both, strict=True) if known]]
    values = group_scores(rows)
    path = plots.centrality_against_score(
        folder / f"centrality_against_score{suffix}.png",
        rows["model_id"].tolist(),
        _group_labels(rows).tolist(),
        values,
        centrality[both],
        metric=metric_names.name(metric),
        correlation=summaries.rank_correlation(values.values, centrality[both]),
        selected=selected,
        all_groups=_groups(run),
    )
    caption = (
        f"{where}Selection without labels, checked against the factors; the circle is the selected."
    )
    return [*figures, FigureFile(path, "selection", caption)]


def group_scores(rows: pd.DataFrame) -> plots.GroupScores:
    """Return rows of a scores table as arrays."""
    return plots.GroupScores(
        *(rows[name].to_numpy(dtype=np.float64) for name in ("value", "ci_low", "ci_high"))
    )


def _best_groups(metrics: dict[str, dict[str, plots.GroupScores]]) -> list[str]:
    """Return the groups in natural order; of more than can be read, the first metric's best."""
    groups = sorted({group for scores in metrics.values() for group in scores}, key=natural_key)
    if len(groups) <= MAX_NAMED:
        return groups
    title, scores = next(iter(metrics.items()))
    sign = 1.0 if title.endswith("↓") else -1.0
    ranked = sorted(scores, key=lambda group: (sign * scores[group].values.mean(), group))
    return sorted(ranked[:MAX_NAMED], key=natural_key)


def _group_labels(rows: pd.DataFrame) -> pd.Series:
    labels = [
        summaries.group_label(model_id, setting)
        for model_id, setting in zip(rows["model_id"], rows["setting"], strict=True)
    ]
    return pd.Series(labels, index=rows.index, dtype=object)


def _groups(run: summaries.RunTables) -> list[str]:
    """Return every group of the report, so that a group has one colour in all plots."""
    return sorted(set(_group_labels(run.models)), key=natural_key)
