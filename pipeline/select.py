"""The select stage: ModelCentrality, and beside it the supervised ranking where there is one.

Every model's generator acts as ground truth for every model's encoder; the model that agrees best
with all others, the medoid, is selected (Lin et al. 2020, section 4). No label is used.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

import metrics
from metrics.voting import score_votes
from models import checks
from pipeline import execution
from pipeline.errors import StageError
from pipeline.files import atomic_path, file_digest
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.run_directory import versions, why_stale, write_manifest
from pipeline.stage import Context, Step
from pipeline.tables import (
    CROSS_SCORE_COLUMNS,
    SCORE_COLUMNS,
    SELECTION_COLUMNS,
    SELECTION_SUMMARY_COLUMNS,
    read_table,
    write_table,
)

# Raised whenever a change of the code changes cross scores or their use.
SELECTION_VERSION = 1
SUPERVISED_METRIC = "factor_vae"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """Sample counts of ModelCentrality; Gin's `selection`. Published: 500, 100 and 73,728.

    Attributes:
        num_groups: Groups that each generator makes.
        group_size: Images of a group, which share one code.
        num_std_samples: Prior samples for the spread of each code.
        include_snapshots: Whether networks kept before the end of a training (the "InfoGAN
            (modified)" baseline) are in the pool, too.
    """

    num_groups: int
    group_size: int
    num_std_samples: int
    include_snapshots: bool = False

    def __post_init__(self):
        checks.integer("selection.num_groups", self.num_groups, minimum=1)
        checks.integer("selection.group_size", self.group_size, minimum=2)
        checks.integer("selection.num_std_samples", self.num_std_samples, minimum=2)
        checks.flag("selection.include_snapshots", self.include_snapshots)

    @property
    def sampling_key(self) -> str:
        """Changes whenever the cross scores would; which models are in the pool does not count."""
        return fingerprint(
            SELECTION_VERSION, self.num_groups, self.group_size, self.num_std_samples
        )[:16]


def plan(context: Context) -> list[Step]:
    """Say whether the selection is up to date, and how many cells are to be computed."""
    pool = _pool(context)
    if len(pool) < 2:
        return [Step("ModelCentrality", None, note="one model only: nothing to select among")]
    reason = _why(context, pool)
    missing = sum(len(_missing(context, generator, pool)) for generator in pool)
    note = f"{missing} of {len(pool) ** 2} cells to compute"
    return [Step("ModelCentrality", reason, note=note if reason else "")]


def run(context: Context) -> None:
    """Fill the score matrix, rank the models, write the three tables.

    Raises:
        StageError: If a column could not be computed; the others are kept.
    """
    pool = _pool(context)
    display = ProgressDisplay("select", len(pool))
    if len(pool) < 2:
        display.say("one finished model only: ModelCentrality needs at least two; nothing selected")
        return
    if _why(context, pool) is None:
        display.say(f"ModelCentrality of {len(pool)} models is up to date: skipped")
        return
    try:
        _fill_columns(context, pool, display)
    finally:
        display.close()
    cross = _cross_scores(context, pool)
    write_table(context.run.cross_scores_csv, cross, CROSS_SCORE_COLUMNS)
    matrix = cross.pivot(index="encoder_id", columns="generator_id", values="score")
    model_ids = [export.model_id for export in pool]
    centrality = metrics.model_centrality(matrix.loc[model_ids, model_ids].to_numpy())
    scores = {"model_centrality": dict(zip(model_ids, centrality, strict=True))}
    supervised = _supervised_scores(context, model_ids)
    if supervised:
        scores["supervised"] = supervised
    selection = _selection_table(pool, scores)
    write_table(context.run.selection_csv, selection, SELECTION_COLUMNS)
    summary = _summary_table(selection, supervised)
    write_table(context.run.selection_summary_csv, summary, SELECTION_SUMMARY_COLUMNS)
    write_manifest(
        context.run.manifest("select"),
        _fingerprint(context, pool),
        [
            context.run.cross_scores_csv,
            context.run.selection_csv,
            context.run.selection_summary_csv,
        ],
    )
    winner = selection[selection.selected & (selection.selection_method == "model_centrality")]
    display.say(f"ModelCentrality selects {winner.model_id.item()} of {len(pool)} models")


def _pool(context: Context) -> list[Export]:
    exports = sorted(context.finished_exports(), key=lambda export: export.model_id)
    if context.experiment.selection.include_snapshots:
        return exports
    return [export for export in exports if export.name == "final"]


def _fingerprint(context: Context, pool: Sequence[Export]) -> str:
    scores = context.run.scores_csv
    return fingerprint(
        context.experiment.selection,
        SELECTION_VERSION,
        [(export.model_id, export.fingerprint) for export in pool],
        file_digest(scores) if scores.exists() else None,
    )


def _why(context: Context, pool: Sequence[Export]) -> str | None:
    if "select" in context.forced:
        return "forced"
    return why_stale(context.run.manifest("select"), _fingerprint(context, pool))


def _read_votes(context: Context, generator: Export) -> dict[str, np.ndarray]:
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


def _missing(context: Context, generator: Export, pool: Sequence[Export]) -> list[Export]:
    if "select" in context.forced:
        return list(pool)
    present = _read_votes(context, generator)
    return [encoder for encoder in pool if encoder.key not in present]


def _fill_columns(context: Context, pool: Sequence[Export], display: ProgressDisplay) -> None:
    selection = context.experiment.selection
    by_id = {export.model_id: export for export in pool}
    tasks, encoders_of = [], {}
    for generator in pool:
        encoders = _missing(context, generator, pool)
        if not encoders:
            continue
        encoders_of[generator.model_id] = encoders
        options = {
            "num_groups": selection.num_groups,
            "group_size": selection.group_size,
            "num_std_samples": selection.num_std_samples,
            "seed": _seed(generator),
        }
        paths = [_folder(context, encoder).encoder for encoder in encoders]
        arguments = (_folder(context, generator).generator, generator.codes, paths, options)
        tasks.append((generator.model_id, arguments))
    failures = []
    for name, votes in context.pool.run(_cast_votes, tasks, display, _describe):
        if isinstance(votes, Exception):
            failures.append(f"{name}: {votes}")
        elif votes is not None:
            generator = by_id[name]
            known = {} if "select" in context.forced else _read_votes(context, generator)
            new = {encoder.key: row for encoder, row in zip(encoders_of[name], votes, strict=True)}
            path = context.run.votes(generator.key, selection.sampling_key)
            with atomic_path(path) as temporary:
                np.savez(temporary, **(known | new))
    if failures:
        raise StageError("Cross evaluation failed for the generators\n" + "\n".join(failures))


def _cast_votes(generator_path, codes, encoder_paths, options, *, progress):
    """Import TensorFlow in the worker only."""
    execution.configure_tensorflow()
    from pipeline.cross_evaluation import cast_votes

    return cast_votes(generator_path, codes, encoder_paths, **options, progress=progress)


def _describe(name: str, votes: Any) -> str:
    if isinstance(votes, Exception):
        return f"generator {name} failed: {votes}"
    if votes is None:
        return f"generator {name} stopped: its column is computed next time"
    return f"generator {name}: {len(votes)} encoders voted"


def _folder(context: Context, export: Export):
    return context.run.model(export.parent_id).export(export.name)


def _seed(generator: Export) -> tuple[int, ...]:
    """Return a seed that depends on the generator's content only."""
    return tuple(int(generator.fingerprint[start : start + 8], 16) for start in range(0, 32, 8))


def _cross_scores(context: Context, pool: Sequence[Export]) -> pd.DataFrame:
    """Return A[i, j], the FactorVAE score of encoder i on the groups of generator j, as rows."""
    selection = context.experiment.selection
    rows = []
    for generator in pool:
        votes = _read_votes(context, generator)
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
                    "seed": _seed(generator)[0],
                    "encoder_fingerprint": encoder.fingerprint,
                    "generator_fingerprint": generator.fingerprint,
                    "versions": versions(),
                }
            )
    return pd.DataFrame(rows, columns=CROSS_SCORE_COLUMNS)


def _supervised_scores(context: Context, model_ids: Sequence[str]) -> dict[str, float]:
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


def _selection_table(pool: Sequence[Export], scores: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Return a row a model and selection method; ties go to the lowest model id."""
    by_id = {export.model_id: export for export in pool}
    rows = []
    for method, of_model in scores.items():
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
                    "confidence": None,
                    "versions": versions(),
                }
            )
    return pd.DataFrame(rows, columns=SELECTION_COLUMNS)


def _summary_table(selection: pd.DataFrame, supervised: dict[str, float]) -> pd.DataFrame:
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
