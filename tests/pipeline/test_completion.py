"""Completion in a shell, asked of the shell itself; and what all commands have in common."""

import contextlib
import io
import shutil
import subprocess

import pytest

from pipeline.cli import main
from pipeline.cli.commands import COMMANDS
from pipeline.cli.commands.completion import PROGRAM

ASK = f"""
source "$1"
shift
COMP_WORDS=({PROGRAM} "$@")
COMP_CWORD=$#
_shtab_{PROGRAM}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    script = tmp_path_factory.mktemp("completion") / "bash.sh"
    with contextlib.redirect_stdout(io.StringIO()) as text:
        assert main(["completion", "bash"]) == 0
    script.write_text(text.getvalue())

    def ask(*words):
        command = ["bash", "-c", ASK, "bash", str(script), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    return ask


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["tra"], ["traverse"]),
        (["--dry"], ["--dry-run"]),
        (["select", "--group"], ["--groups", "--group-size"]),
        (["completion", "z"], ["zsh"]),
    ],
)
def test_bash_completes_commands_options_and_choices(complete, words, expected):
    assert complete(*words) == expected


def test_every_command_is_completed_and_has_a_help_that_teaches(complete, capsys):
    assert set(COMMANDS) <= set(complete(""))
    for name, command in COMMANDS.items():
        assert main([name, "--help"]) == 0
        text = capsys.readouterr().out
        assert f"run_pipeline.py {name}" in text and "--quiet" in text, name
        assert command.parser.prog == f"run_pipeline.py {name}"


def test_an_unknown_shell_is_refused(capsys):
    assert main(["completion", "cmd"]) == 2
    assert "bash" in capsys.readouterr().err
