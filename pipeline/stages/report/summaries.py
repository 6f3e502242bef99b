"""What a run's tables say, arranged for a reader: by model, by setting, and what was selected.

Full precision throughout; rounding belongs to the plots and the page.
"""

import dataclasses
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import metric_names
from pipeline.runs import tables
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import read_manifest
from pipeline.runs.representations import MEAN, main_rows
from pipeline.selection import MODEL_CENTRALITY

# fmt: off
MODEL_KEYS = (
    "model_id", "setting", "method", "seed", "iteration", "export", "status", "dataset",
    "representation",
)
SETTING_COLUMNS = (
    "setting", "method", "export", "dataset", "representation", "protocol", "metric", "mean",
    "std", "num_seeds",
)
SELECTED_COLUMNS = (
    "pool", "selection_method", "model_id", "setting", "method", "seed", "iteration", "directory",
    *tables.SELECTION_SUMMARY_COLUMNS[3:],
)
# fmt: on


@dataclasses.dataclass(frozen=True)
class RunTables:
    """The tables of one run; None where the stage that writes one has not run."""

    models: pd.DataFrame
    scores: pd.DataFrame | None
    cross_scores: pd.DataFrame | None
    selection: pd.DataFrame | None
    selection_summary: pd.DataFrame | None
    num_left_out: int = 0  # rows of scores.csv whose model is not in models.csv
    stale_pools: tuple[str, ...] = ()  # selected among models of which some are not in models.csv
    main_representation: str = MEAN  # that stands for a model with a posterior

    @cached_property
    def main_scores(self) -> pd.DataFrame | None:
        """One row of the scores for each model, data set, protocol and metric."""
        return None if self.scores is None else main_rows(self.scores, self.main_representation)

    @property
    def has_factor_metrics(self) -> bool:
        """Whether some score was measured against known factors."""
        return self.scores is not None and any(
            metric_names.needs_factors(metric) for metric in self.scores["metric"].unique()
        )


def read_run(run: RunDirectory) -> RunTables:
    """Read the tables of a run, without what is not of the models of models.csv.

    A ranking is left out whole as soon as one of its models is none of them: it is not that of
    the models that there are.

    Raises:
        ValueError: If models.csv is missing, or a table is corrupt or names something twice.
    """
    models = tables.read_table(run.models_csv, tables.MODEL_COLUMNS)
    _refuse_doubled(run.models_csv, models, ["model_id"])
    scores = _read_if_there(run.scores_csv, tables.SCORE_COLUMNS)
    num_left_out = 0
    if scores is not None:
        key = ["model_id", "dataset", "representation", "protocol", "metric"]
        _refuse_doubled(run.scores_csv, scores, key)
        known = scores["model_id"].isin(models["model_id"])
        num_left_out = int((~known).sum())
        scores = scores[known].sort_values(key, ignore_index=True)
    selection = _read_if_there(run.selection_csv, tables.SELECTION_COLUMNS)
    summary = _read_if_there(run.selection_summary_csv, tables.SELECTION_SUMMARY_COLUMNS)
    cross_scores = _read_if_there(run.cross_scores_csv, tables.CROSS_SCORE_COLUMNS)
    if selection is not None:
        _refuse_doubled(run.selection_csv, selection, ["pool", "model_id", "selection_method"])
    there = set(models["model_id"])
    stale = {
        pool
        for table in (selection, summary)
        if table is not None
        for pool in table["pool"][~table["model_id"].isin(there)]
    }
    if stale:
        selection, summary = (
            None
            if table is None or table["pool"].isin(stale).all()
            else table[~table["pool"].isin(stale)].reset_index(drop=True)
            for table in (selection, summary)
        )
    if cross_scores is not None:
        known = cross_scores["encoder_id"].isin(there) & cross_scores["generator_id"].isin(there)
        left = cross_scores[known].reset_index(drop=True)
        cross_scores = None if left.empty and len(cross_scores) else left
    return RunTables(
        models=models.sort_values("model_id", ignore_index=True),
        scores=scores,
        cross_scores=cross_scores,
        selection=selection,
        selection_summary=summary,
        num_left_out=num_left_out,
        stale_pools=tuple(sorted(stale)),
        main_representation=(read_manifest(run.manifest("metrics")) or {}).get(
            "main_representation", MEAN
        ),
    )


def _read_if_there(path: Path, columns: tuple[str, ...]) -> pd.DataFrame | None:
    return tables.read_table(path, columns) if path.exists() else None


def _refuse_doubled(path: Path, table: pd.DataFrame, key: list[str]) -> None:
    doubled = table.duplicated(key)
    if doubled.any():
        raise ValueError(
            f"The table {path} names something twice. Expected one row for each of {key}. "
            f"Received: {table.loc[doubled, key].iloc[0].tolist()} again. Run the "
            f"{tables.WRITTEN_BY[path.name]} stage again."
        )


