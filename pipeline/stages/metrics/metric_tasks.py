"""The tasks of the metric stage: run in the workers, told about, their failures collected."""

from collections.abc import Callable, Iterable
from typing import Any

from pipeline.progress import ProgressDisplay


def _scored(name: str, outcome: Any) -> str:
    return f"{name} scored"


def run_metric_tasks(
    pool: Any,
    function: Callable[..., Any],
    tasks: Iterable[tuple[str, tuple]],
    display: ProgressDisplay,
    describe: Callable[[str, Any], str] = _scored,
) -> list[str]:
    """Run tasks that keep their own results.

    Args:
        pool: Of workers, see `pipeline.execution.contract`.
        function: What a worker calls.
        tasks: Name and arguments of each.
        display: Told of each task as it ends.
        describe: What to say of a task that did not fail, from its name and outcome.

    Returns:
        A line for each task that failed; the others are not affected.
    """

    def say(name: str, outcome: Any) -> str:
        if isinstance(outcome, Exception):
            return f"{name} failed: {outcome}"
        return describe(name, outcome)

    return [
        f"    {name}: {type(outcome).__name__}: {outcome}"
        for name, outcome in pool.run(function, tasks, display, say)
        if isinstance(outcome, Exception)
    ]
