"""The report stage: tables, plots and a page from the files of a run. Needs no TensorFlow."""

from pathlib import Path

from pipeline import metric_names
from pipeline.errors import StageError
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs import tables
from pipeline.runs.directory import ExportDirectory, ModelDirectory, RunDirectory
from pipeline.runs.files import file_digest, write_text
from pipeline.runs.manifests import (
    is_damage,
    read_manifest,
    refuse_damaged,
    reopen,
    why_stale,
    write_manifest,
)
from pipeline.stages.report import html_page, selection_section, summaries
from pipeline.stages.report.configurations import kept_configurations
from pipeline.stages.report.html_parts import FigureFile
from pipeline.stages.report.options import ReportOptions
from pipeline.stages.stage import Context, Step

# Raised whenever a change of the code changes the report.
REPORT_VERSION = 2


# Selection methods whose choice the report shows, first choice first: key, name, and why.
AGREES = "of all, its codes agree best with those of the others"
UNSUPERVISED = (
    ("model_centrality", "ModelCentrality", AGREES),
    ("udr_lasso", "UDR Lasso", AGREES),
    ("udr_spearman", "UDR Spearman", AGREES),
)


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
    reopen(manifest, [])
    outputs = write_report(
        context.run.root, title=context.experiment.name, options=context.experiment.report
    )
    write_manifest(manifest, _fingerprint(context), outputs)
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


def write_report(run_directory_path: Path, *, title: str, options: ReportOptions) -> list[Path]:
    """Write `report/` of a run: tables/*.csv, plots/*.png and *.gif, and index.html.

    Stages that have not run leave gaps that the page names; files of an earlier report that are
    not written again are removed.

    Args:
        run_directory_path: The run directory; models.csv must be there.
        title: The title of the page.
        options: How the report looks.

    Returns:
        The files written, sorted.

    Raises:
        ValueError: If models.csv is missing, or a file of the run is truncated or corrupt.
    """
    directory = RunDirectory(Path(run_directory_path))
    run_tables = summaries.read_run(directory)
    main = (_protocol(run_tables, options), options.main_metric)
    written = _write_tables(directory.report / "tables", run_tables)
    selected, reason = choose_model(run_tables, main)
    figures, notes = _draw(directory, run_tables, options, main, selected)
    written += [figure.path for figure in figures]
    content = html_page.PageContent(
        title=title,
        selected=selected,
        reason=reason,
        figures=figures,
        notes=[*html_page.gaps(run_tables), *notes],
        main=main,
        configurations=kept_configurations(directory, run_tables),
    )
    page = directory.page
    write_text(page, html_page.render_page(run_tables, content))
    written.append(page)
    for folder in ("tables", "plots"):
        for path in sorted((directory.report / folder).glob("*.*")):
            if path not in written:
                path.unlink()
    return sorted(written)


def _protocol(run_tables: summaries.RunTables, options: ReportOptions) -> str:
    """Return the protocol by which models are compared: the one asked for, if it was measured."""
    if run_tables.scores is None:
        return options.main_protocol
    rows = run_tables.scores[run_tables.scores["metric"] == options.main_metric]
    measured = sorted(rows["protocol"].unique())
    if options.main_protocol in measured or not measured:
        return options.main_protocol
    return measured[0]


