"""The select stage: each selection method ranks the models of each pool.

Which methods there are, and how each works, stands in `pipeline.selection`. Most need no labels.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.inference.code_table import code_files
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.files import file_digest
from pipeline.runs.manifests import (
    drop_damaged,
    is_damage,
    not_declared,
    refuse_damaged,
    reopen,
    why_stale,
    write_manifest,
)
from pipeline.runs.representations import MEAN
from pipeline.runs.tables import (
    CROSS_SCORE_COLUMNS,
    SELECTION_COLUMNS,
    SELECTION_SUMMARY_COLUMNS,
    write_table,
)
from pipeline.selection import METHODS, informative_codes, pool_warnings
from pipeline.selection.evidence import Evidence
from pipeline.selection.method import SelectionMethod
from pipeline.selection.ranking import Pool, Ranking
from pipeline.stages.select import result_tables
from pipeline.stages.select.options import Selection
from pipeline.stages.stage import Context, Step

__all__ = ["Selection", "plan", "run"]

# Raised whenever a change of the code changes what is made of the cross scores.
SELECTION_VERSION = 5


def plan(context: Context) -> list[Step]:
    """Say whether the selection is up to date, and how many cells are to be computed."""
    pools = {name: pool for name, pool in finished_pools(context).items() if len(pool.exports) > 1}
    if not pools:
        return [Step("selection", None, note="one model only: nothing to select among")]
    reason = _why(context, pools)
    if reason is None or not any("cells" in method.needs for method in _methods(context)):
        return [Step("selection", reason)]
    if context.experiment.selection.search_medoid:
        return [Step("selection", reason, note="cells to compute: a share, found in rounds")]
    evidence = Evidence(context, pools, ProgressDisplay("select"))
    wanted, by_id = evidence.all_cells(), {one.model_id: one for one in evidence.exports}
    total = sum(len(encoders) for encoders in wanted.values())
    missing = total
    if "select" not in context.forced:
        missing = sum(len(evidence.cells.missing(by_id[one], wanted[one])) for one in wanted)
    return [Step("selection", reason, note=f"{missing} of {total} cells to compute")]


def run(context: Context) -> None:
    """Compute what the methods need, rank the models of each pool, write the three tables.

    Raises:
        StageError: If a column could not be computed; the others are kept.
    """
    display = ProgressDisplay("select")
    pools = {}
    for name, pool in finished_pools(context).items():
        if len(pool.exports) < 2:
            count = "one finished model" if pool.exports else "no finished model"
            display.say(f"pool {name} has {count}; selection needs at least two: nothing selected")
        else:
            pools[name] = pool
    if not pools:
        return
    for sentence in drop_damaged(context.run.manifest("select")):
        display.say(sentence)
    reason = _why(context, pools)
    evidence = Evidence(context, pools, display)
    if reason is None:
        num_models = len(evidence.exports)
        display.say(f"the selection among {num_models} models is up to date: skipped")
        return
    if is_damage(reason):
        display.say(f"{reason}: made again")
    reopen(context.run.manifest("select"), _tables(context))
    if context.run.scores_csv.exists():
        refuse_damaged(context.run.manifest("metrics"), context.run.scores_csv, "metrics")
    if "select" in context.forced:
        evidence.cells.forget()
    try:
        for method in _methods(context):
            _rank(evidence, method)
        results = [_with_pool_warnings(evidence, one) for one in evidence.rankings.values()]
    finally:
        display.close()
    used = {}
    if context.experiment.selection.fixed == "codes":
        used = informative_codes.counts(evidence.codes, [one.model_id for one in evidence.exports])
    _write(evidence, results, used)
    order = list(METHODS)
    for ranking in sorted(results, key=lambda one: (one.pool, order.index(one.method))):
        of_pool = "" if len(pools) == 1 else f"pool {ranking.pool}: "
        display.say(
            f"{of_pool}{ranking.method} selects {ranking.order[0]} of {len(ranking.order)} models"
        )
    for name, members in pools.items() if used else ():
        advice = informative_codes.advice(
            {model_id: used[model_id] for model_id in members.model_ids},
            {export.model_id: export.codes.code_dim for export in members.exports},
        )
        display.say(f"pool {name}: {advice}")
    for line in pool_warnings.lines(results):
        display.warn(line)


def finished_pools(context: Context) -> dict[str, Pool]:
    """Return the finished models of each pool, sorted by model id."""
    selection = context.experiment.selection
    exports = sorted(context.finished_exports(), key=lambda export: export.model_id)
    if not selection.include_snapshots:
        exports = [export for export in exports if export.name == "final"]
    return {
        name: Pool(name, tuple(one for one in exports if selection.is_in_pool(name, one.setting)))
        for name in selection.pools
    }


def _methods(context: Context) -> list[SelectionMethod]:
    """Return the methods that the experiment asks for, in the order of the table of all."""
    asked = context.experiment.selection.methods
    return [method for name, method in METHODS.items() if name in asked]


def _fingerprint(context: Context, pools: Mapping[str, Pool]) -> str:
    scores = context.run.scores_csv
    representation = context.experiment.metrics.main_representation
    return fingerprint(
        context.experiment.selection,
        SELECTION_VERSION,
        *([] if representation == MEAN else [representation]),
        context.experiment.metrics.seed,
        {
            name: [(export.model_id, export.fingerprint) for export in pool.exports]
            for name, pool in pools.items()
        },
        file_digest(scores) if scores.exists() else None,
    )


def _why(context: Context, pools: Mapping[str, Pool]) -> str | None:
    if "select" in context.forced:
        return "forced"
    manifest, table = context.run.manifest("select"), context.run.selection_csv
    return why_stale(manifest, _fingerprint(context, pools), table)


def _rank(evidence: Evidence, method: SelectionMethod) -> None:
    """Let a method rank every pool, and keep its rankings with the evidence."""
    prepared = method.prepare(evidence) if method.prepare else {}
    for name, pool in evidence.pools.items():
        ranking = method.rank(evidence, pool, prepared.get(name))
        if ranking is None:
            continue
        if method.confidence:
            sure = method.confidence(evidence, pool, prepared.get(name), ranking)
            tied = pool_warnings.tied(ranking.order, sure)
            warnings = (*ranking.warnings, *tied)
            ranking = dataclasses.replace(ranking, confidence=sure, warnings=warnings)
        evidence.rankings[name, method.name] = ranking


def _with_pool_warnings(evidence: Evidence, ranking: Ranking) -> Ranking:
    """Add what the codes of the pool show, whatever the method."""
    common = pool_warnings.collapsed_and_doubled(evidence.codes, ranking.order)
    # Features of a class are not codes: nothing is missing where one method has fewer of them.
    is_of_codes = evidence.options.fixed == "codes"
    few = pool_warnings.few_codes(evidence.codes, ranking.order) if is_of_codes else []
    return dataclasses.replace(ranking, warnings=(*common, *few, *ranking.warnings))


def _write(evidence: Evidence, results: Sequence[Ranking], used: Mapping[str, int]) -> None:
    context, exports = evidence.context, evidence.exports
    cross_scores = result_tables.cross_scores(context, evidence.cells, evidence.wanted, exports)
    frames = (
        (cross_scores, CROSS_SCORE_COLUMNS),
        (result_tables.selection_table(results, exports, used), SELECTION_COLUMNS),
        (
            result_tables.summary_table(results, evidence.supervised, used),
            SELECTION_SUMMARY_COLUMNS,
        ),
    )
    tables = _tables(context)
    for path, (frame, columns) in zip(tables, frames, strict=True):
        write_table(path, frame, columns)
    write_manifest(
        context.run.manifest("select"),
        _fingerprint(context, evidence.pools),
        [*tables, *evidence.cells.files, *evidence.files],
        {"configuration": context.experiment.gin_text},
        kept=_code_files(evidence),
    )


def _code_files(evidence: Evidence) -> list[Path]:
    """Return the files of codes that the metric stage has not declared its own."""
    run = evidence.context.run
    exports = evidence.exports
    folders = [path for one in exports for path in (run.codes(one.key), run.posteriors(one.key))]
    files = [path for folder in folders for path in code_files(folder)]
    return not_declared(files, run.manifest("metrics"))


def _tables(context: Context) -> list[Path]:
    run = context.run
    return [run.cross_scores_csv, run.selection_csv, run.selection_summary_csv]
