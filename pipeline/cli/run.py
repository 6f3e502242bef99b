"""The main command: run the stages of an experiment."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.commands import EXIT_DONE, EXIT_FAILED
from pipeline.cli.parser import build_parser, cache_folder, run_directory
from pipeline.cli.plan import describe_plan
from pipeline.errors import ConfigurationError, StageError
from pipeline.execution import devices
from pipeline.execution.cluster import read_cluster
from pipeline.execution.contract import Executor
from pipeline.execution.pool import TaskPool
from pipeline.experiment import Experiment, load_experiment
from pipeline.runs.directory import RunDirectory
from pipeline.runs.files import value_digest, write_text
from pipeline.runs.manifests import is_damage, read_manifest, reopen, why_stale, write_manifest
from pipeline.stages.order import STAGES
from pipeline.stages.stage import Context, Stage


def main(arguments: Sequence[str]) -> int:
    """Run the stages that the arguments ask for and return the exit code."""
    options = build_parser().parse_args(arguments)
    experiment = load_experiment(options.gin, options.set)
    stages = [stage for stage in STAGES if stage.name in options.stages]
    machines = read_cluster()
    if not machines.is_chief:
        stages = [stage for stage in stages if stage.name in ("data", "train")]
    run, cache = run_directory(options, experiment), cache_folder(options)
    with contextlib.closing(_executor(options, experiment, (run.root, cache))) as pool:
        context = Context(experiment, run, cache, pool, frozenset(options.force))
        if options.dry_run:
            print(describe_plan(context, stages))
            return EXIT_DONE
        if not machines.is_chief:  # the chief holds the run directory
            return _run_stages(context, stages)
        with context.run.lock():
            _write_configuration(context.run, experiment.gin_text)
            return _run_stages(context, stages)


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


def _run_stages(context: Context, stages: Sequence[Stage]) -> int:
    """Run stages in order; a failed one ends the run only if nothing after it could work."""
    failed = False
    for stage in stages:
        try:
            stage.run(context)
        except StageError as error:
            failed = True
            print(f"The {stage.name} stage: {error}", file=sys.stderr)
            if stage.name == "data":
                break
        except ConfigurationError:
            raise
        except ValueError as error:
            # A recipe or table that cannot be read: named by whoever raised it.
            failed = True
            print(f"The {stage.name} stage: {error}", file=sys.stderr)
            break
    if failed:
        print(f"Finished with errors; results so far are in {context.run.root}", file=sys.stderr)
        return EXIT_FAILED
    page = context.run.page
    print(f"Done: {context.run.root}" + (f"; open {page}" if page.exists() else ""))
    return EXIT_DONE
