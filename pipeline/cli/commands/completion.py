"""`run_pipeline.py completion`: what a shell needs to complete commands, options and files."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import shtab

from pipeline.cli.commands import COMMANDS, EXIT_DONE
from pipeline.cli.parser import build_parser as build_main_parser
from pipeline.cli.parser import command_parser

PROGRAM = "disentangle"  # as setup.cfg installs it; a shell completes by the name of the program
DESCRIPTION = f"""\
Print the completion of commands, options and files for a shell, for the installed command
`{PROGRAM}` (which does what `python run_pipeline.py` does).
"""
EXAMPLES = f"""\
examples:
  eval "$({PROGRAM} completion bash)"
      in this shell; in ~/.bashrc: in every shell
  {PROGRAM} completion bash > ~/.local/share/bash-completion/completions/{PROGRAM}
      for good, read when it is first needed
  {PROGRAM} completion zsh > ~/.zfunc/_{PROGRAM}
      with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
"""
FILES, FOLDERS = ("FILE", "FILE.html", "FILE.png", "PATH", "IMAGE"), ("DIR", "RUN", "MODEL_FOLDER")


def main(arguments: Sequence[str]) -> int:
    """Print the completion and return the exit code."""
    options = build_parser().parse_args(arguments)
    print(shtab.complete(whole_parser(), options.shell))
    return EXIT_DONE


def whole_parser() -> argparse.ArgumentParser:
    """Return the parser of the main command with those of all others below it."""
    whole = build_main_parser()
    whole.prog = PROGRAM
    commands = whole.add_subparsers()
    for name, command in COMMANDS.items():
        parser = command.parser
        _say_what_are_files(parser)
        commands.add_parser(
            name, parents=[parser], conflict_handler="resolve", help=command.summary
        )
    _say_what_are_files(whole)
    return whole


def _say_what_are_files(parser: argparse.ArgumentParser) -> None:
    """Have files and folders completed where an argument takes them."""
    for action in parser._actions:
        if action.metavar in FOLDERS:
            kind = shtab.DIRECTORY
        elif action.metavar in FILES or action.type is Path:
            kind = shtab.FILE
        else:
            continue
        action.complete = kind  # type: ignore[attr-defined]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("completion", DESCRIPTION, EXAMPLES)
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="the shell")
    return parser
