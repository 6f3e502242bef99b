"""What a run would do: in words for `--dry-run`, and stage by stage for `status`."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.errors import ConfigurationError, StageError
from pipeline.experiment import Experiment
from pipeline.progress import format_seconds
from pipeline.stages.stage import Context, Stage, Step


@dataclasses.dataclass(frozen=True)
class PlannedStage:
    """What a stage would do.

    Attributes:
        stage: The stage.
        steps: Its work; None where something that it reads is not there yet.
        waits: Whether work before it is due, so that it may have to run again after that.
    """

    stage: Stage
    steps: tuple[Step, ...] | None
    waits: bool


def planned_stages(context: Context, stages: Sequence[Stage]) -> Iterator[PlannedStage]:
    """Yield what each stage would do, in their order.

    Raises:
        StageError: If a stage cannot say, because files that it reads are not as they should be.
    """
    upstream_runs = False
    for stage in stages:
        try:
            steps = tuple(stage.plan(context))
        except StageError:
            # An input is not there yet, so the stage will run once it is.
            upstream_runs = True
            yield PlannedStage(stage, None, waits=True)
            continue
        except ConfigurationError:
            raise
        except ValueError as error:
            # Files that cannot be read: named by whoever raised it, as when the stage runs.
            raise StageError(f"The {stage.name} stage: {error}") from error
        yield PlannedStage(stage, steps, waits=upstream_runs)
        upstream_runs = upstream_runs or any(step.reason is not None for step in steps)


def stage_facts(planned: PlannedStage) -> dict[str, Any]:
    """Return the state of a stage and of each piece of its work, as JSON-able data."""
    if planned.steps is None:
        return {"name": planned.stage.name, "state": "waits", "steps": []}
    steps = [_of_step(planned, step) for step in planned.steps]
    states = {step["state"] for step in steps}
    order = ("to do", "waits", "failed", "finished")
    state = next((one for one in order if one in states), "finished")
    return {"name": planned.stage.name, "state": state, "steps": steps}


def _of_step(planned: PlannedStage, step: Step) -> dict[str, Any]:
    if step.failure:
        state, reason = "failed", step.failure
    elif step.reason is not None:
        state, reason = "to do", step.reason
    elif planned.waits and planned.stage.name != "train":
        state, reason = "waits", "done before; again if what it reads changes"
    else:
        state, reason = "finished", ""
    return {
        "name": step.name,
        "state": state,
        "reason": reason,
        "seconds": step.seconds,
        "note": "" if step.failure else step.note,
    }


def describe_plan(context: Context, stages: Sequence[Stage]) -> str:
    """Return one line for each piece of work of a run: whether and why it is due, and its cost.

    Raises:
        StageError: If a stage cannot say, because files that it reads are not as they should be.
    """
    experiment: Experiment = context.experiment
    lines = [
        f"experiment {experiment.name}: {describe_models(experiment)} (from {experiment.seeds[0]})",
        f"run directory {context.run.root}; {context.pool.num_workers} worker processes of "
        f"{experiment.threads} threads",
    ]
    total = 0.0
    for planned in planned_stages(context, stages):
        stage = planned.stage
        lines.append(f"{stage.name}: {stage.reads} -> {stage.writes}")
        if planned.steps is None:
            lines.append("    runs when the stages before it have run")
            continue
        runs_before = planned.waits
        for step in planned.steps:
            total += step.seconds or 0.0
            state = f"run ({step.reason})" if step.reason else "skip"
            if step.reason is None and runs_before and stage.name != "train":
                state = "run if its input changes"
            cost = f", about {format_seconds(step.seconds)}" if step.seconds else ""
            note = f"; {step.note}" if step.note else ""
            lines.append(f"    {step.name}: {state}{cost}{note}")
            runs_before = runs_before or step.reason is not None
    known = f"about {format_seconds(total)}" if total else "nothing is known yet"
    lines.append(
        f"estimated: {known} for rendering and training, from iterations measured on this machine; "
        "metrics and selection come on top"
    )
    return "\n".join(lines)


def describe_models(experiment: Experiment) -> str:
    """Return how many models an experiment has, and of which settings."""
    num_settings, num_seeds = len(experiment.settings), len(experiment.seeds)
    settings = ", ".join(setting.name for setting in experiment.settings)
    return (
        f"{num_settings * num_seeds} models = {num_settings} settings ({settings}) x "
        f"{num_seeds} seeds"
    )
