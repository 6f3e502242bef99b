"""docs/experiments.md against the Gin files: a row for each, with the papers of its head."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "experiments.md").read_text(encoding="utf-8")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
GIN_FILES = sorted(path.stem for path in (REPOSITORY / "gin").glob("*.gin"))
ROW = re.compile(r"^\| \[(\w+)\]\(\.\./gin/(\w+)\.gin\) \|(.*)\|$", re.MULTILINE)
ROWS = {name: [cell.strip() for cell in rest.split("|")] for name, _, rest in ROW.findall(PAGE)}


def test_every_gin_file_has_a_row():
    assert [name for name, file, _ in ROW.findall(PAGE) if name != file] == []
    assert sorted(name for name, *_ in ROW.findall(PAGE)) == GIN_FILES


@pytest.mark.parametrize("name", GIN_FILES)
def test_papers_are_those_of_the_head(name):
    head = (REPOSITORY / "gin" / f"{name}.gin").read_text(encoding="utf-8").split("\n\n")[0]
    _, paper, _, measured = ROWS[name]
    named = set(re.findall(r"arXiv (\d{4}\.\d{5})", " ".join(head.replace("#", " ").split())))
    linked = set(re.findall(r"arxiv\.org/abs/(\d{4}\.\d{5})", paper))
    assert linked == named or (not linked and "ours" in paper)
    if named:
        assert linked
    assert measured == "not run" or "](results/" in measured


def test_the_readme_names_every_experiment():
    named = set()
    for cell in re.findall(r"^\| (`[^|]*) \|", README, re.MULTILINE):
        names = re.findall(r"`(\w+)`", cell)
        # `cvae_gan_teapots`, `_mnist`: the second begins like the first
        stem = names[0].rsplit("_", 1)[0]
        named |= {stem + name if name.startswith("_") else name for name in names}
    assert set(GIN_FILES) <= named, set(GIN_FILES) - named
