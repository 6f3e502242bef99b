"""Every command of the pages: an experiment as its dry run, the others as far as their arguments.

`explain` is run as it stands; what the other commands do with a run has tests of its own. What only
installs, or starts a tool, is checked by its name.
"""

import argparse
import configparser
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.methods import methods
from pipeline.cli import main
from pipeline.cli.commands import COMMANDS

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`((?:python|pip|mkdocs|ray) [^`]+)`(?!`)")
OWN_FILE = re.compile(r"^```gin\n(# mine\.gin\n.*?)^```$", re.MULTILINE | re.DOTALL)
# What installs, or starts a tool of its own.
TOOLS = {"apt-get", "cd", "eval", "git", "mkdocs", "mlflow", "pre-commit", "ray", "source"}
TOOLS |= {"tensorboard"}


def commands():
    """Yield (page, words) of every command that a page shows, once each."""
    found = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
        lines += [" ".join(inline.split()) for inline in INLINE.findall(text)]
        for command in (part for line in lines for part in line.split("&&")):
            words = tuple(shlex.split(command, comments=True))
            if words:
                found.setdefault(words, page.name)
    return [(page, words) for words, page in found.items()]


COMMANDS_SHOWN = commands()
EXPERIMENTS = [words for _, words in COMMANDS_SHOWN if words[1:3] == ("run_pipeline.py", "--gin")]
PLACE = re.compile(r"(?<!\w)/(?:data|path)/[\w/-]+")  # of a user's images


class AcceptedError(BaseException):
    """The arguments are those that the command takes; no command catches it as an error."""


@pytest.fixture
def stops_when_parsed(monkeypatch):
    """Commands end with `AcceptedError` when they know what they are asked for."""
    parse = argparse.ArgumentParser.parse_args

    def parse_args(self, *arguments, **options):
        parse(self, *arguments, **options)
        raise AcceptedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)


@pytest.fixture(scope="module")
def user_files(tmp_path_factory):
    """What the pages take from a user: a folder of images in classes, and a Gin file."""
    folder = tmp_path_factory.mktemp("user")
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for label in range(10):
            path = folder / "images" / part / str(label)
            path.mkdir(parents=True)
            for number in range(2):
                pixels = rng.integers(0, 256, (28, 28), np.uint8)
                Image.fromarray(pixels).save(path / f"{number}.png")
    (own,) = OWN_FILE.findall((REPOSITORY / "docs" / "own_images.md").read_text(encoding="utf-8"))
    (folder / "mine.gin").write_text(own.replace("/path/to/images", str(folder / "images")))
    return folder


def is_tool(words):
    program = Path(words[0]).name
    if program in TOOLS or words[1:3] in (("-m", "venv"), ("-m", "pytest")):
        return True
    if program != "pip":
        return False
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    asked = [name for word in words for name in re.findall(r"^\.\[(.*)\]$", word)]
    asked = {name for names in asked for name in names.split(",")}
    return asked <= set(setup["options.extras_require"])


@pytest.mark.parametrize("words", EXPERIMENTS, ids=" ".join)
def test_an_experiment_passes_its_dry_run(words, user_files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    given = [PLACE.sub(str(user_files / "images"), word) for word in words[2:]]
    given = [str(user_files / word) if word == "mine.gin" else word for word in given]
    if "--executor" in given:  # tests/execution/test_ray_pool.py has the cluster
        place = given.index("--executor")
        assert given[place : place + 2] == ["--executor", "ray"]
        del given[place : place + 2]
    places = ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "run")]
    assert main([*given, "--dry-run", *places]) == 0, capsys.readouterr().err
    assert "train" in capsys.readouterr().out or "--stages" in given


@pytest.mark.parametrize(
    "words", [words for _, words in COMMANDS_SHOWN if words not in EXPERIMENTS], ids=" ".join
)
def test_a_command_takes_its_arguments(words, stops_when_parsed, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    if is_tool(words):
        return
    assert Path(words[0]).name == "python", words
    if words[1] == "run_pipeline.py":
        assert words[2] in COMMANDS
        with pytest.raises(AcceptedError):
            main(words[2:])
        return
    assert words[1] == "-m" and words[2].split(".")[0] in ("benchmarks", "metrics")
    if ">" in words:  # tests/metrics/test_catalogue.py compares what it writes
        return
    monkeypatch.setattr(sys, "argv", [words[2], *words[3:]])
    monkeypatch.delitem(sys.modules, words[2], raising=False)  # it runs as __main__ here
    with pytest.raises(AcceptedError):
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)


@pytest.mark.parametrize(
    "words", [words for _, words in COMMANDS_SHOWN if "explain" in words], ids=" ".join
)
def test_what_is_explained_is_known(words, capsys):
    assert main(words[2:]) == 0 and capsys.readouterr().out


def test_every_method_can_be_chosen():
    """The page names each method's Gin part, and no other."""
    text = (REPOSITORY / "docs" / "choosing_method.md").read_text(encoding="utf-8")
    table = text.split("## One at a time")[1].split("\n## ")[0]
    parts = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\|[^|]*\|([^|]*)\|", table, re.M))))
    folder = REPOSITORY / "gin" / "parts" / "methods"
    assert all((folder / f"{part}.gin").exists() for part in parts)
    written = "\n".join((folder / f"{part}.gin").read_text(encoding="utf-8") for part in parts)
    chosen = set(re.findall(r"^(\w+)\.", written, re.M))
    assert set(methods()) <= chosen, set(methods()) - chosen
