"""The commands beside the main one, and the exit codes of all.

A new command is a module of this package with `main(arguments) -> int` and `build_parser()`, and
one line here.
"""

import argparse
import dataclasses
import importlib
from collections.abc import Callable, Sequence

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of its own, imported when it is called.

    Attributes:
        module: Of this package.
        summary: What the help of the main command says of it.
    """

    module: str
    summary: str

    @property
    def main(self) -> Callable[[Sequence[str]], int]:
        """The function that takes the arguments after the command's name; it returns the code."""
        return importlib.import_module(f"pipeline.cli.commands.{self.module}").main

    @property
    def parser(self) -> argparse.ArgumentParser:
        """Its parser."""
        return importlib.import_module(f"pipeline.cli.commands.{self.module}").build_parser()


COMMANDS = {
    "card": Command("card", "write a trained model as a folder to give away, with a card"),
    "completion": Command("completion", "print the completion of commands for your shell"),
    "compare": Command("compare", "write scores and selections of several runs: a table, a page"),
    "encode": Command("encode", "give the codes of your own images under a trained model"),
    "explain": Command("explain", "say what a metric or a selection method is, and its pitfalls"),
    "explore": Command("explore", "touch a trained model on a local web page"),
    "data": Command("data", "look at the images of an experiment: samples, and each factor moved"),
    "sample": Command("sample", "draw random images with a trained model"),
    "select": Command("select", "choose the best of anyone's exported models, without labels"),
    "score": Command("score", "compute the metrics on codes that any framework produced"),
    "status": Command("status", "say what a run holds, what is left to do and why, what failed"),
    "swap": Command("swap", "show the identity of one image with the rest of another"),
    "traverse": Command("traverse", "move each code of a trained model: picture or animation"),
}


def describe_commands() -> str:
    """Return one line for each command, for the help of the main one."""
    width = max(len(name) for name in COMMANDS)
    return "\n".join(f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items())
