"""Weights over time as functions of the iteration."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models import checks

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A piecewise constant function of the iteration; made by `as_schedule`.

    Attributes:
        steps: `((from_iteration, value), ...)`, from_iteration increasing from 0. The value holds
            from `from_iteration` (inclusive) until the next step. Consecutive equal values are
            merged, so that equal functions are equal objects.
    """

    steps: tuple[tuple[int, float], ...]

    def __post_init__(self):
        object.__setattr__(self, "steps", _checked_steps("schedule", self.steps))

    @property
    def changes(self) -> tuple[int, ...]:
        """Iterations, in order, at which the value becomes another one."""
        return tuple(start for start, _ in self.steps[1:])

    @property
    def values(self) -> tuple[float, ...]:
        """The values taken, in order of time."""
        return tuple(value for _, value in self.steps)

    def at(self, iteration: int) -> float:
        """Return the value that holds during `iteration` (0 is the first)."""
        checks.integer("iteration", iteration, minimum=0)
        return [value for start, value in self.steps if start <= iteration][-1]

    def tensor_at(self, iteration: "tf.Tensor", dtype: str = "float32") -> "tf.Tensor":
        """Return the value during `iteration`, a scalar integer tensor, as a scalar tensor."""
        import tensorflow as tf

        iteration = tf.convert_to_tensor(iteration)
        value = tf.constant(self.steps[0][1], dtype)
        for start, later in self.steps[1:]:
            value = tf.where(iteration >= tf.cast(start, iteration.dtype), later, value)
        return value


def as_schedule(
    value: "float | Schedule | Sequence[tuple[int, float]]",
    name: str = "schedule",
    minimum: float | None = None,
    maximum: float | None = None,
) -> Schedule:
    """Make a `Schedule` of a number or of `[(from_iteration, value), ...]`.

    Args:
        value: a number (the same at every iteration), a list whose first from_iteration is 0 and
            whose from_iterations increase, or a schedule, returned as it is.
        name: the argument's name in error messages.
        minimum: smallest value allowed at any iteration.
        maximum: largest value allowed at any iteration.

    Raises:
        ValueError: `value` is none of the above or leaves [minimum, maximum].
    """
    if isinstance(value, Schedule):
        schedule = value
    elif isinstance(value, tuple | list):
        schedule = Schedule(_checked_steps(name, value))
    else:
        schedule = Schedule(((0, checks.number(name, value)),))
    for one in schedule.values:
        checks.number(name, one, minimum, maximum)
    return schedule


def set_schedule(
    recipe: Any, name: str, minimum: float | None = None, maximum: float | None = None
) -> None:
    """Make a frozen recipe's field the `Schedule` of what was given; see `as_schedule`."""
    schedule = as_schedule(getattr(recipe, name), name, minimum, maximum)
    object.__setattr__(recipe, name, schedule)


def _checked_steps(name: str, steps: object) -> tuple[tuple[int, float], ...]:
    expected = "a number or [(from_iteration, value), ...] with from_iteration increasing from 0"
    if not isinstance(steps, tuple | list) or not steps:
        checks.fail(name, steps, expected)
    merged: list[tuple[int, float]] = []
    previous = -1
    for step in steps:
        if not isinstance(step, tuple | list) or len(step) != 2:
            checks.fail(name, steps, expected)
        start = checks.integer(f"{name} from_iteration", step[0], minimum=0)
        value = checks.number(f"{name} value", step[1])
        if start <= previous or (previous < 0 and start != 0):
            checks.fail(name, steps, expected)
        if not merged or merged[-1][1] != value:
            merged.append((start, value))
        previous = start
    return tuple(merged)
