"""The pieces that the report page is made of: text, tables and pictures as HTML.

The page is one file that works offline: styles are inline, pictures are embedded. It follows the
reader's choice of light or dark and fits a phone: wide tables scroll inside their frame.
"""

import base64
import dataclasses
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

CSS = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #ffffff; --ink: #1d2126;
  --faint: #626b78; --line: #dfe3e9; --accent: #0072b2; --best: #e3f0f8; --warn: #fff4df;
  --warn-line: #e69f00; --fail: #fdebe3; --fail-line: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1c2026; --ink: #e6e9ee;
  --faint: #98a1ae; --line: #31373f; --accent: #62b5e8; --best: #17384d; --warn: #33291a;
  --fail: #3a231a; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 44px 0 10px; padding-top: 14px;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 22px 0 8px; }
p { margin: 8px 0; max-width: 76ch; }
.faint { color: var(--faint); }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 12px 0 0; font-size: .92rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); gap: 12px;
  margin: 22px 0 0; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 11px 14px; }
.facts dt { color: var(--faint); font-size: .8rem; }
.facts dd { margin: 2px 0 0; font-size: 1.16rem; font-weight: 600; overflow-wrap: anywhere;
  line-height: 1.3; }
.note { background: var(--warn); border-left: 4px solid var(--warn-line); border-radius: 6px;
  padding: 9px 14px; margin: 12px 0; overflow-wrap: anywhere; }
.note.failed { background: var(--fail); border-color: var(--fail-line); }
.scroll { overflow: auto; max-height: 560px; background: var(--card); margin: 12px 0;
  border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .87rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: 7px 10px; text-align: right; white-space: nowrap; vertical-align: top;
  border-bottom: 1px solid var(--line); }
tr:last-child > * { border-bottom: 0; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--card); font-weight: 600;
  vertical-align: bottom; white-space: normal; min-width: 68px; line-height: 1.3; }
th:first-child, td:first-child { position: sticky; left: 0; background: var(--card);
  text-align: left; }
thead th:first-child { z-index: 2; }
td.text, th.text { text-align: left; }
td.wide { white-space: pre-wrap; min-width: 260px; overflow-wrap: anywhere; }
td.best { background: var(--best); font-weight: 600; }
td small { display: block; color: var(--faint); font-size: .76rem; font-weight: 400;
  line-height: 1.25; }
figure { margin: 18px 0; padding: 12px; background: #fff; border: 1px solid var(--line);
  border-radius: 10px; overflow-x: auto; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figure.pixels img { image-rendering: pixelated; }
figcaption { color: #59616d; font-size: .86rem; margin: 10px 2px 0; line-height: 1.45; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 16px; }
.beside figure { margin: 0; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 12px 0;
  padding: 12px 14px; overflow: auto; max-height: 460px; font-size: .84rem; line-height: 1.45; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
summary { cursor: pointer; color: var(--accent); margin: 12px 0; }
@media (max-width: 640px) { main { padding: 18px 12px 48px; } h1 { font-size: 1.5rem; }
  th, td { padding: 6px 9px; } th:first-child, td:first-child { max-width: 42vw;
  min-width: 112px; white-space: normal; overflow-wrap: anywhere; } figure { padding: 8px; }
  figure.plot img { width: 680px; max-width: none; } }
@media print { .scroll { max-height: none; overflow: visible; } }
"""


@dataclasses.dataclass(frozen=True)
class FigureFile:
    """A picture of the report: its file, the section it belongs to, and what it shows."""

    path: Path
    section: str
    caption: str


def page(title: str, body: Sequence[str]) -> str:
    """Return a whole HTML document."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{CSS}</style>",
            "</head>",
            "<body>",
            "<main>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def heading(key: str, text: str) -> str:
    """Return the heading of a section that `#key` leads to."""
    return f'<h2 id="{escape(key)}">{escape(text)}</h2>'


def paragraph(text: str, *, faint: bool = False) -> str:
    """Return a paragraph of plain text."""
    return f'<p class="faint">{escape(text)}</p>' if faint else f"<p>{escape(text)}</p>"


def note(text: str, *, failed: bool = False) -> str:
    """Return a sentence that the reader must not overlook."""
    return f'<div class="note{" failed" if failed else ""}">{escape(text)}</div>'


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Return short facts as tiles: (what, value)."""
    tiles = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs)
    return f'<dl class="facts">{tiles}</dl>'


def preformatted(text: str) -> str:
    """Return text with its line breaks and spaces, such as a command or a file."""
    return f"<pre>{escape(text)}</pre>"


def folded(summary: str, content: str) -> str:
    """Return content that opens on demand."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def cell(text: str, *, small: str = "", kind: str = "") -> str:
    """Return a table cell: its text, a smaller second line, and a class of the style sheet."""
    second = f"<small>{escape(small)}</small>" if small else ""
    attribute = f' class="{kind}"' if kind else ""
    return f"<td{attribute}>{escape(text)}{second}</td>"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """Return a table that scrolls inside its frame.

    Args:
        headers: The names of the columns.
        rows: The cells of each row, from `cell`.
        texts: How many leading columns hold text and not numbers.
    """
    head = "".join(
        f'<th class="text">{escape(name)}</th>' if i < texts else f"<th>{escape(name)}</th>"
        for i, name in enumerate(headers)
    )
    body = "".join(f"<tr>{''.join(row)}</tr>\n" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>"
    )


def figure(path: Path, caption: str, *, pixels: bool = False) -> str:
    """Return a PNG or GIF file embedded in the page.

    Args:
        path: The file.
        caption: What it shows; also its alternative text.
        pixels: Whether it consists of enlarged pixels, which must stay sharp.
    """
    content = path.read_bytes()
    with Image.open(path) as picture:
        width, height = picture.size
    if not pixels:  # plots are drawn at twice the pixels that a page needs
        width, height = (int(np.ceil(side * 0.75)) for side in (width, height))
    data = base64.b64encode(content).decode("ascii")
    return (
        f'<figure class="{"pixels" if pixels else "plot"}"><img alt="{escape(caption)}" '
        f'width="{width}" height="{height}" '
        f'src="data:image/{path.suffix[1:]};base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def number(value: float, digits: int = 3) -> str:
    """Return a number rounded for a reader; a dash where there is none."""
    if value is None or value != value:
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")
