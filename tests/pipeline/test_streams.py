"""Runs that were started with less than a terminal gives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.cli.parser import default_cache
from pipeline.errors import ConfigurationError

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = ["--gin", "gin/quickstart.gin", "--gin", "gin/parts/budgets/smoke.gin"]


def shell(redirection, *arguments, **environment):
    command = f'exec {sys.executable} run_pipeline.py "$@" {redirection}'
    return subprocess.run(
        ["bash", "-c", command, "bash", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=240,
    )


@pytest.mark.parametrize(
    "redirection", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"], ids=str
)
def test_a_run_whose_streams_are_closed_does_its_work(redirection, tmp_path, cache):
    places = ["--out", str(tmp_path / "run"), "--cache", str(cache)]
    done = shell(redirection, *SMALL, *places, "--stages", "data")
    assert (done.returncode, done.stderr) == (0, b"")
    for file in (tmp_path / "run").rglob("*"):  # nothing was written into a file that was open
        assert file.is_dir() or b"fingerprint" not in file.read_bytes() or file.suffix == ".json"
    assert (tmp_path / "run" / "configuration.gin").exists()
    refused = shell(redirection, "--gin", "nowhere.gin")
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, b"", b"")


def test_workers_start_without_standard_error(tmp_path, cache):
    places = ["--out", str(tmp_path / "run"), "--cache", str(cache)]
    few = ["--set", "NUM_SEEDS = 1", "--set", "sweep.settings = {}", "--stages", "data,train"]
    assert shell("2>&-", *SMALL, *places, *few).returncode == 0
    assert len(list(tmp_path.glob("run/models/*/manifest.json"))) == 1


def test_a_terminal_that_has_no_letter_of_a_path(tmp_path):
    folder = tmp_path / "caf\u00e9"
    places = ["--out", str(folder), "--cache", str(folder)]
    done = shell("", *SMALL, *places, "--dry-run", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and b"caf\\xe9" in done.stdout
    refused = shell("", "--gin", f"{folder}.gin", PYTHONIOENCODING="ascii")
    assert refused.returncode == 2 and b"caf\\xe9.gin" in refused.stderr
    assert b"Traceback" not in done.stderr + refused.stderr


def test_a_locale_that_has_no_letter_of_a_path(tmp_path, cache):
    """Python then hands over bytes as they are; the shell's own settings are put aside."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    places = ["--out", str(tmp_path / "caf\u00e9"), "--cache", str(cache)]
    done = shell("", *SMALL, *places, "--stages", "data", **plain)
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "caf\u00e9" / "configuration.gin").exists()


def test_a_user_without_a_home_is_told_what_to_do(monkeypatch, tmp_path, capsys):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("DISENTANGLE_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ConfigurationError, match="--cache DIR"):
        default_cache()
    assert main([*SMALL, "--out", str(tmp_path), "--dry-run"]) == 2
    assert "HOME is not set" in capsys.readouterr().err
    arguments = ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache"), "--dry-run"]
    assert main([*SMALL, *arguments]) == 0
    monkeypatch.setenv("DISENTANGLE_CACHE", str(tmp_path))
    assert default_cache() == tmp_path
