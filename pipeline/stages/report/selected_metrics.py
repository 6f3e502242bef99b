"""The table of Lin et al. 2020 for the user's own pool: metrics of what each method selected."""

import pandas as pd

from pipeline import metric_names
from pipeline.selection import METHODS
from pipeline.stages.report import summaries

POOL_ROWS = ("pool_mean", "pool_std", "pool_best")
PAPER_COLUMNS = (
    "pool", "row", "model_id", "protocol", "num_models", *metric_names.PAPER_TABLE, "dci_learner",
)  # fmt: skip


def paper_table(run: summaries.RunTables) -> pd.DataFrame:
    """Return the metrics of what each method selected, beside those of the pool.

    Returns:
        Columns `PAPER_COLUMNS`. For each pool a row a selection method, then the mean and the
        sample standard deviation of the pool's models, and the best value of each metric. Empty
        where nothing was selected or no metric of the table was measured.
    """
    if run.selection is None or run.scores is None:
        return pd.DataFrame(columns=list(PAPER_COLUMNS))
    rows = []
    for pool in summaries.pool_names(run):
        selection = run.selection[run.selection["pool"] == pool]
        members = sorted(selection["model_id"].unique())
        known = _scores_of(run, members)
        if known is None:
            continue
        protocol, scores = known
        columns = metric_names.paper_columns(scores.columns)
        values = pd.DataFrame({column: scores[metric] for column, metric in columns.items()})
        fixed = {"pool": pool, "protocol": protocol}
        if "dci" in columns:
            fixed["dci_learner"] = metric_names.dci_learner(columns["dci"])
        chosen = selection[selection["selected"]].set_index("selection_method")["model_id"]
        for method in [name for name in METHODS if name in chosen.index]:
            model = {"row": method, "model_id": chosen[method]}
            if chosen[method] in values.index:
                rows.append(fixed | model | values.loc[chosen[method]].to_dict())
        counts = fixed | {"num_models": len(values)}
        rows.append(counts | {"row": "pool_mean"} | values.mean().to_dict())
        rows.append(counts | {"row": "pool_std"} | values.std(ddof=1).to_dict())
        rows.append(counts | {"row": "pool_best"} | values.max().to_dict())
    return pd.DataFrame(rows, columns=list(PAPER_COLUMNS))


def _scores_of(run: summaries.RunTables, model_ids: list[str]) -> tuple[str, pd.DataFrame] | None:
    """Return the protocol with most of the paper's metrics, and its scores by model and metric."""
    if run.main_scores is None:
        return None
    scores = run.main_scores[run.main_scores["model_id"].isin(model_ids)]
    best = None
    for protocol in sorted(scores["protocol"].unique()):
        wide = scores[scores["protocol"] == protocol].pivot_table(
            index="model_id", columns="metric", values="value", aggfunc="first"
        )
        count = len(metric_names.paper_columns(wide.columns))
        if count > (best[0] if best else 0):
            best = (count, protocol, wide)
    return None if best is None else best[1:]


def method_name(method: str) -> str:
    """Return what a selection method is called."""
    known = METHODS.get(method)
    return known.title if known else method.replace("_", " ")


def method_order(method: str) -> tuple[int, str]:
    """Return a key that sorts selection methods as the table of their records does."""
    known = list(METHODS)
    return (known.index(method) if method in known else len(known), method)
