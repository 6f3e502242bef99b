"""The select stage: ModelCentrality and UDR, and the supervised ranking where there is one.

ModelCentrality lets every model's generator act as ground truth for every model's encoder and
selects the medoid, the model that agrees best with all others (Lin et al. 2020, section 4). UDR
compares the codes that encoders give to the same images (Duan et al. 2020). Neither needs labels.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.files import file_digest
from pipeline.runs.manifests import is_damage, refuse_damaged, reopen, why_stale, write_manifest
from pipeline.runs.tables import (
    CROSS_SCORE_COLUMNS,
    SELECTION_COLUMNS,
    SELECTION_SUMMARY_COLUMNS,
    write_table,
)
from pipeline.stages.select import pool_warnings, rankings, result_tables
from pipeline.stages.select.cells import Cells
from pipeline.stages.select.options import METHODS, Selection
from pipeline.stages.select.pool_codes import PoolCodes, read_codes
from pipeline.stages.select.result_tables import Ranking
from pipeline.stages.stage import Context, Step

__all__ = ["Selection", "plan", "run"]

# Raised whenever a change of the code changes what is made of the cross scores.
SELECTION_VERSION = 3


def plan(context: Context) -> list[Step]:
    """Say whether the selection is up to date, and how many cells are to be computed."""
    pools = {name: pool for name, pool in _pools(context).items() if len(pool) > 1}
    if not pools:
        return [Step("selection", None, note="one model only: nothing to select among")]
    reason = _why(context, pools)
    if reason is None or "model_centrality" not in context.experiment.selection.methods:
        return [Step("selection", reason)]
    cells = _cells(context, pools)
    if context.experiment.selection.search_medoid:
        note = "cells to compute: a share, found in rounds"
    else:
        wanted = rankings.all_cells(pools)
        total = sum(len(encoders) for encoders in wanted.values())
        by_id = {export.model_id: export for export in _members(pools)}
        missing = total
        if "select" not in context.forced:
            missing = sum(len(cells.missing(by_id[one], wanted[one])) for one in wanted)
        note = f"{missing} of {total} cells to compute"
    return [Step("selection", reason, note=note)]


def run(context: Context) -> None:
    """Compute what the methods need, rank the models of each pool, write the three tables.

    Raises:
        StageError: If a column could not be computed; the others are kept.
    """
    display = ProgressDisplay("select")
    pools = {}
    for name, pool in _pools(context).items():
        if len(pool) < 2:
            count = "one finished model" if pool else "no finished model"
            display.say(f"pool {name} has {count}; selection needs at least two: nothing selected")
        else:
            pools[name] = pool
    if not pools:
        return
    exports = _members(pools)
    reason = _why(context, pools)
    if reason is None:
        display.say(f"the selection among {len(exports)} models is up to date: skipped")
        return
    if is_damage(reason):
        display.say(f"{reason}: made again")
    reopen(context.run.manifest("select"), _tables(context))
    if context.run.scores_csv.exists():
        refuse_damaged(context.run.manifest("metrics"), context.run.scores_csv, "metrics")
    cells = _cells(context, pools)
    if "select" in context.forced:
        cells.forget()
    try:
        codes = read_codes(context, exports, display)
        results, wanted = _rank_by_centrality(context, pools, cells, display)
    finally:
        display.close()
    supervised = result_tables.supervised_scores(context, [one.model_id for one in exports])
    results += _rank_by_others(context, pools, codes, supervised)
    fixed = context.experiment.selection.fixed
    results = [_with_pool_warnings(ranking, codes, fixed) for ranking in results]
    _write(context, pools, cells, wanted, results, supervised)
    for ranking in sorted(results, key=lambda one: (one.pool, METHODS.index(one.method))):
        pool = "" if len(pools) == 1 else f"pool {ranking.pool}: "
        display.say(
            f"{pool}{ranking.method} selects {ranking.order[0]} of {len(ranking.order)} models"
        )
    for line in pool_warnings.lines(results):
        display.say(f"warning: {line}")


def _pools(context: Context) -> dict[str, list[Export]]:
    """Return the finished models of each pool, sorted by model id."""
    selection = context.experiment.selection
    exports = sorted(context.finished_exports(), key=lambda export: export.model_id)
    if not selection.include_snapshots:
        exports = [export for export in exports if export.name == "final"]
    return {
        name: [export for export in exports if selection.is_in_pool(name, export.setting)]
        for name in selection.pools
    }


def _members(pools: Mapping[str, Sequence[Export]]) -> list[Export]:
    """Return the models of all pools, once each, sorted by model id."""
    by_id = {export.model_id: export for pool in pools.values() for export in pool}
    return [by_id[model_id] for model_id in sorted(by_id)]


def _cells(context: Context, pools: Mapping[str, Sequence[Export]]) -> Cells:
    exports = _members(pools)
    offered = context.experiment.selection.offered_codes
    if offered is None:
        is_mixed = len({export.has_posterior for export in exports}) > 1
        offered = "informative" if is_mixed else "all"
    return Cells(context, exports, informative_only=offered == "informative")


def _fingerprint(context: Context, pools: Mapping[str, Sequence[Export]]) -> str:
    scores = context.run.scores_csv
    return fingerprint(
        context.experiment.selection,
        SELECTION_VERSION,
        context.experiment.metrics.seed,
        {
            name: [(export.model_id, export.fingerprint) for export in pool]
            for name, pool in pools.items()
        },
        file_digest(scores) if scores.exists() else None,
    )


def _why(context: Context, pools: Mapping[str, Sequence[Export]]) -> str | None:
    if "select" in context.forced:
        return "forced"
    manifest, table = context.run.manifest("select"), context.run.selection_csv
    return why_stale(manifest, _fingerprint(context, pools), table)


def _rank_by_centrality(
    context: Context,
    pools: Mapping[str, Sequence[Export]],
    cells: Cells,
    display: ProgressDisplay,
) -> tuple[list[Ranking], rankings.Wanted]:
    """Return ModelCentrality's rankings, and the cells that they rest on."""
    selection = context.experiment.selection
    if "model_centrality" not in selection.methods:
        return [], {}
    resamples = selection.num_resamples
    if not selection.search_medoid:
        wanted = rankings.all_cells(pools)
        cells.fill(wanted, display)
        found = [rankings.by_centrality(*each, cells, resamples) for each in pools.items()]
        return found, wanted
    share = selection.max_share_of_cells
    searches, wanted, missing = rankings.search_medoids(pools, cells, share)
    while missing:
        display.say(f"search: {sum(len(encoders) for encoders in missing.values())} more cells")
        cells.fill(missing, display)
        searches, wanted, missing = rankings.search_medoids(pools, cells, share)
    found = [
        rankings.by_search(name, pool, searches[name], cells, resamples)
        for name, pool in pools.items()
    ]
    return found, wanted


