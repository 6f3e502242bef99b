"""`run_pipeline.py status`: what a run directory holds, and what is left to do."""

import argparse
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.error_log import keep_errors_in
from pipeline.cli.parser import (
    add_cache_argument,
    add_json_argument,
    cache_folder,
    command_parser,
)
from pipeline.cli.plan import describe_models, planned_stages, stage_facts
from pipeline.errors import ConfigurationError
from pipeline.execution import devices
from pipeline.execution.pool import TaskPool
from pipeline.experiment import load_experiment
from pipeline.progress import format_seconds
from pipeline.runs.directory import RunDirectory
from pipeline.runs.lock import holder_of
from pipeline.stages.order import STAGES
from pipeline.stages.stage import Context

DESCRIPTION = """\
Say what a run directory holds: which tables, and for each stage what is finished, what is to be
done (again) and why, and what failed and why; how long rendering and training still take, where
that is known. Nothing is changed, also while the run goes on.
"""
EXAMPLES = """\
example:
  python run_pipeline.py status runs/quickstart
      ... train: 3 of 4 finished; 1 to do, about 2 min
              alpha-2-seed1-3dc5033f: to do (goes on from iteration 1500), about 2 min
"""
NO_IMAGES = (
    "the images are not in the cache, so nobody can tell which models are still valid: give the "
    "--cache DIR of the run"
)


def main(arguments: Sequence[str]) -> int:
    """Print what a run holds and return the exit code."""
    options = build_parser().parse_args(arguments)
    keep_errors_in(options.run)
    facts = status_of(RunDirectory(options.run), cache_folder(options))
    if options.cache is not None:
        facts["command"] += f" --cache {shlex.quote(str(options.cache))}"
    print(json.dumps(facts, indent=1) if options.json else _as_text(facts))
    return EXIT_DONE


def status_of(run: RunDirectory, cache: Path) -> dict[str, Any]:
    """Return what a run directory holds and what is left to do, as JSON-able data.

    Args:
        run: The run, with the configuration that it was last run with.
        cache: Folder of rendered data sets.

    Raises:
        ConfigurationError: The folder holds no run.
        StageError: A file that a stage reads is not as it should be.
    """
    if not run.configuration.exists():
        raise ConfigurationError(
            f"{run.root} holds no run. Expected a run directory, such as runs/quickstart, with the "
            f"file {run.configuration.name} that every run writes. Received: {run.root}"
        )
    experiment = load_experiment([str(run.configuration)])
    workers = devices.default_workers(experiment.threads, experiment.replicas)
    context = Context(experiment, run, cache, TaskPool(workers, experiment.threads))
    stages = [stage_facts(planned) for planned in planned_stages(context, STAGES)]
    seconds = [step["seconds"] for one in stages for step in one["steps"]]
    is_finished = all(one["state"] in ("finished", "failed") for one in stages)
    files = [shlex.quote(str(path)) for path in (run.configuration, run.root)]
    return {
        "run": str(run.root),
        "experiment": experiment.name,
        "models": describe_models(experiment),
        "in_use_by": holder_of(run.root),
        "holds": _held(run),
        "stages": stages,
        "finished": is_finished,
        "seconds_left": sum(one for one in seconds if one is not None),
        "warnings": [NO_IMAGES] if not context.is_data_ready and run.models_csv.exists() else [],
        "command": f"python run_pipeline.py --gin {files[0]} --out {files[1]}",
    }


def _held(run: RunDirectory) -> dict[str, int]:
    """Return the rows of each table that is there, and the number of model folders."""
    held = {}
    for path in (
        run.models_csv,
        run.scores_csv,
        run.cross_scores_csv,
        run.selection_csv,
        run.selection_summary_csv,
    ):
        if path.exists():
            held[path.name] = _num_rows(path)
    folders = run.model("any").root.parent
    held["model folders"] = len([one for one in folders.glob("*") if one.is_dir()])
    return held


def _num_rows(path: Path) -> int:
    try:
        return len(pd.read_csv(path, usecols=[0], dtype=str))
    except ValueError:  # the stage that reads it says what is wrong
        return 0


def _as_text(facts: dict[str, Any]) -> str:
    held = ", ".join(
        f"{count} {name}" if name == "model folders" else f"{name} ({count} rows)"
        for name, count in facts["holds"].items()
    )
    lines = [f"{facts['run']}: experiment {facts['experiment']}, {facts['models']}"]
    lines += [f"in use by {facts['in_use_by']}"] if facts["in_use_by"] else []
    lines += [f"holds {held}", *(f"warning: {one}" for one in facts["warnings"])]
    for stage in facts["stages"]:
        lines.append(f"{stage['name']}: {_summary(stage)}")
        lines += [f"    {_line(step)}" for step in stage["steps"] if step["state"] != "finished"]
    if facts["finished"]:
        lines.append(f"nothing is left to do; page: {RunDirectory(Path(facts['run'])).page}")
        return "\n".join(lines)
    seconds = facts["seconds_left"]
    known = f"about {format_seconds(seconds)}" if seconds else "not known"
    lines.append(f"left: {known} for rendering and training; metrics and selection come on top")
    if not facts["in_use_by"]:
        lines.append(f"to go on: {facts['command']}")
    return "\n".join(lines)


def _summary(stage: dict[str, Any]) -> str:
    steps = stage["steps"]
    if not steps:
        return (
            "runs when the stages before it have run" if stage["state"] == "waits" else "finished"
        )
    counts = {
        state: len([step for step in steps if step["state"] == state])
        for state in ("finished", "to do", "waits", "failed")
    }
    if counts["finished"] == len(steps):
        return "finished" if len(steps) == 1 else f"{len(steps)} finished"
    told = [f"{counts['finished']} of {len(steps)} finished"]
    told += [f"{counts[state]} {state}" for state in ("to do", "failed") if counts[state]]
    told += [f"{counts['waits']} after the stages before"] if counts["waits"] else []
    return "; ".join(told)


def _line(step: dict[str, Any]) -> str:
    cost = f", about {format_seconds(step['seconds'])}" if step["seconds"] else ""
    note = f"; {step['note']}" if step["note"] else ""
    retry = "; --force train tries again" if step["state"] == "failed" else ""
    return f"{step['name']}: {step['state']} ({step['reason']}){cost}{note}{retry}"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("status", DESCRIPTION, EXAMPLES)
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory: runs/quickstart")
    add_cache_argument(parser)
    add_json_argument(parser, "all of it")
    return parser