def metric_columns(scores: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the (protocol, metric) pairs of a scores table, in the order for a reader."""
    pairs = set(zip(scores["protocol"], scores["metric"], strict=True))
    return sorted(pairs, key=lambda pair: (pair[0], metric_names.order(pair[1])))


def group_label(model_id: str, setting: str) -> str:
    """Return what a model is grouped and coloured by: its setting, snapshots apart.

    The model id of a snapshot ends with its name: "<model>@before_cr".
    """
    _, _, snapshot = model_id.partition("@")
    return f"{setting} ({snapshot.replace('_', ' ')})" if snapshot else setting


def model_table(run: RunTables) -> tuple[pd.DataFrame, list[str]]:
    """Return one row a model (and representation), one column a metric.

    Returns:
        The table, and the names of its metric columns, "<protocol>.<metric>". Models without
        scores, such as failed ones, have a row with empty metrics.
    """
    models = run.models[[name for name in MODEL_KEYS if name in run.models]]
    if run.scores is None or run.scores.empty:
        return models.assign(dataset="", representation=""), []
    scores = run.scores.assign(column=run.scores["protocol"] + "." + run.scores["metric"])
    wide = scores.pivot(
        index=["model_id", "dataset", "representation"], columns="column", values="value"
    )
    names = [f"{protocol}.{metric}" for protocol, metric in metric_columns(run.scores)]
    wide = models.merge(wide[names].reset_index(), on="model_id", how="left")
    for name in ("dataset", "representation"):
        wide[name] = wide[name].fillna("")
    return wide[[*MODEL_KEYS, *names]], names


def setting_table(run: RunTables) -> pd.DataFrame:
    """Return mean and sample standard deviation over seeds of each metric of each setting.

    Returns:
        Columns `SETTING_COLUMNS`; std is NaN where there is one seed. Snapshots taken before the
        contrastive regulariser was switched on are a group of their own.
    """
    if run.scores is None or run.scores.empty:
        return pd.DataFrame(columns=list(SETTING_COLUMNS))
    exports = run.models.set_index("model_id")["export"]
    scores = run.scores.assign(export=run.scores["model_id"].map(exports))
    grouped = scores.groupby(list(SETTING_COLUMNS[:7]), sort=True)["value"]
    summary = grouped.agg(mean="mean", std=lambda values: values.std(ddof=1), num_seeds="size")
    return summary.reset_index()[list(SETTING_COLUMNS)]


def selected_table(run: RunTables) -> pd.DataFrame:
    """Return what each selection method selected, with its regret where it is known.

    Returns:
        Columns `SELECTED_COLUMNS`, one row a selection method; empty where nothing was selected.
    """
    summary = run.selection_summary
    if summary is None:
        if run.selection is None:
            return pd.DataFrame(columns=list(SELECTED_COLUMNS))
        summary = run.selection[run.selection["selected"]].rename(
            columns={"score": "selected_score"}
        )
        summary = summary[["pool", "selection_method", "model_id", "selected_score"]]
        keys = ["pool", "selection_method"]
        sizes = run.selection.groupby(keys)["model_id"].size().rename("num_models")
        summary = summary.merge(sizes.reset_index(), on=keys)
    models = run.models[["model_id", "setting", "method", "seed", "iteration", "directory"]]
    table = summary.merge(models, on="model_id", how="inner")
    table = table.reindex(columns=list(SELECTED_COLUMNS))
    for name in ("supervised_metric", "protocol", "dci_learner", "warnings"):
        table[name] = table[name].astype(object).fillna("")
    return table.sort_values(["pool", "selection_method"], ignore_index=True)


def pool_names(run: RunTables) -> list[str]:
    """Return the pools that were selected among, the largest first; ties in alphabetical order."""
    if run.selection is None or run.selection.empty:
        return []
    sizes = run.selection.groupby("pool")["model_id"].nunique()
    return sorted(sizes.index, key=lambda name: (-sizes[name], name))


def similarity_matrix(
    run: RunTables, pool: str | None = None
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the symmetrised cross scores of a pool, most central model first.

    Args:
        run: The tables.
        pool: The pool; None: all models that were scored against each other.

    Returns:
        The model ids (n), B = (A + A^T) / 2 `[n, n]` with NaN on the diagonal (a model says
        nothing about itself) and where a pair was scored neither way, and the centrality `[n]`:
        that of selection.csv, or the mean of each row of B. Ties go to the lowest model id.
    """
    cross = run.cross_scores
    if cross is None or cross.empty:
        return [], np.zeros((0, 0)), np.zeros(0)
    names = sorted(set(cross["encoder_id"]) & set(cross["generator_id"]))
    ranked = None
    if pool is not None and run.selection is not None:
        by_centrality = run.selection["selection_method"] == MODEL_CENTRALITY.name
        rows = run.selection[(run.selection["pool"] == pool) & by_centrality]
        ranked = rows[rows["model_id"].isin(names)].sort_values("rank")
        names = ranked["model_id"].tolist()
    matrix = cross.pivot_table(
        index="encoder_id", columns="generator_id", values="score", aggfunc="mean"
    )
    directed = matrix.reindex(index=names, columns=names).to_numpy(dtype=np.float64, copy=True)
    np.fill_diagonal(directed, np.nan)
    # Of a pair that was scored one way only, that score stands for both.
    forth = np.where(np.isnan(directed), directed.T, directed)
    similarity = (forth + forth.T) / 2.0
    if ranked is not None:
        return names, similarity, ranked["score"].to_numpy(dtype=np.float64)
    known = np.isfinite(similarity)
    counts = known.sum(axis=1)
    sums = np.where(known, similarity, 0.0).sum(axis=1)
    centrality = np.divide(sums, counts, out=np.full(len(names), np.nan), where=counts > 0)
    order = np.argsort(-np.nan_to_num(centrality, nan=-np.inf), kind="stable")
    return [names[i] for i in order], similarity[np.ix_(order, order)], centrality[order]


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation of two vectors; NaN for one point or a constant."""
    ranks = [pd.Series(values).rank().to_numpy() for values in (first, second)]
    if len(first) < 2 or any(np.ptp(rank) == 0 for rank in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
