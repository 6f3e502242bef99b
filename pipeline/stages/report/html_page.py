"""The report page: what was run, what was selected, every number, every picture.

One self-contained `index.html`. Numbers are rounded here and only here (and in the plots); the
tables beside it keep full precision.
"""

import dataclasses
from collections.abc import Sequence
from html import escape

import pandas as pd

from pipeline import metric_names
from pipeline.stages.report import html_parts as parts
from pipeline.stages.report import page_sections, selection_section, summaries
from pipeline.stages.report.configurations import KeptConfiguration
from pipeline.stages.report.html_parts import FigureFile

SECTIONS = (
    ("run", "What was run"),
    ("selected", "The selected model"),
    ("traversals", "Traversals of the selected model"),
    ("identities", "Identity and everything else"),
    ("settings", "Metrics per setting"),
    ("models", "Metrics per model"),
    ("selection", "Selection"),
    ("training", "Training"),
    ("reproduce", "How to reproduce"),
)


@dataclasses.dataclass(frozen=True)
class PageContent:
    """What the page tells besides the tables.

    title: of the page. selected: the model that is shown, or None. reason: a sentence that says
    why it. figures: the pictures. notes: (section, sentence) pairs about what is missing there.
    main: the (protocol, metric) that models are compared by. configurations: the Gin texts under
    which what is shown was made.
    """

    title: str
    selected: str | None
    reason: str
    figures: Sequence[FigureFile]
    notes: Sequence[tuple[str, str]]
    main: tuple[str, str]
    configurations: Sequence[KeptConfiguration]


def render_page(run: summaries.RunTables, content: PageContent) -> str:
    """Return the page as HTML."""
    sections = {
        "run": _run_section(run),
        "selected": _selected_section(run, content),
        "traversals": [],
        "identities": [],
        "settings": page_sections.settings_section(run),
        "models": page_sections.models_section(run),
        "selection": selection_section.selection_section(run),
        "training": [],
        "reproduce": _reproduce_section(run, content),
    }
    body = [f"<h1>{escape(content.title)}</h1>"]
    shown = {figure.section.split()[0] for figure in content.figures}
    chapters = [(key, name) for key, name in SECTIONS if key != "identities" or key in shown]
    links = "\n".join(f'<a href="#{key}">{escape(name)}</a>' for key, name in chapters)
    body += [f"<nav>{links}</nav>", _facts(run, content)]
    for key, name in chapters:
        body.append(parts.heading(key, name))
        body += [parts.note(text) for section, text in content.notes if section == key]
        pixels = key in ("traversals", "identities")
        pictures = [
            parts.figure(figure.path, figure.caption, pixels=key == "traversals" or is_picture)
            for is_picture, section in enumerate((key, f"{key} pictures"))
            for figure in content.figures
            if figure.section == section
        ]
        beside = [
            parts.figure(figure.path, figure.caption, pixels=pixels)
            for figure in content.figures
            if figure.section == f"{key} beside"
        ]
        if beside:
            pictures.append(f'<div class="beside">{"".join(beside)}</div>')
        body += [*sections[key], *pictures]
        if key in ("training", "traversals") and not pictures:
            body.append(parts.paragraph("There is nothing to show.", faint=True))
    return parts.page(content.title, body)


def gaps(run: summaries.RunTables) -> list[tuple[str, str]]:
    """Return (section, sentence) about stages that have not run and data without labels."""
    found = []
    if run.scores is None:
        for section in ("settings", "models"):
            found.append((section, "The metrics stage has not run: scores.csv does not exist."))
    elif run.scores.empty:
        found.append(("settings", "The metrics stage measured nothing: scores.csv has no rows."))
    elif not run.has_factor_metrics:
        found.append(
            (
                "settings",
                "No metric was measured that needs known factors: the data have no labels, or "
                "none was asked for. Supervised scores and rankings are therefore left out.",
            )
        )
    if run.num_left_out:
        found.append(
            (
                "models",
                f"{run.num_left_out} rows of scores.csv belong to models that models.csv does "
                f"not name; they are left out. Run the metrics stage again.",
            )
        )
    if run.stale_pools:
        found.append(
            (
                "selection",
                f"Left out: {', '.join(run.stale_pools)}, selected among models of which some are "
                "no longer in models.csv. Run the select stage again.",
            )
        )
    num_done = int(((run.models["status"] == "done") & (run.models["export"] == "final")).sum())
    if run.cross_scores is None and run.selection is None:
        if run.stale_pools:
            return found
        if num_done < 2:
            text = f"Selection needs two models or more; this run has {num_done}."
        else:
            text = "The select stage has not run: cross_scores.csv and selection.csv do not exist."
        found.append(("selection", text))
    else:
        missing = [
            name
            for name, table in (
                ("cross_scores.csv", run.cross_scores),
                ("selection.csv", run.selection),
                ("selection_summary.csv", run.selection_summary),
            )
            if table is None
        ]
        if missing:
            found.append(
                (
                    "selection",
                    f"The select stage has not run to its end: {', '.join(missing)} "
                    f"does not exist.",
                )
            )
    return found


