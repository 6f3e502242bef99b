"""What the select stage makes of its results: cross scores, rankings and their summary as rows."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import scipy

from pipeline import metric_names
from pipeline.model_spec import Export
from pipeline.runs.manifests import versions
from pipeline.runs.tables import (
    CROSS_SCORE_COLUMNS,
    SELECTION_COLUMNS,
    SELECTION_SUMMARY_COLUMNS,
)
from pipeline.selection.cells import Cells, generator_seed
from pipeline.selection.informative_codes import usual
from pipeline.selection.known_factors import Supervised
from pipeline.selection.ranking import Ranking
from pipeline.stages.stage import Context


def cross_scores(
    context: Context, cells: Cells, pairs: Mapping[str, Sequence[Export]], pool: Sequence[Export]
) -> pd.DataFrame:
    """Return A[i, j], the FactorVAE score of encoder i on the groups of generator j, as rows.

    Args:
        context: The run.
        cells: The votes.
        pairs: Generator's model id -> the encoders whose cells the selection rests on.
        pool: All models.
    """
    selection = context.experiment.selection
    by_id = {export.model_id: export for export in pool}
    rows = []
    for generator in pool:
        scores = cells.scores(generator, pairs.get(generator.model_id, ()))
        for encoder_id, score in scores.items():
            rows.append(
                {
                    "encoder_id": encoder_id,
                    "generator_id": generator.model_id,
                    "score": score,
                    "num_groups": selection.num_groups,
                    "group_size": selection.group_size,
                    "num_fixed_codes": cells.num_offered(generator),
                    "seed": generator_seed(generator)[0],
                    "encoder_fingerprint": by_id[encoder_id].fingerprint,
                    "generator_fingerprint": generator.fingerprint,
                    "versions": versions(),
                }
            )
    return pd.DataFrame(rows, columns=CROSS_SCORE_COLUMNS)


def selection_table(
    rankings: Iterable[Ranking], exports: Sequence[Export], used: Mapping[str, int]
) -> pd.DataFrame:
    """Return one row for each pool, selection method and model.

    Args:
        rankings: Of all pools and methods.
        exports: All models.
        used: Model id -> codes that tell anything about an image; empty where models have classes.
    """
    by_id = {export.model_id: export for export in exports}
    rows = []
    for ranking in rankings:
        for rank, model_id in enumerate(ranking.order, start=1):
            export = by_id[model_id]
            rows.append(
                {
                    "pool": ranking.pool,
                    "model_id": model_id,
                    "setting": export.setting,
                    "method": export.method,
                    "seed": export.seed,
                    "selection_method": ranking.method,
                    "score": float(ranking.scores[model_id]),
                    "rank": rank,
                    "selected": rank == 1,
                    "confidence": ranking.confidence.get(model_id),
                    "num_compared": ranking.num_compared.get(model_id),
                    "num_informative": used.get(model_id),
                    "versions": versions(),
                }
            )
    return pd.DataFrame(rows, columns=SELECTION_COLUMNS)


def summary_table(
    rankings: Iterable[Ranking], supervised: Supervised | None, used: Mapping[str, int]
) -> pd.DataFrame:
    """Return one row for each pool and selection method: its choice, and how good that is.

    Args:
        rankings: Of all pools and methods.
        supervised: What is known with factors.
        used: Model id -> codes that tell anything about an image; empty where models have classes.
    """
    rows = []
    for ranking in rankings:
        chosen = ranking.order[0]
        row = {
            "pool": ranking.pool,
            "selection_method": ranking.method,
            "model_id": chosen,
            "selected_score": ranking.scores[chosen],
            "confidence": ranking.confidence.get(chosen),
            "num_models": len(ranking.order),
            "num_cells": ranking.num_cells,
            "warnings": "; ".join(ranking.warnings),
        }
        if used:
            row["num_informative"] = used[chosen]
            row["usual_num_informative"] = usual(used[model_id] for model_id in ranking.order)
        if supervised is not None:
            row |= _compared(ranking, supervised)
            row |= _paper_row(supervised, chosen)
        rows.append(row)
    return pd.DataFrame(rows, columns=SELECTION_SUMMARY_COLUMNS)


def _compared(ranking: Ranking, supervised: Supervised) -> dict:
    """Return how the choice stands in its pool by the supervised metric."""
    known = supervised.scores[list(ranking.order)]
    value, best, median = known[ranking.order[0]], known.max(), known.median()
    return {
        "supervised_metric": supervised.metric,
        "supervised_value": value,
        "pool_best": best,
        "pool_median": median,
        "regret_to_best": best - value,
        "gain_over_median": value - median,
        "rank_correlation": _rank_correlation(pd.Series(ranking.scores), known),
    }


def _paper_row(supervised: Supervised, chosen: str) -> dict:
    """Return the chosen model's line of the paper's table."""
    columns = metric_names.paper_columns(supervised.table.columns)
    row = {column: supervised.table.loc[chosen, metric] for column, metric in columns.items()}
    if "dci" in columns:
        row["dci_learner"] = metric_names.dci_learner(columns["dci"])
    return {"protocol": supervised.protocol, **row}


def _rank_correlation(first: pd.Series, second: pd.Series) -> float | None:
    """Return Spearman's rank correlation; None where it is not defined."""
    first = first.reindex(second.index)
    if len(first) < 3 or first.nunique() < 2 or second.nunique() < 2:
        return None
    return float(scipy.stats.spearmanr(first, second).statistic)
