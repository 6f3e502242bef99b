"""From the files of a run to those of its report."""

from pathlib import Path

from pipeline.runs import tables
from pipeline.runs.directory import RunDirectory
from pipeline.runs.files import write_text
from pipeline.stages.report import paper, selected_metrics, summaries
from pipeline.stages.report.content import Report, make_report
from pipeline.stages.report.options import ReportOptions

FOLDERS = ("tables", "plots")


def write_report(run_directory_path: Path, *, title: str, options: ReportOptions) -> list[Path]:
    """Write `report/` of a run: tables/*.csv, *.tex and *.md, plots/*, and index.html.

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
    report = make_report(directory, title, options)
    # matplotlib is slow to import: only where it draws.
    from pipeline.stages.report.explorer.render import read_explorer
    from pipeline.stages.report.gaps import gaps
    from pipeline.stages.report.page import render_page
    from pipeline.stages.report.picture_files import find_pictures, write_picture
    from pipeline.stages.report.plots import PLOTS
    from pipeline.stages.report.plots.files import write_plot
    from pipeline.stages.report.plots.histories import read_histories
    from pipeline.stages.report.sections.section import Parts

    folders = {name: directory.report / name for name in FOLDERS}
    written = write_tables(folders["tables"], report)
    plots = [
        write_plot(drawing, plot.section, plots=folders["plots"], tables=folders["tables"])
        for plot in PLOTS
        for drawing in plot.find(report)
    ]
    for plot in plots:
        written += [plot.table, *plot.pictures]
    milliseconds = options.frame_milliseconds
    pictures = [
        write_picture(folders["plots"], picture, frame_milliseconds=milliseconds)
        for picture in find_pictures(report)
    ]
    written += [file.path for file in pictures]
    notes = gaps(report) + [("training", text) for text in read_histories(report).notes]
    page = render_page(report, Parts(plots, pictures, read_explorer(report), notes))
    write_text(directory.page, page)
    written.append(directory.page)
    for folder in folders.values():
        for path in sorted(folder.glob("*.*")):
            if path not in written:
                path.unlink()
    return sorted(written)


def write_tables(folder: Path, report: Report) -> list[Path]:
    """Write the tables that the page shows, in full precision, and those for papers."""
    run = report.tables
    models, metrics = summaries.model_table(run)
    optional = {"iteration", "dataset", "representation", *metrics}
    tables.write_table(folder / "models.csv", models, models.columns, may_be_empty=optional)
    settings = summaries.setting_table(run)
    tables.write_table(
        folder / "settings.csv", settings, summaries.SETTING_COLUMNS, may_be_empty={"std"}
    )
    tables.write_table(
        folder / "selected.csv",
        summaries.selected_table(run),
        summaries.SELECTED_COLUMNS,
        may_be_empty=set(summaries.SELECTED_COLUMNS[6:]) - {"num_models"},
    )
    selected = selected_metrics.paper_table(run)
    tables.write_table(
        folder / "selection_metrics.csv",
        selected,
        selected_metrics.PAPER_COLUMNS,
        may_be_empty=set(selected_metrics.PAPER_COLUMNS[2:]),
    )
    names = ("models.csv", "settings.csv", "selected.csv", "selection_metrics.csv")
    return [folder / name for name in names] + paper.write_tables(folder, settings, selected)
