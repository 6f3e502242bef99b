"""`run_pipeline.py explain`: what a metric or a selection method is, from its own record."""

import argparse
import difflib
import inspect
import json
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import metrics
from metrics.shared.documentation import BETTER
from metrics.shared.record import NEEDS, Result, result_range
from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.parser import add_json_argument, command_parser
from pipeline.errors import ConfigurationError
from pipeline.selection import METHODS
from pipeline.selection.method import NEEDS as SELECTION_NEEDS
from pipeline.selection.method import SelectionMethod

DESCRIPTION = """\
Explain a metric, a column `metric` of scores.csv, or a selection method: what it measures, its
range and better end, what it needs, the protocols and options that it has, its source, and what to
look out for. Without a name, all names with their titles.
"""
EXAMPLES = """\
examples:
  python run_pipeline.py explain
      every name that can be explained
  python run_pipeline.py explain mig
      one metric
  python run_pipeline.py explain dci_lasso_completeness
      a value of the column `metric` in scores.csv: the metric that it is a result of
  python run_pipeline.py explain model_centrality --json
      a selection method, for a script
"""
WIDTH = 100


def main(arguments: Sequence[str]) -> int:
    """Print what is known under a name and return the exit code."""
    options = build_parser().parse_args(arguments)
    if options.name is None:
        print(_as_json(_titles()) if options.json else _listed(_titles()))
        return EXIT_DONE
    facts = explain(options.name)
    print(_as_json(facts) if options.json else _as_text(facts))
    return EXIT_DONE


def explain(name: str) -> dict[str, Any]:
    """Return what is known of a metric, a variant of it, a result of it or a selection method.

    Args:
        name: Of a metric's function, of a variant, of a result key or of a selection method.

    Returns:
        JSON-able facts, "name" and "kind" first.

    Raises:
        ConfigurationError: Nothing has that name; the nearest names are said.
    """
    if name in METHODS:
        return _of_selection(METHODS[name])
    records = {record.name: record for record in metrics.CATALOGUE}
    measures = metrics.CATALOGUE.measures()
    found = measures.get(name) or metrics.CATALOGUE.measure_of(name)
    if name in records:
        record = records[name]
        every = [metrics.Measure(record, variant) for variant in record.variants]
        return _of_metric(name, record.title, every)
    if found is not None:
        return _of_metric(name, found.title, [found])
    known = sorted({*METHODS, *records, *measures, *metrics.CATALOGUE.keys})
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(repr(one) for one in near)}? " if near else ""
    raise ConfigurationError(
        f"There is no metric or selection method {name!r}. {hint}Expected one of the names that "
        f"`run_pipeline.py explain` lists. Received: {name!r}"
    )


def _of_metric(name: str, title: str, measures: Sequence[metrics.Measure]) -> dict[str, Any]:
    """Return what is known of a metric, called in one or several ways."""
    metric = measures[0].metric
    results = {one.key: one for measure in measures for one in measure.results}
    return {
        "name": name,
        "kind": "metric",
        "title": title,
        "measures": metric.summary,
        "room": metric.room,
        "function": f"metrics.{metric.name}",
        "results": [_of_result(one) for one in results.values()],
        "needs": [told for need, told in NEEDS.items() if need in metric.needs],
        "arrays": list(metric.arrays),
        "called_as": [
            {
                "name": one.name,
                "protocols": list(one.variant.protocols),
                "options": dict(one.variant.options),
                "takes_minutes": one.variant.is_slow,
                "made_by_metric_stage_only": one.variant.is_made_by_stage,
            }
            for one in measures
        ],
        "options": _options(metric.function),
        "interval": metric.bootstrap,
        "source": metric.source,
        "pitfalls": metric.pitfalls,
    }


def _of_result(result: Result) -> dict[str, Any]:
    return {
        "key": result.key,
        "title": result.title,
        "better": BETTER[result.direction],
        "range": result_range(result),
        "low": None if math.isinf(result.low) else result.low,
        "high": None if math.isinf(result.high) else result.high,
    }


def _of_selection(method: SelectionMethod) -> dict[str, Any]:
    return {
        "name": method.name,
        "kind": "selection method",
        "title": method.title,
        "measures": f"which model to choose: {method.reason}.",
        "needs": [told for need, told in SELECTION_NEEDS.items() if need in method.needs],
        "without_labels": not method.needs_labels,
        "by_default": method.by_default,
        "has_confidence": method.confidence is not None,
        "options": _options(method.options),
        "source": method.source,
    }


