"""What every section and plot of the report is made from, and which model it shows."""

import dataclasses
import json
from functools import cached_property
from typing import Any

import pandas as pd

from pipeline import metric_names
from pipeline.runs.directory import ExportDirectory, RunDirectory
from pipeline.selection import METHODS
from pipeline.stages.report import summaries
from pipeline.stages.report.options import ReportOptions


@dataclasses.dataclass(frozen=True)
class Report:
    """A run as the report sees it.

    Attributes:
        title: Of the page.
        directory: The files of the run.
        tables: Its tables.
        options: What Gin binds.
        main: The (protocol, metric) that models are compared by.
        selected: The model that the report shows, or None.
        reason: A sentence that says why it.
    """

    title: str
    directory: RunDirectory
    tables: summaries.RunTables
    options: ReportOptions
    main: tuple[str, str]
    selected: str | None
    reason: str

    @property
    def finished(self) -> pd.DataFrame:
        """The rows of models.csv of models that finished training, at the end of it."""
        models = self.tables.models
        return models[(models["status"] == "done") & (models["export"] == "final")]

    @cached_property
    def ranked(self) -> list[str]:
        """The finished models, the most interesting first: selected, then by rank, then by id."""
        first = [self.selected] if self.selected is not None else []
        if self.tables.selection is not None:
            ranks = self.tables.selection.sort_values(["rank", "model_id"], kind="stable")
            first += ranks["model_id"].tolist()
        finished = self.finished["model_id"].tolist()
        return [name for name in dict.fromkeys([*first, *finished]) if name in set(finished)]

    @cached_property
    def configs(self) -> dict[str, dict[str, Any]]:
        """What each model of models.csv was trained from, by its id; of snapshots as of models."""
        return {
            model_id: _read_config(self.directory, model_id.partition("@")[0])
            for model_id in self.tables.models["model_id"]
        }

    @cached_property
    def num_informative(self) -> dict[str, int]:
        """How many codes of each model that was selected among tell anything about an image."""
        selection = self.tables.selection
        if selection is None:
            return {}
        counts = selection.dropna(subset=["num_informative"])
        counts = counts.drop_duplicates("model_id").set_index("model_id")["num_informative"]
        return {str(model_id): int(count) for model_id, count in counts.items()}

    def model(self, model_id: str) -> pd.Series:
        """Return the row of models.csv of a model."""
        return self.tables.models[self.tables.models["model_id"] == model_id].iloc[0]

    def export(self, model_id: str) -> ExportDirectory:
        """Return the folder of a model's networks."""
        return ExportDirectory(self.directory.root / self.model(model_id)["directory"])

    def score(self, model_id: str) -> pd.Series | None:
        """Return the row of the scores table for a model's main metric, or None."""
        scores = self.tables.main_scores
        if scores is None:
            return None
        rows = scores[
            (scores["model_id"] == model_id)
            & (scores["protocol"] == self.main[0])
            & (scores["metric"] == self.main[1])
        ]
        return None if rows.empty else rows.iloc[0]


def make_report(directory: RunDirectory, title: str, options: ReportOptions) -> Report:
    """Read a run.

    Raises:
        ValueError: If models.csv is missing, or a table is truncated or corrupt.
    """
    tables = summaries.read_run(directory)
    main = (_protocol(tables, options), options.main_metric)
    selected, reason = choose_model(tables, main)
    return Report(title, directory, tables, options, main, selected, reason)


def _read_config(directory: RunDirectory, model_id: str) -> dict[str, Any]:
    try:
        return json.loads(directory.model(model_id).config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


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

    The choice of the first selection method that needs no labels, in the largest pool; where there
    is none, the only model, or the best by the main metric, or the first. None if no model was
    trained.
    """
    chosen = summaries.selected_table(run_tables)
    pools = summaries.pool_names(run_tables)
    for method in METHODS.values():
        if method.needs_labels:
            continue
        found = chosen[chosen["selection_method"] == method.name].set_index("pool")
        for pool in pools:
            if pool in found.index:
                row = found.loc[pool]
                return row["model_id"], (
                    f"{method.title} chose it among {row['num_models']} models: {method.reason} "
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
    scores = run_tables.main_scores
    if scores is not None:
        scores = scores[
            scores["model_id"].isin(done["model_id"])
            & (scores["metric"] == main[1])
            & (scores["protocol"] == main[0])
        ]
        if len(scores):
            end = metric_names.better_end(main[1]) or "high"
            best = scores.sort_values(["value", "model_id"], ascending=[end == "low", True])
            needs = ", which needs known factors" if metric_names.needs_factors(main[1]) else ""
            return best["model_id"].iloc[0], (
                f"No method selected one; shown is the one of {len(done)} models with "
                f"the {end}est {name}{needs}."
            )
    return done["model_id"].iloc[0], (
        f"Models were neither selected nor scored by {name}; shown is the first of {len(done)}."
    )
