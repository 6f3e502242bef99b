"""The report stage: tables, plots and a page from the files of a run.

TensorFlow is needed only for images of the latent explorer that are not there yet, in workers.
"""

from pipeline.errors import StageError
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs import tables
from pipeline.runs.directory import ModelDirectory, RunDirectory
from pipeline.runs.files import file_digest
from pipeline.runs.manifests import (
    drop_damaged,
    is_damage,
    read_manifest,
    refuse_damaged,
    reopen,
    why_stale,
    write_manifest,
)
from pipeline.stages.report.content import make_report
from pipeline.stages.report.explorer.render import render_missing
from pipeline.stages.report.writing import write_report
from pipeline.stages.stage import Context, Step

# Raised whenever a change of the code changes the report.
REPORT_VERSION = 4


def plan(context: Context) -> list[Step]:
    """Say whether the report is up to date."""
    return [Step("index.html, tables, plots", _why(context))]


def run(context: Context) -> None:
    """Write the report, unless it is up to date.

    Raises:
        StageError: If there is nothing to report on.
    """
    display = ProgressDisplay("report")
    reason = _why(context)
    if reason is None:
        display.say("the report is up to date: skipped")
        return
    if is_damage(reason):
        display.say(f"{reason}: made again")
    if not context.run.models_csv.exists():
        raise StageError(
            f"{context.run.models_csv} does not exist. Run the train stage first: --stages train, "
            "or leave --stages out."
        )
    _refuse_damaged_inputs(context.run)
    manifest = context.run.manifest("report")
    for sentence in drop_damaged(manifest):
        display.say(sentence)
    reopen(manifest, [])
    title, options = context.experiment.name, context.experiment.report
    render_missing(make_report(context.run, title, options), context.pool, display)
    outputs = write_report(context.run.root, title=title, options=options)
    explored = context.run.explored("any").parent.glob("*.npz")
    write_manifest(manifest, _fingerprint(context), outputs, kept=explored)
    display.say(f"{len(outputs)} files written to {context.run.report}")


def _refuse_damaged_inputs(run: RunDirectory) -> None:
    """Make sure that all that the report shows is as the stages before it left it.

    Raises:
        StageError: With the first file that is not, and the stage to run again.
    """
    written_by = {
        run.models_csv: "train",
        run.scores_csv: "metrics",
        run.cross_scores_csv: "select",
        run.selection_csv: "select",
        run.selection_summary_csv: "select",
    }
    for path, stage in written_by.items():
        if path.exists():
            refuse_damaged(run.manifest(stage), path, stage)
    models = tables.read_table(run.models_csv, tables.MODEL_COLUMNS)
    for model_id in sorted(set(models[models["export"] == "final"]["model_id"])):
        model = run.model(model_id)
        if model.manifest.exists():
            refuse_damaged(model.manifest, model.history, "train")
            if model.configuration.exists():
                refuse_damaged(model.manifest, model.configuration, "train")
            refuse_damaged(model.manifest, model.export("final").traversals, "train")
        elif model.failure.exists() and model.history.exists():
            refuse_damaged(model.failure, model.history, "train")


def _models(run: RunDirectory) -> list[ModelDirectory]:
    return [run.model(path.name) for path in sorted(run.model("any").root.parent.glob("*"))]


def _why(context: Context) -> str | None:
    if "report" in context.forced:
        return "forced"
    return why_stale(context.run.manifest("report"), _fingerprint(context), context.run.page)


def _fingerprint(context: Context) -> str:
    directory = context.run
    inputs = [directory.models_csv, directory.scores_csv, directory.cross_scores_csv]
    inputs += [directory.selection_csv, directory.selection_summary_csv, directory.configuration]
    for model in _models(directory):
        inputs += [model.history, model.config, model.configuration]
        inputs.append(model.export("final").traversals)
    inputs += sorted(directory.class_pictures("any").parent.glob("*.npz"))
    manifests = [read_manifest(directory.manifest(stage)) or {} for stage in ("metrics", "select")]
    digests = {
        str(path.relative_to(directory.root)): file_digest(path) for path in inputs if path.exists()
    }
    return fingerprint(
        REPORT_VERSION,
        context.experiment.name,
        context.experiment.report,
        digests,
        [content.get("configuration") for content in manifests],
    )