def _facts(run: summaries.RunTables, content: PageContent) -> str:
    final = run.models[run.models["export"] == "final"]
    done = int((final["status"] == "done").sum())
    pairs = [
        ("Models trained", f"{done} of {len(final)}" if done < len(final) else str(done)),
        ("Settings", str(final["setting"].nunique())),
    ]
    if run.scores is not None and not run.scores.empty:
        pairs.append(("Data set", ", ".join(sorted(run.scores["dataset"].unique()))))
    if content.selected is not None:
        pairs.append(("Selected model", content.selected))
        score = _score(run, content.selected, content.main)
        if score is not None:
            name = metric_names.name(content.main[1])
            pairs.append((f"{name} ({content.main[0]})", parts.number(score["value"])))
    return parts.facts(pairs)


def _score(run: summaries.RunTables, model_id: str, main: tuple[str, str]) -> pd.Series | None:
    """Return the row of the scores table for a model's main metric, or None."""
    if run.scores is None:
        return None
    rows = run.scores[
        (run.scores["model_id"] == model_id)
        & (run.scores["protocol"] == main[0])
        & (run.scores["metric"] == main[1])
    ]
    return None if rows.empty else rows.iloc[0]


def _run_section(run: summaries.RunTables) -> list[str]:
    rows = []
    for (setting, method, export), models in run.models.groupby(["setting", "method", "export"]):
        done = models[models["status"] == "done"]
        seconds = done["train_seconds"].mean()
        rows.append(
            [
                parts.cell(setting),
                parts.cell(method, kind="text"),
                parts.cell(export.replace("_", " "), kind="text"),
                parts.cell(f"{len(done)} of {len(models)}"),
                parts.cell(_ranges(models["seed"])),
                parts.cell(_ranges(done["iteration"].dropna())),
                parts.cell(_ranges(done["parameters"].dropna())),
                parts.cell(parts.number(seconds / 60.0, 1)),
            ]
        )
    headers = ["Setting", "Method", "Export", "Models done", "Seeds", "Iterations", "Parameters"]
    section = [parts.table([*headers, "Training, minutes a model"], rows, texts=3)]
    failed = run.models[run.models["status"] != "done"]
    if len(failed):
        text = f"{len(failed)} of {len(run.models)} exported models are missing; the reasons:"
        section.append(parts.note(text, failed=True))
        rows = [
            [
                parts.cell(model["model_id"]),
                parts.cell(model["status"], kind="text"),
                parts.cell(model["reason"] or "no reason was recorded", kind="text wide"),
            ]
            for _, model in failed.iterrows()
        ]
        section.append(parts.table(["Model", "Status", "Reason"], rows, texts=3))
    return section


def _ranges(values: pd.Series) -> str:
    """Return whole numbers as text: one, or the lowest and highest."""
    if values.empty:
        return "–"
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} – {high:,}"


def _selected_section(run: summaries.RunTables, content: PageContent) -> list[str]:
    if content.selected is None:
        return [parts.paragraph(content.reason)]
    model = run.models[run.models["model_id"] == content.selected].iloc[0]
    described = f"setting {model['setting']}, method {model['method']}, seed {model['seed']}"
    section = [
        f"<p><strong>{escape(content.selected)}</strong> "
        f'<span class="faint">({escape(described)})</span></p>',
        parts.paragraph(content.reason),
    ]
    score = _score(run, content.selected, content.main)
    if score is not None:
        name = metric_names.name(content.main[1])
        interval = page_sections.interval(score)
        text = f"{name} ({content.main[0]}): {parts.number(score['value'])}"
        section.append(parts.paragraph(text + (f", interval {interval}." if interval else ".")))
    return section


def _reproduce_section(run: summaries.RunTables, content: PageContent) -> list[str]:
    section = []
    for kept in content.configurations:
        made = [*kept.models, *(f"the {stage} stage" for stage in kept.stages)]
        if len(content.configurations) > 1:
            section.append(parts.paragraph(f"Of {', '.join(made)}:"))
        if kept.path is not None:
            command = f"python run_pipeline.py --gin <run directory>/{kept.path}"
            section.append(parts.preformatted(command))
        section.append(parts.folded("The configuration", parts.preformatted(kept.text)))
    if not content.configurations:
        section.append(parts.paragraph("The models of this run keep no configuration."))
    if run.scores is not None and not run.scores.empty:
        data = run.scores[["dataset", "data_fingerprint"]].drop_duplicates().itertuples(index=False)
        rows = [[parts.cell(name), parts.cell(digest, kind="text")] for name, digest in data]
        section.append(parts.table(["Data set", "Fingerprint of its content"], rows, texts=2))
        versions = sorted(run.scores["versions"].unique())
        section.append(parts.paragraph("Versions: " + " | ".join(versions)))
    section.append(
        parts.paragraph(
            "Full precision: report/tables/models.csv, settings.csv, selected.csv and "
            "selection_metrics.csv; every score with its protocol and fingerprints: scores.csv, "
            "cross_scores.csv, selection.csv.",
            faint=True,
        )
    )
    return section
