"""What a run would do, in words: `--dry-run`."""

from collections.abc import Sequence

from pipeline.errors import ConfigurationError, StageError
from pipeline.experiment import Experiment
from pipeline.progress import format_seconds
from pipeline.stages.stage import Context, Stage


def describe_plan(context: Context, stages: Sequence[Stage]) -> str:
    """Return one line for each piece of work of a run: whether and why it is due, and its cost.

    Raises:
        StageError: If a stage cannot say, because files that it reads are not as they should be.
    """
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
        except ConfigurationError:
            raise
        except ValueError as error:
            # Files that cannot be read: named by whoever raised it, as when the stage runs.
            raise StageError(f"The {stage.name} stage: {error}") from error
        for step in steps:
            total += step.seconds or 0.0
            state = f"run ({step.reason})" if step.reason else "skip"
            if step.reason is None and upstream_runs and stage.name != "train":
                state = "run if its input changes"
            cost = f", about {format_seconds(step.seconds)}" if step.seconds else ""
            note = f"; {step.note}" if step.note else ""
            lines.append(f"    {step.name}: {state}{cost}{note}")
            upstream_runs = upstream_runs or step.reason is not None
    known = f"about {format_seconds(total)}" if total else "nothing is known yet"
    lines.append(
        f"estimated: {known} for rendering and training, from iterations measured on this machine; "
        "metrics and selection come on top"
    )
    return "\n".join(lines)
