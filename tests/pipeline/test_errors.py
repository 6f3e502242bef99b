"""How a command ends badly: one line on the terminal, the traceback in a file of the run."""

import json

import pytest

from pipeline.cli import main
from pipeline.cli.commands import status
from pipeline.cli.error_log import error_log
from pipeline.execution.pool import TaskPool
from pipeline.progress import ProgressDisplay
from pipeline.runs.directory import RunDirectory

SMALL = ["--gin", "gin/quickstart.gin", "--gin", "gin/parts/budgets/smoke.gin"]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DISENTANGLE_CACHE", str(tmp_path / "cache"))


def test_a_failed_stage_ends_in_one_line_and_its_traceback_is_kept(tmp_path, capsys):
    run = RunDirectory(tmp_path / "run")
    assert main([*SMALL, "--out", str(run.root), "--stages", "train"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: failed: train; ") and "give the same command again" in last
    assert str(run.errors_log) in last
    log = run.errors_log.read_text()
    assert "the train stage failed\nTraceback (most recent call last)" in log
    assert "--stages train" in log and "StageError: The data set " in log


def test_what_nobody_expected_is_one_line_too(tmp_path, capsys, monkeypatch):
    def broken(*_):
        raise KeyError("surprise")

    monkeypatch.setattr(status, "status_of", broken)
    (tmp_path / "run").mkdir()
    for place, kept in (("run", "run"), ("nowhere", "cache")):
        assert main(["status", str(tmp_path / place)]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "unexpected KeyError: 'surprise'" in error
        path = tmp_path / kept / "errors.log"
        assert str(path) in error and "in broken" in path.read_text()


def test_bad_use_leaves_no_log(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.rglob("errors.log"))


def test_a_traceback_that_cannot_be_written_is_printed(tmp_path, monkeypatch):
    def broken(*_):
        raise KeyError("surprise")

    monkeypatch.setattr(status, "status_of", broken)
    monkeypatch.setenv("DISENTANGLE_CACHE", "/dev/null/cache")
    with pytest.raises(KeyError, match="surprise"):
        main(["status", str(tmp_path / "nowhere")])


def fail(number, *, progress):
    raise ValueError(f"{number} is refused")


def test_the_traceback_of_a_worker_is_kept(tmp_path):
    pool = TaskPool(1, threads=1)
    with error_log(["--gin", "a b.gin"]) as log:
        log.belongs_to(tmp_path)
        (found,) = pool.run(fail, [("a task", (7,))], ProgressDisplay("test"), lambda *_: "")
    pool.close()
    assert isinstance(found[1], ValueError)
    text = (tmp_path / "errors.log").read_text()
    assert "run_pipeline.py --gin 'a b.gin'\nthe task a task failed\n" in text
    assert 'raise ValueError(f"{number} is refused")' in text  # the line in the worker


def test_quiet_runs_show_nothing_and_scripts_read_json(tmp_path, capsys):
    arguments = [*SMALL, "--out", str(tmp_path / "run"), "--stages", "data"]
    assert main([*arguments, "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["stages"][0]["name"] == "data" and plan["stages"][0]["state"] == "to do"
    assert main([*arguments, "--quiet"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Done: ") and "images of" in said.err
    assert main([*arguments, "--json", "-q"]) == 0
    end = json.loads(capsys.readouterr().out)
    assert end["errors"] == {"data": ""} and end["failed"] is False and end["page"] is None


def test_there_are_no_bars_but_lines_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr("pipeline.progress.SECONDS_BETWEEN_LINES", -1.0)
    display = ProgressDisplay("train")
    display.update("model", 0, 40)
    display.update("model", 10, 40, loss=0.5)
    display.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("train model: 25%, 10 of 40, ") and lines[-1].endswith("loss 0.5")
    assert not set("".join(lines)) & set("█▏▎▍▌▋▊▉|\r")
