"""The command line: what it takes, what it says, and how it exits."""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pipeline
from pipeline.errors import ConfigurationError, StageError
from pipeline.execution import devices
from pipeline.execution import pool as execution
from pipeline.execution.cluster import read_cluster
from pipeline.experiment import Experiment, load_experiment
from pipeline.progress import format_seconds
from pipeline.runs.directory import RunDirectory
from pipeline.runs.files import value_digest, write_text
from pipeline.runs.manifests import is_damage, read_manifest, reopen, why_stale, write_manifest
from pipeline.stages.order import STAGE_NAMES, STAGES
from pipeline.stages.stage import Context, Stage

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130

DESCRIPTION = """\
Train disentangling generative models, score them, and pick the best one without labels.

A Gin file says which images, which networks, which weights and how many models. The stages
  data -> train -> metrics -> select -> report
run in this order and talk through files in the run directory, so any of them can be run again
alone, hours later. What is finished and still valid is skipped; a changed binding does again
what depends on it, and nothing else. Stop at any moment and give the same command to go on.
"""

EXAMPLES = """\
examples:
  python run_pipeline.py --gin gin/quickstart.gin
      a few minutes on a laptop: train, score, select, report
  python run_pipeline.py --gin gin/teapots.gin --gin gin/parts/budgets/smoke.gin
      any experiment with another budget: smoke (seconds), laptop (hours), paper (as published)
  python run_pipeline.py --gin gin/dsprites.gin --dry-run
      what would run, why, and for how long
  python run_pipeline.py --gin gin/dsprites.gin --set 'ALPHA = 1.0' --out runs/alpha-1
      one binding changed from the command line
  python run_pipeline.py --gin gin/dsprites.gin --stages metrics,select,report
      stages alone, on models that are there
  python run_pipeline.py score codes.npz --csv scores.csv
      the metrics on anyone's codes; see: python run_pipeline.py score --help

exit codes:
  0  done        1  a stage failed (what was finished is kept)
  2  bad use or configuration        130  interrupted (everything is saved)
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the main command."""
    parser = argparse.ArgumentParser(
        prog="run_pipeline.py",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--gin",
        action="append",
        metavar="FILE",
        required=True,
        help="experiment file; repeat it to add parts, later ones win",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="'NAME = VALUE'",
        help="one more Gin binding or macro, after the files",
    )
    parser.add_argument(
        "--stages",
        type=_stage_list,
        default=STAGE_NAMES,
        metavar="A,B",
        help=f"stages to run, of {','.join(STAGE_NAMES)}; default: all",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="run directory; default: runs/<experiment.name>"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder of rendered data sets, shared between runs; default: $DISENTANGLE_CACHE, or "
        "disentanglement-pipeline in the user's cache folder",
    )
    parser.add_argument(
        "--force",
        action="append",
        default=[],
        choices=STAGE_NAMES,
        metavar="STAGE",
        help="do a stage again though it is finished",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would run, why, and its cost"
    )
    parser.add_argument(
        "--workers",
        type=_positive_integer,
        metavar="N",
        help="models trained at once; default: cores / training.threads, or GPUs / "
        "training.replicas where there are GPUs",
    )
    parser.add_argument(
        "--executor",
        choices=("local", "ray"),
        default="local",
        help="local: processes of this machine; ray: a Ray cluster (pip install -e '.[ray]') whose "
        "machines share the run directory and the cache; results are the same",
    )
    parser.add_argument(
        "--ray-address",
        default="auto",
        metavar="ADDRESS",
        help="the Ray cluster; default: auto, the one that this machine belongs to",
    )
    parser.add_argument(
        "--version", action="version", version=f"disentanglement-pipeline {pipeline.__version__}"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with execution.terminate_as_interrupt():
            if arguments[:1] == ["score"]:
                from pipeline import score

                return score.main(arguments[1:])
            return _run(build_parser().parse_args(arguments))
    except SystemExit as stop:  # argparse has said what it has to say
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE
    except ConfigurationError as error:
        return _say_error(error, EXIT_USAGE)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for what the interpreter still flushes
        return EXIT_FAILED
    except (StageError, OSError) as error:
        return _say_error(error, EXIT_FAILED)
    except KeyboardInterrupt:
        print(
            "Interrupted. Everything finished is saved; the same command goes on.", file=sys.stderr
        )
        return EXIT_INTERRUPTED


def console() -> None:
    """Entry point of the installed command."""
    sys.exit(main())


def _run(options: argparse.Namespace) -> int:
    experiment = load_experiment(options.gin, options.set)
    stages = [stage for stage in STAGES if stage.name in options.stages]
    machines = read_cluster()
    if not machines.is_chief:
        stages = [stage for stage in stages if stage.name in ("data", "train")]
    run = RunDirectory((options.out or Path("runs") / experiment.name).resolve())
    cache = (options.cache or default_cache()).resolve()
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
) -> execution.Executor:
    """Return what runs the tasks; `folders` are those that every machine must see."""
    threads, replicas = experiment.threads, experiment.replicas
    if read_cluster().num_machines > 1:
        if options.executor == "ray" or options.workers not in (None, 1):
            raise ConfigurationError(
                "The machines of TF_CONFIG train one model at a time, together. Expected neither "
                f"--executor ray nor --workers. Received: --executor {options.executor}, "
                f"--workers {options.workers}"
            )
        return execution.TaskPool(1, threads)
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
    return execution.TaskPool(workers, threads, gpus)


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


def describe_plan(context: Context, stages: Sequence[Stage]) -> str:
    """Return what a run would do: a line a piece of work, with reason and estimated time."""
    experiment: Experiment = context.experiment
    num_models = len(experiment.settings) * len(experiment.seeds)
    settings = ", ".join(setting.name for setting in experiment.settings)
    lines = [
        f"experiment {experiment.name}: {num_models} models = {len(experiment.settings)} settings "
        f"({settings}) x {len(experiment.seeds)} seeds (from {experiment.seeds[0]})",
        f"run directory {context.run.root}; {context.pool.num_workers} worker processes of "
        f"{experiment.threads} threads",
    ]
    total, upstream_runs = 0.0, False
    for stage in stages:
        lines.append(f"{stage.name}: {stage.reads} -> {stage.writes}")
        try:
            steps = stage.plan(context)
        except StageError:
            # An input is not there yet, so the stage will run once it is.
            lines.append("    runs when the stages before it have run")
            upstream_runs = True
            continue
        for step in steps:
            total += step.seconds or 0.0
            state = f"run ({step.reason})" if step.reason else "skip"
            if step.reason is None and upstream_runs and stage.name != "train":
                state = "run if its input changes"
            cost = f", about {format_seconds(step.seconds)}" if step.seconds else ""
            note = f"; {step.note}" if step.note else ""
            lines.append(f"    {step.name}: {state}{cost}{note}")
            upstream_runs = upstream_runs or step.reason is not None
    lines.append(
        f"estimated: about {format_seconds(total)} for rendering and training (a rough figure); "
        "metrics and selection come on top"
    )
    return "\n".join(lines)


def default_cache() -> Path:
    """Return the folder of rendered data sets."""
    if "DISENTANGLE_CACHE" in os.environ:
        return Path(os.environ["DISENTANGLE_CACHE"])
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "disentanglement-pipeline"


def _stage_list(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in STAGE_NAMES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"expected one or more of {','.join(STAGE_NAMES)}; received {text!r}"
        )
    return names


def _positive_integer(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer >= 1; received {text!r}")
    return int(text)


def _say_error(error: Exception, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code
