"""What the select stage makes of the votes: score matrix, confidence, ranking, summary."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

from metrics.voting import resampled_scores, score_votes
from pipeline.model_spec import Export
from pipeline.run_directory import versions
from pipeline.stage import Context
from pipeline.tables import (
    CROSS_SCORE_COLUMNS,
    SCORE_COLUMNS,
    SELECTION_COLUMNS,
    SELECTION_SUMMARY_COLUMNS,
    read_table,
)

SUPERVISED_METRIC = "factor_vae"


def read_votes(context: Context, generator: Export) -> dict[str, np.ndarray]:
    """Return the votes that are there for a generator: encoder key -> int [num_groups]."""
    path = context.run.votes(generator.key, context.experiment.selection.sampling_key)
    try:
        with np.load(path, allow_pickle=False) as content:
            return {key: content[key] for key in content.files}
    except FileNotFoundError:
        return {}
    except Exception as error:  # zipfile, zlib and numpy each have their own for damage
        print(f"  select  {path} is damaged ({error}): its votes are cast again")
        return {}


def generator_seed(generator: Export) -> tuple[int, ...]:
    """Return a seed that depends on the generator's content only."""
    return tuple(int(generator.fingerprint[start : start + 8], 16) for start in range(0, 32, 8))


def cross_scores(context: Context, pool: Sequence[Export]) -> pd.DataFrame:
    """Return A[i, j], the FactorVAE score of encoder i on the groups of generator j, as rows."""
    selection = context.experiment.selection
    rows = []
    for generator in pool:
        votes = read_votes(context, generator)
        fixed = np.arange(selection.num_groups) % generator.codes.num_codes
        for encoder in pool:
            score = score_votes(votes[encoder.key], fixed, encoder.codes.code_dim)["factor_vae"]
            rows.append(
                {
                    "encoder_id": encoder.model_id,
                    "generator_id": generator.model_id,
                    "score": score,
                    "num_groups": selection.num_groups,
                    "group_size": selection.group_size,
                    "num_fixed_codes": generator.codes.num_codes,
                    "seed": generator_seed(generator)[0],
                    "encoder_fingerprint": encoder.fingerprint,
                    "generator_fingerprint": generator.fingerprint,
                    "versions": versions(),
                }
            )
    return pd.DataFrame(rows, columns=CROSS_SCORE_COLUMNS)


def confidence(context: Context, pool: Sequence[Export]) -> dict[str, float]:
    """Return the share of resamples of all generators' groups in which each model is the medoid."""
    options = context.experiment.selection
    if not options.num_resamples:
        return {}
    rng = np.random.default_rng(generator_seed(pool[0]))
    num_groups = options.num_groups
    # s_i is the mean of B[i, j] = (A[i, j] + A[j, i]) / 2 over the others: a sum is enough.
    sums = np.zeros((options.num_resamples, len(pool)))
    for column, generator in enumerate(pool):
        votes = read_votes(context, generator)
        fixed = np.arange(num_groups) % generator.codes.num_codes
        probabilities = np.full(num_groups, 1 / num_groups)
        weights = rng.multinomial(num_groups, probabilities, size=options.num_resamples)
        for row, encoder in enumerate(pool):
            if row != column:
                scores = resampled_scores(
                    votes[encoder.key], fixed, encoder.codes.code_dim, weights
                )
                sums[:, row] += scores
                sums[:, column] += scores
    # The pool is sorted by model id, so a tie goes to the lowest one here, too.
    shares = np.bincount(sums.argmax(axis=1), minlength=len(pool)) / options.num_resamples
    return {export.model_id: float(share) for export, share in zip(pool, shares, strict=True)}


def supervised_scores(context: Context, model_ids: Sequence[str]) -> dict[str, float]:
    """Return the FactorVAE score of each model against the known factors; empty without them.

    The cr protocol is preferred; the others serve where it was not measured.
    """
    if not context.dataset.num_factors or not context.run.scores_csv.exists():
        return {}
    table = read_table(context.run.scores_csv, SCORE_COLUMNS)
    table = table[(table.metric == SUPERVISED_METRIC) & table.model_id.isin(model_ids)]
    for protocol in sorted(table.protocol.unique()):  # "cr" comes before "dlib"
        scores = table[table.protocol == protocol].set_index("model_id")["value"]
        if set(scores.index) == set(model_ids):
            return {model_id: float(scores[model_id]) for model_id in model_ids}
    return {}


def selection_table(
    pool: Sequence[Export],
    scores: dict[str, dict[str, float]],
    confidence: dict[str, float],
) -> pd.DataFrame:
    """Return a row a model and selection method; ties go to the lowest model id.

    `confidence` belongs to ModelCentrality; the supervised ranking has none.
    """
    by_id = {export.model_id: export for export in pool}
    rows = []
    for method, of_model in scores.items():
        is_central = method == "model_centrality"
        ranked = sorted(of_model, key=lambda model_id: (-of_model[model_id], model_id))
        for rank, model_id in enumerate(ranked, start=1):
            export = by_id[model_id]
            rows.append(
                {
                    "model_id": model_id,
                    "setting": export.setting,
                    "method": export.method,
                    "seed": export.seed,
                    "selection_method": method,
                    "score": float(of_model[model_id]),
                    "rank": rank,
                    "selected": rank == 1,
                    "confidence": confidence.get(model_id) if is_central else None,
                    "versions": versions(),
                }
            )
    return pd.DataFrame(rows, columns=SELECTION_COLUMNS)


def summary_table(selection: pd.DataFrame, supervised: dict[str, float]) -> pd.DataFrame:
    """Return a row a selection method: what it chose, and how good that is if factors say so."""
    rows = []
    for method, table in selection.groupby("selection_method"):
        chosen = table[table.selected].iloc[0]
        row = {
            "selection_method": method,
            "model_id": chosen.model_id,
            "selected_score": chosen.score,
            "num_models": len(table),
        }
        if supervised:
            known = pd.Series(supervised)
            value, best, median = known[chosen.model_id], known.max(), known.median()
            row |= {
                "supervised_metric": SUPERVISED_METRIC,
                "supervised_value": value,
                "pool_best": best,
                "pool_median": median,
                "regret_to_best": best - value,
                "gain_over_median": value - median,
                "rank_correlation": _rank_correlation(table.set_index("model_id").score, known),
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=SELECTION_SUMMARY_COLUMNS)


def _rank_correlation(first: pd.Series, second: pd.Series) -> float | None:
    """Return Spearman's rank correlation; None where it is not defined."""
    first = first.reindex(second.index)
    if len(first) < 3 or first.nunique() < 2 or second.nunique() < 2:
        return None
    return float(scipy.stats.spearmanr(first, second).statistic)