def _rank_by_others(
    context: Context,
    pools: Mapping[str, Sequence[Export]],
    codes: PoolCodes,
    supervised: result_tables.Supervised | None,
) -> list[Ranking]:
    selection = context.experiment.selection
    found = []
    for name, pool in pools.items():
        for method in ("lasso", "spearman"):
            if f"udr_{method}" in selection.methods:
                found.append(rankings.by_udr(name, pool, codes, method, selection.num_resamples))
        if "supervised" in selection.methods and supervised is not None:
            found.append(rankings.by_supervision(name, pool, supervised))
    return found


def _with_pool_warnings(ranking: Ranking, codes: PoolCodes, fixed: str) -> Ranking:
    """Add what the codes of the pool show, whatever the method."""
    common = pool_warnings.collapsed_and_doubled(codes, ranking.order)
    # Features of a class are not codes: nothing is missing where one method has fewer of them.
    few = pool_warnings.few_codes(codes, ranking.order) if fixed == "codes" else []
    return dataclasses.replace(ranking, warnings=(*common, *few, *ranking.warnings))


def _write(
    context: Context,
    pools: Mapping[str, Sequence[Export]],
    cells: Cells,
    wanted: rankings.Wanted,
    results: Sequence[Ranking],
    supervised: result_tables.Supervised | None,
) -> None:
    exports = _members(pools)
    frames = (
        (result_tables.cross_scores(context, cells, wanted, exports), CROSS_SCORE_COLUMNS),
        (result_tables.selection_table(results, exports), SELECTION_COLUMNS),
        (result_tables.summary_table(results, supervised), SELECTION_SUMMARY_COLUMNS),
    )
    tables = _tables(context)
    for path, (frame, columns) in zip(tables, frames, strict=True):
        write_table(path, frame, columns)
    outputs = [*tables, *cells.files]
    write_manifest(context.run.manifest("select"), _fingerprint(context, pools), outputs)


def _tables(context: Context) -> list[Path]:
    run = context.run
    return [run.cross_scores_csv, run.selection_csv, run.selection_summary_csv]
