"""The select stage: ModelCentrality, and beside it the supervised ranking where there is one.

Every model's generator acts as ground truth for every model's encoder; the model that agrees best
with all others, the medoid, is selected (Lin et al. 2020, section 4). No label is used.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

import metrics
from models import checks
from pipeline import execution, selection_tables
from pipeline.errors import StageError
from pipeline.files import atomic_path, file_digest
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.run_directory import is_damage, refuse_damaged, reopen, why_stale, write_manifest
from pipeline.selection_tables import generator_seed, read_votes
from pipeline.stage import Context, Step, exported_file
from pipeline.tables import (
    CROSS_SCORE_COLUMNS,
    SELECTION_COLUMNS,
    SELECTION_SUMMARY_COLUMNS,
    write_table,
)

# Raised whenever a change of the code changes cross scores or their use.
SELECTION_VERSION = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """Sample counts of ModelCentrality; Gin's `selection`. Published: 500, 100 and 73,728.

    Attributes:
        num_groups: Groups that each generator makes.
        group_size: Images of a group, which share one code.
        num_std_samples: Prior samples for the spread of each code.
        include_snapshots: Whether networks kept before the end of a training (the "InfoGAN
            (modified)" baseline) are in the pool, too.
        num_resamples: Bootstrap resamples of the groups, which say how sure the choice is: a
            model's confidence is the share of resamples in which it is the medoid. 0: none.
    """

    num_groups: int
    group_size: int
    num_std_samples: int
    include_snapshots: bool = False
    num_resamples: int = 200

    def __post_init__(self):
        checks.integer("selection.num_groups", self.num_groups, minimum=1)
        checks.integer("selection.group_size", self.group_size, minimum=2)
        checks.integer("selection.num_std_samples", self.num_std_samples, minimum=2)
        checks.flag("selection.include_snapshots", self.include_snapshots)
        checks.integer("selection.num_resamples", self.num_resamples, minimum=0)

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
    reason = _why(context, pool)
    if reason is None:
        display.say(f"ModelCentrality of {len(pool)} models is up to date: skipped")
        return
    if is_damage(reason):
        display.say(f"{reason}: made again")
    tables = [
        context.run.cross_scores_csv,
        context.run.selection_csv,
        context.run.selection_summary_csv,
    ]
    reopen(context.run.manifest("select"), tables)
    if context.run.scores_csv.exists():
        refuse_damaged(context.run.manifest("metrics"), context.run.scores_csv, "metrics")
    try:
        _fill_columns(context, pool, display)
    finally:
        display.close()
    cross = selection_tables.cross_scores(context, pool)
    write_table(context.run.cross_scores_csv, cross, CROSS_SCORE_COLUMNS)
    matrix = cross.pivot(index="encoder_id", columns="generator_id", values="score")
    model_ids = [export.model_id for export in pool]
    centrality = metrics.model_centrality(matrix.loc[model_ids, model_ids].to_numpy())
    scores = {"model_centrality": dict(zip(model_ids, centrality, strict=True))}
    supervised = selection_tables.supervised_scores(context, model_ids)
    if supervised:
        scores["supervised"] = supervised
    selection = selection_tables.selection_table(
        pool, scores, selection_tables.confidence(context, pool)
    )
    write_table(context.run.selection_csv, selection, SELECTION_COLUMNS)
    summary = selection_tables.summary_table(selection, supervised)
    write_table(context.run.selection_summary_csv, summary, SELECTION_SUMMARY_COLUMNS)
    sampling_key = context.experiment.selection.sampling_key
    votes = [context.run.votes(generator.key, sampling_key) for generator in pool]
    write_manifest(context.run.manifest("select"), _fingerprint(context, pool), [*tables, *votes])
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


def _missing(context: Context, generator: Export, pool: Sequence[Export]) -> list[Export]:
    if "select" in context.forced:
        return list(pool)
    present = read_votes(context, generator)
    return [encoder for encoder in pool if encoder.key not in present]


def _fill_columns(context: Context, pool: Sequence[Export], display: ProgressDisplay) -> None:
    selection = context.experiment.selection
    by_id = {export.model_id: export for export in pool}
    tasks, encoders_of, encoder_path = [], {}, {}
    for generator in pool:
        encoders = _missing(context, generator, pool)
        if not encoders:
            continue
        encoders_of[generator.model_id] = encoders
        for encoder in encoders:  # each is verified once
            if encoder not in encoder_path:
                encoder_path[encoder] = exported_file(context.run, encoder, "encoder")
        options = {
            "num_groups": selection.num_groups,
            "group_size": selection.group_size,
            "num_std_samples": selection.num_std_samples,
            "seed": generator_seed(generator),
        }
        paths = [encoder_path[encoder] for encoder in encoders]
        path = exported_file(context.run, generator, "generator")
        arguments = (path, generator.codes, paths, options)
        tasks.append((generator.model_id, arguments))
    failures = []
    for name, votes in context.pool.run(_cast_votes, tasks, display, _describe):
        if isinstance(votes, Exception):
            failures.append(f"{name}: {votes}")
        elif votes is not None:
            generator = by_id[name]
            known = {} if "select" in context.forced else read_votes(context, generator)
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
