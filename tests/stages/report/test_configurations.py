"""What the report says of how its content was made, on the level of data."""

import pandas as pd
import pytest

from pipeline.runs import tables
from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import write_manifest
from pipeline.stages.report import summaries
from pipeline.stages.report.configurations import kept_configurations
from pipeline.stages.report.gaps import selection_gaps


def frame(rows, columns):
    return pd.DataFrame(rows, columns=list(columns))


def write_models(root, ids, *, kept=None):
    for name in ids:
        folder = root / "models" / name
        folder.mkdir(parents=True)
        if kept is not None:
            (folder / "configuration.gin").write_text(kept)
    return pd.DataFrame({"model_id": ids, "export": "final", "status": "done"})


def run_of(models, *, scores=None, selection=None):
    return summaries.RunTables(models, scores, None, selection, None)


def test_the_models_text_counts_and_not_the_last_commands(tmp_path):
    models = write_models(tmp_path, ["a", "b"], kept="LAMBDA = 1\n")
    (tmp_path / "configuration.gin").write_text("LAMBDA = 77\n")
    (found,) = kept_configurations(RunDirectory(tmp_path), run_of(models))
    assert (found.text, found.models, found.stages) == ("LAMBDA = 1\n", ("a", "b"), ())
    assert (tmp_path / found.path).read_text() == found.text
    (tmp_path / "configuration.gin").write_text("LAMBDA = 1\n")
    (found,) = kept_configurations(RunDirectory(tmp_path), run_of(models))
    assert str(found.path) == "configuration.gin"


def test_models_and_stages_of_different_commands_are_told_apart(tmp_path):
    models = pd.concat(
        [
            write_models(tmp_path, ["a", "b"], kept="LAMBDA = 1\n"),
            write_models(tmp_path, ["c"], kept="LAMBDA = 2\n"),
            write_models(tmp_path, ["of an earlier version"]),
        ]
    )
    directory = RunDirectory(tmp_path)
    for stage, text in (("metrics", "LAMBDA = 2\n"), ("select", "GROUPS = 3\n")):
        write_manifest(directory.manifest(stage), "f", [], {"configuration": text})
    table = pd.DataFrame({"model_id": ["a"]})
    found = kept_configurations(directory, run_of(models, scores=table, selection=table))
    assert [(one.text, one.models, one.stages) for one in found] == [
        ("LAMBDA = 1\n", ("a", "b"), ()),
        ("LAMBDA = 2\n", ("c",), ("metrics",)),
        ("GROUPS = 3\n", (), ("select",)),
    ]
    assert found[2].path is None
    # Of what is not shown, nothing is said.
    found = kept_configurations(directory, run_of(models[models.model_id != "c"]))
    assert [one.text for one in found] == ["LAMBDA = 1\n"]


@pytest.fixture
def rerun(tmp_path):
    """A run whose train stage was done again with another sweep: the model a is gone."""
    directory = RunDirectory(tmp_path)
    models = [
        {name: "" for name in ("directory", "reason", "model_fingerprint")}
        | {"model_id": name, "setting": "s", "method": "m", "seed": 0, "iteration": 1}
        | {"export": "final", "status": "done", "train_seconds": 1.0, "parameters": 1}
        for name in ("b", "c")
    ]
    tables.write_table(
        directory.models_csv, frame(models, tables.MODEL_COLUMNS), tables.MODEL_COLUMNS
    )
    rows = [
        {"pool": pool, "model_id": name, "setting": "s", "method": "m", "seed": 0, "versions": "v"}
        | {"selection_method": "model_centrality", "score": 0.5, "rank": rank, "confidence": None}
        | {"selected": rank == 1, "num_compared": 1}
        for pool, names in (("all", ("a", "b", "c")), ("own", ("b", "c")))
        for rank, name in enumerate(names, start=1)
    ]
    tables.write_table(
        directory.selection_csv, frame(rows, tables.SELECTION_COLUMNS), tables.SELECTION_COLUMNS
    )
    summary = [
        dict.fromkeys(tables.SELECTION_SUMMARY_COLUMNS)
        | {"pool": pool, "selection_method": "model_centrality", "model_id": name}
        | {"selected_score": 0.5, "num_models": 2}
        for pool, name in (("all", "a"), ("own", "b"))
    ]
    tables.write_table(
        directory.selection_summary_csv,
        frame(summary, tables.SELECTION_SUMMARY_COLUMNS),
        tables.SELECTION_SUMMARY_COLUMNS,
    )
    cross = [
        {"encoder_id": one, "generator_id": other, "score": 0.5, "num_groups": 1, "group_size": 1}
        | {"num_fixed_codes": 1, "seed": 0, "encoder_fingerprint": "e"}
        | {"generator_fingerprint": "g", "versions": "v"}
        for one in "abc"
        for other in "abc"
    ]
    tables.write_table(
        directory.cross_scores_csv,
        frame(cross, tables.CROSS_SCORE_COLUMNS),
        tables.CROSS_SCORE_COLUMNS,
    )
    return directory


def test_a_ranking_of_models_that_are_gone_is_left_out_whole(rerun):
    run = summaries.read_run(rerun)
    assert run.stale_pools == ("all",)
    assert set(run.selection.pool) == {"own"} == set(run.selection_summary.pool)
    assert summaries.pool_names(run) == ["own"]
    assert set(run.cross_scores.encoder_id) == {"b", "c"} == set(run.cross_scores.generator_id)
    assert set(summaries.selected_table(run).model_id) == {"b"}
    (note,) = [text for section, text in selection_gaps(run) if section == "selection"]
    assert "Left out: all" in note and "Run the select stage again" in note


def test_where_no_ranking_is_left_there_is_none(rerun):
    text = rerun.models_csv.read_text().replace("b,", "x,").replace("c,", "y,")
    rerun.models_csv.write_text(text)
    run = summaries.read_run(rerun)
    assert run.selection is None and run.selection_summary is None and run.cross_scores is None
    assert run.stale_pools == ("all", "own")