def _options(callee: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return the arguments of a function or a class with a default: name, default and meaning."""
    meanings = _argument_meanings(inspect.getdoc(callee) or "")
    return [
        {"name": one.name, "default": one.default, "meaning": meanings.get(one.name, "")}
        for one in inspect.signature(callee).parameters.values()
        if one.default is not inspect.Parameter.empty
    ]


def _argument_meanings(docstring: str) -> dict[str, str]:
    """Return name -> text of the section `Args:` or `Attributes:` of a Google docstring."""
    section = re.search(
        r"^(?:Args|Attributes):\n((?:[ ]{4}.*\n?|\n)+)", docstring, flags=re.MULTILINE
    )
    if section is None:
        return {}
    entries = re.split(r"^ {4}(?=\S)", section[1], flags=re.MULTILINE)[1:]
    pairs = (entry.partition(":") for entry in entries)
    return {
        name.strip(): " ".join(text.split())
        for names, _, text in pairs
        for name in names.split(",")
    }


def _titles() -> dict[str, dict[str, str]]:
    """Return the names to call metrics and selection methods by, with their titles."""
    called = {name: measure.title for name, measure in metrics.CATALOGUE.measures().items()}
    return {
        "metrics": called,
        "selection methods": {name: method.title for name, method in METHODS.items()},
    }


def _listed(titles: Mapping[str, Mapping[str, str]]) -> str:
    width = max(len(name) for names in titles.values() for name in names)
    lines = []
    for kind, names in titles.items():
        lines += [f"{kind}:", *(f"  {name:{width}}  {title}" for name, title in names.items())]
    return "\n".join([*lines, "", "More of one: python run_pipeline.py explain NAME"])


def _as_text(facts: Mapping[str, Any]) -> str:
    lines = [f"{facts['title']} ({facts['name']}): {facts['kind']}", ""]
    lines += [*_wrapped(f"{facts['measures'][:1].upper()}{facts['measures'][1:]}"), ""]
    if "results" in facts:
        rows = facts["results"]
        width = max(len(row["key"]) for row in rows)
        lines.append("results")
        lines += [
            f"  {row['key']:{width}}  {row['range']}, better: {row['better']}; {row['title']}"
            for row in rows
        ]
        lines += ["", "called as"]
        lines += [f"  {_called(one)}" for one in facts["called_as"]]
        lines.append("")
    if facts["options"]:
        lines.append("options")
        for one in facts["options"]:
            meaning = f": {one['meaning']}" if one["meaning"] else ""
            lines += _wrapped(f"{one['name']} = {one['default']!r}{meaning}", "  ", "      ")
        lines.append("")
    lines += _wrapped(f"needs: {'; '.join(facts['needs'])}", later="  ")
    if "without_labels" in facts:
        lines.append(f"labels: {'not needed' if facts['without_labels'] else 'needed'}")
        used = "by default" if facts["by_default"] else "where selection.methods names it"
        lines.append(f"used: {used}")
        lines.append(f"says how sure it is: {'yes' if facts['has_confidence'] else 'no'}")
    for name in ("interval", "source", "pitfalls"):
        if name in facts:
            lines += _wrapped(f"{name}: {facts[name]}", later="  ")
    return "\n".join(lines)


def _called(one: Mapping[str, Any]) -> str:
    options = ", ".join(f"{name}={value!r}" for name, value in one["options"].items())
    parts = [one["name"]]
    parts += [f"({options})"] if options else []
    where = ", ".join(one["protocols"])
    parts.append(f"in the protocols {where}" if where else "by `score` only")
    parts += ["(takes minutes)"] * one["takes_minutes"]
    parts += ["(made by the metric stage only)"] * one["made_by_metric_stage_only"]
    return " ".join(parts)


def _wrapped(text: str, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=later or first)


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=1, default=str)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("explain", DESCRIPTION, EXAMPLES)
    parser.add_argument(
        "name",
        nargs="?",
        metavar="METRIC",
        help="a metric, a variant of one, a value of the column `metric` of scores.csv, or a "
        "selection method; default: list all",
    )
    add_json_argument(parser, "the record")
    return parser
