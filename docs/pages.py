"""What MkDocs shows beside the pages of this folder.

The files that people expect at the root of a repository (README, CONTRIBUTING, CHANGELOG) are
pages of the site where they lie, and so are the cards of trained/; CITATION.cff becomes one; every
room of the code has one, made from its docstrings, and the Gin files of the experiments are shown
on one. Links between them and docs/ are those of the repository, and become links of the site.
"""

import ast
import os
import re
from pathlib import Path
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("metrics", "models", "pipeline")
AT_THE_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "CITATION.cff": "citing.md",
}
GIN_FILES = "gin_files.md"
CARDS = "trained"  # the folder of the models that come along, shown where it lies
SHOWN_OF_MODELS = (".md", ".png", ".csv", ".json", ".gin")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")  # ](path#anchor), not of the web


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages of the code in the navigation."""
    (reference,) = [part for part in config.nav if "Code" in part]
    reference["Code"] += [{_dotted(room): f"api/{_dotted(room)}.md"} for room in _packages()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that do not lie in this folder."""
    texts = {AT_THE_ROOT[name]: (ROOT / name).read_text(encoding="utf-8") for name in AT_THE_ROOT}
    texts["citing.md"] = _citing(yaml.safe_load(texts["citing.md"]))
    texts[GIN_FILES] = _gin_files()
    texts |= {f"api/{_dotted(room)}.md": _room(room) for room in _packages()}
    for uri, text in texts.items():
        files.append(File.generated(config, uri, content=text))
    for path in sorted((ROOT / CARDS).rglob("*.*")):
        if path.suffix in SHOWN_OF_MODELS:
            uri = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page whose links to files of the repository lead to their pages."""
    uri = page.file.src_uri
    source = {shown: name for name, shown in AT_THE_ROOT.items()}.get(uri, f"docs/{uri}")
    if uri.startswith(f"{CARDS}/"):
        source = uri

    def on_the_site(link: re.Match[str]) -> str:
        path, anchor = link[1], link[2] or ""
        target = os.path.normpath(os.path.join(os.path.dirname(source), path))
        if target in AT_THE_ROOT:
            shown = AT_THE_ROOT[target]
        elif target.startswith("docs/"):
            shown = target.removeprefix("docs/")
        elif target.startswith(f"{CARDS}/"):
            shown = target
        elif target.startswith("gin/") and target.count("/") == 1:
            shown, anchor = GIN_FILES, f"#{Path(target).stem}"
        else:
            return link[0]
        return f"]({os.path.relpath(shown, os.path.dirname(uri) or '.')}{anchor})"

    return LINK.sub(on_the_site, markdown)


def _packages() -> list[Path]:
    """Return the folders of the code that hold modules, in the order of their names."""
    found = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    return sorted(found, key=_dotted)


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _room(folder: Path) -> str:
    """Return the page of a package: its own docstring, then each of its modules."""
    face = folder / "__init__.py"
    about = ast.get_docstring(ast.parse(face.read_text(encoding="utf-8"))) or ""
    modules = [path for path in sorted(folder.glob("*.py")) if path != face]
    parts = [f"# {_dotted(folder)}", about, *(f"::: {_dotted(module)}" for module in modules)]
    return "\n\n".join(parts) + "\n"


def _gin_files() -> str:
    parts = ["# Gin files", "Each experiment as it runs, with its head: paper, data and cost."]
    for path in sorted((ROOT / "gin").glob("*.gin")):
        parts.append(f"## {path.stem}\n\n```text\n{path.read_text(encoding='utf-8')}```")
    return "\n\n".join(parts) + "\n"


def _citing(citation: dict[str, Any]) -> str:
    """Return CITATION.cff as a page: the software, then the papers that it builds on."""
    parts = ["# How to cite", citation["message"], "## The software"]
    entry = {"title": citation["title"], "version": citation["version"], "year": ""}
    entry["author"] = " and ".join(f"{{{one['name']}}}" for one in citation["authors"])
    parts += [_bibtex("software", "disentanglement_pipeline", entry), "## The papers"]
    for paper in citation["references"]:
        names = [one["family-names"] for one in paper["authors"]]
        authors = [f"{one['family-names']}, {one['given-names']}" for one in paper["authors"]]
        entry = {"title": paper["title"], "year": paper["year"], "url": paper["url"]}
        entry["author"] = " and ".join(authors)
        parts.append(f"### [{paper['title']}]({paper['url']})\n\n{paper['notes']}")
        parts.append(_bibtex("article", f"{names[0].lower()}{paper['year']}", entry))
    return "\n\n".join(parts) + "\n"


def _bibtex(kind: str, key: str, entry: dict[str, Any]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in entry.items() if value]
    return "\n".join([f"```bibtex\n@{kind}{{{key.replace(' ', '')},", *lines, "}\n```"])