def choose_model(run_tables: summaries.RunTables, main: tuple[str, str]) -> tuple[str | None, str]:
    """Return the model that the report shows, and a sentence that says why it.

    ModelCentrality's choice in the largest pool, or UDR's; where there is none, the only model,
    or the best by the main metric, or the first. None if no model was trained.
    """
    chosen = summaries.selected_table(run_tables)
    pools = summaries.pool_names(run_tables)
    for method, name, reason in UNSUPERVISED:
        found = chosen[chosen["selection_method"] == method].set_index("pool")
        for pool in pools:
            if pool in found.index:
                row = found.loc[pool]
                return row["model_id"], (
                    f"{name} chose it among {row['num_models']} models: {reason} "
                    f"(score {row['selected_score']:.3f}). No labels were used for this choice."
                )
    done = run_tables.models[
        (run_tables.models["status"] == "done") & (run_tables.models["export"] == "final")
    ]
    if done.empty:
        return None, "No model finished training, so there is none to show."
    if len(done) == 1:
        return done["model_id"].iloc[0], "It is the only model, so there was nothing to select."
    name = metric_names.name(main[1])
    if run_tables.scores is not None:
        scores = run_tables.scores[
            run_tables.scores["model_id"].isin(done["model_id"])
            & (run_tables.scores["metric"] == main[1])
            & (run_tables.scores["protocol"] == main[0])
        ]
        if len(scores):
            end = metric_names.better_end(main[1]) or "high"
            best = scores.sort_values(["value", "model_id"], ascending=[end == "low", True])
            needs = ", which needs known factors" if metric_names.needs_factors(main[1]) else ""
            return best["model_id"].iloc[0], (
                f"ModelCentrality has selected none; shown is the one of {len(done)} models with "
                f"the {end}est {name}{needs}."
            )
    return done["model_id"].iloc[0], (
        f"Models were neither selected nor scored by {name}; shown is the first of {len(done)}."
    )


def _write_tables(folder: Path, run_tables: summaries.RunTables) -> list[Path]:
    models, metrics = summaries.model_table(run_tables)
    optional = {"iteration", "dataset", "representation", *metrics}
    tables.write_table(folder / "models.csv", models, models.columns, may_be_empty=optional)
    tables.write_table(
        folder / "settings.csv",
        summaries.setting_table(run_tables),
        summaries.SETTING_COLUMNS,
        may_be_empty={"std"},
    )
    tables.write_table(
        folder / "selected.csv",
        summaries.selected_table(run_tables),
        summaries.SELECTED_COLUMNS,
        may_be_empty=set(summaries.SELECTED_COLUMNS[6:]) - {"num_models"},
    )
    tables.write_table(
        folder / "selection_metrics.csv",
        selection_section.paper_table(run_tables),
        selection_section.PAPER_COLUMNS,
        may_be_empty=set(selection_section.PAPER_COLUMNS[2:]),
    )
    names = ("models.csv", "settings.csv", "selected.csv", "selection_metrics.csv")
    return [folder / name for name in names]


def _draw(
    directory: RunDirectory,
    run_tables: summaries.RunTables,
    options: ReportOptions,
    main: tuple[str, str],
    selected: str | None,
) -> tuple[list[FigureFile], list[tuple[str, str]]]:
    """Draw every plot and picture; return them with (section, sentence) notes on what lacks."""
    # matplotlib is slow to import: only where it draws.
    from pipeline.stages.report import class_figures, identity_figures, run_figures

    folder = directory.report / "plots"
    figures: list[FigureFile] = []
    notes: list[tuple[str, str]] = []
    if selected is not None:
        model = run_tables.models[run_tables.models["model_id"] == selected].iloc[0]
        path = ExportDirectory(directory.root / model["directory"]).traversals
        if path.exists():
            figures += run_figures.draw_traversals(
                folder,
                run_figures.read_traversals(path),
                num_frames=options.traversal_frames,
                frame_milliseconds=options.frame_milliseconds,
            )
        else:
            notes.append(("traversals", f"The train stage wrote no traversals of {selected}."))
    figures += class_figures.draw_classes(folder, directory, run_tables.models, selected)
    figures += identity_figures.draw_identities(folder, directory, run_tables, selected)
    figures += run_figures.draw_metrics(folder, run_tables)
    figures += run_figures.draw_selection(
        folder,
        run_tables,
        protocol=main[0],
        metric=main[1],
    )
    ranked = [selected] if selected is not None else []
    if run_tables.selection is not None:
        ranked += run_tables.selection.sort_values("rank", kind="stable")["model_id"].tolist()
    curves, sentences = run_figures.draw_histories(
        folder,
        directory,
        run_tables,
        metric=options.main_metric,
        first=list(dict.fromkeys(ranked)),
    )
    return figures + curves, notes + [("training", sentence) for sentence in sentences]
