"""The main command: run the stages of an experiment."""

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.cli.commands import EXIT_DONE, EXIT_FAILED
from pipeline.cli.error_log import current_error_log, keep_errors_in
from pipeline.cli.parser import build_parser, cache_folder, run_directory
from pipeline.cli.plan import describe_plan, planned_stages, stage_facts
from pipeline.errors import LOGGER, ConfigurationError, StageError
from pipeline.execution import devices
from pipeline.execution.cluster import read_cluster
from pipeline.execution.contract import Executor
from pipeline.execution.pool import TaskPool
from pipeline.experiment import Experiment, load_experiment
from pipeline.progress import announce
from pipeline.runs.directory import RunDirectory
from pipeline.runs.files import value_digest, write_text
from pipeline.runs.manifests import is_damage, read_manifest, reopen, why_stale, write_manifest
from pipeline.stages.order import STAGES
from pipeline.stages.stage import Context, Stage
from pipeline.stages.train.trackers import prepare_tracker


def main(arguments: Sequence[str]) -> int:
    """Run the stages that the arguments ask for and return the exit code."""
    options = build_parser().parse_args(arguments)
    experiment = load_experiment(options.gin, options.set)
    stages = [stage for stage in STAGES if stage.name in options.stages]
    machines = read_cluster()
    if not machines.is_chief:
        stages = [stage for stage in stages if stage.name in ("data", "train")]
    run, cache = run_directory(options, experiment), cache_folder(options)
    keep_errors_in(run.root)
    with contextlib.closing(_executor(options, experiment, (run.root, cache))) as pool:
        context = Context(experiment, run, cache, pool, frozenset(options.force), options.tracker)
        if options.dry_run:
            _print_plan(context, stages, as_json=options.json)
            return EXIT_DONE
        if not machines.is_chief:  # the chief holds the run directory
            return _end(context, _run_stages(context, stages), as_json=options.json)
        with context.run.lock():
            _write_configuration(context.run, experiment.gin_text)
            if options.tracker is not None:
                prepare_tracker(options.tracker, context.run)
            return _end(context, _run_stages(context, stages), as_json=options.json)


def _print_plan(context: Context, stages: Sequence[Stage], *, as_json: bool) -> None:
    if as_json:
        facts = [stage_facts(planned) for planned in planned_stages(context, stages)]
        print(json.dumps({"run": str(context.run.root), "stages": facts}, indent=1))
    else:
        print(describe_plan(context, stages))


def _executor(
    options: argparse.Namespace, experiment: Experiment, folders: Sequence[Path]
) -> Executor:
    """Return what runs the tasks; `folders` are those that every machine must see."""
    threads, replicas = experiment.threads, experiment.replicas
    if read_cluster().num_machines > 1:
        if options.executor == "ray" or options.workers not in (None, 1):
            raise ConfigurationError(
                "The machines of TF_CONFIG train one model at a time, together. Expected neither "
                f"--executor ray nor --workers. Received: --executor {options.executor}, "
                f"--workers {options.workers}"
            )
        return TaskPool(1, threads)
    if options.executor == "ray":
        if options.workers:
            raise ConfigurationError(
                "--workers counts processes of this machine. Expected it without --executor ray, "
                f"where the cluster's cores count. Received: --workers {options.workers}"
            )
        from pipeline.execution.ray_pool import RayPool

        return RayPool(options.ray_address, threads, replicas, folders)
    workers = options.workers or devices.default_workers(threads, replicas)
    gpus = devices.share_gpus(devices.visible_gpus(), workers, replicas)
    return TaskPool(workers, threads, gpus)


def _write_configuration(run: RunDirectory, text: str) -> None:
    """Write the Gin text, and say so if that of the last run was damaged."""
    manifest = run.manifest("configuration")
    last = read_manifest(manifest)
    reason = why_stale(manifest, last["fingerprint"] if last else "", run.configuration)
    if is_damage(reason):
        print(f"{reason}: written again", file=sys.stderr)
    reopen(manifest, [])
    write_text(run.configuration, text)
    write_manifest(manifest, value_digest(text), [run.configuration])


def _run_stages(context: Context, stages: Sequence[Stage]) -> dict[str, str]:
    """Run stages in order, and say what failed.

    Returns:
        Stage -> its error, "" where all went well. A failed stage ends the run only if nothing
        after it could work; those after it are then left out.
    """
    errors: dict[str, str] = {}
    for stage in stages:
        errors[stage.name] = ""
        try:
            stage.run(context)
        except ConfigurationError:
            raise
        # ValueError: a recipe or table that cannot be read, named by whoever raised it.
        except (StageError, ValueError) as error:
            LOGGER.error("the %s stage failed", stage.name, exc_info=error)
            errors[stage.name] = str(error)
            print(f"The {stage.name} stage: {error}", file=sys.stderr)
            if stage.name == "data" or not isinstance(error, StageError):
                break
    return errors


def _end(context: Context, errors: Mapping[str, str], *, as_json: bool) -> int:
    """Say how the run ended, in one line or as JSON, and return the exit code."""
    failed = [name for name, error in errors.items() if error]
    page = context.run.page
    if as_json:
        facts = {
            "run": str(context.run.root),
            "failed": bool(failed),
            "errors": errors,
            "page": str(page) if page.exists() else None,
            "errors_log": str(context.run.errors_log) if failed else None,
        }
        print(json.dumps(facts, indent=1))
    if failed:
        log = current_error_log()
        print(
            f"error: failed: {', '.join(failed)}; results so far are in {context.run.root}. Mend "
            f"what is named above and give the same command again{log.hint if log else ''}",
            file=sys.stderr,
        )
        return EXIT_FAILED
    if not as_json:
        announce(f"Done: {context.run.root}" + (f"; open {page}" if page.exists() else ""))
    return EXIT_DONE
