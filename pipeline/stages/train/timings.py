"""How long iterations took on this machine, from which a plan says what others will take.

Training leaves the seconds of an iteration in the cache, one file for each kind of iteration: what
the method is made of, the batch, the images and the machine decide, not when schedules change or
how many iterations there are. So a smoke run measures what the whole run will need. What was never
measured is unknown until its first iterations, after which the progress bar shows the time left.
"""

import dataclasses
import json
import platform
from pathlib import Path
from typing import Any

from pipeline.model_spec import ModelSpec
from pipeline.recipes import describe
from pipeline.runs.files import json_text, value_digest, write_text

MIN_ITERATIONS = 10  # that are timed, for a figure that is kept
UNKNOWN = "how long is not known before the first iterations"


class Stopwatch:
    """Times iterations, but for the first, which also compiles."""

    def __init__(self):
        self._start: tuple[int, float] | None = None
        self._last: tuple[int, float] | None = None

    def tick(self, iteration: int, moment: float) -> None:
        """Note that so many iterations are done at a moment, in seconds."""
        if self._start is None:
            self._start = (iteration, moment)
        self._last = (iteration, moment)

    @property
    def seconds_per_iteration(self) -> float | None:
        """The mean over the iterations timed; None while there are too few."""
        if self._start is None or self._last is None:
            return None
        iterations = self._last[0] - self._start[0]
        if iterations < MIN_ITERATIONS:
            return None
        return (self._last[1] - self._start[1]) / iterations


def training_seconds(
    cache: Path, spec: ModelSpec, image_shape: tuple[int, int, int], done: int
) -> float | None:
    """Return the seconds that the iterations after the first `done` will take, on one process.

    None where iterations of one of the model's segments were never measured.
    """
    total, start = 0.0, 0
    for end in (*spec.method.milestones, spec.training.iterations):
        remaining = min(end, spec.training.iterations) - max(start, done)
        if remaining > 0:
            seconds = _read(cache, _training_key(spec, image_shape, start))
            if seconds is None:
                return None
            total += remaining * seconds
        start = end
    return total


def keep_training(
    cache: Path, spec: ModelSpec, image_shape: tuple[int, int, int], watches: dict[int, Stopwatch]
) -> None:
    """Keep what iterations took, as far as known, of segments by their first iteration here."""
    for start, watch in watches.items():
        begun = max([0, *(one for one in spec.method.milestones if one <= start)])
        _write(cache, _training_key(spec, image_shape, begun), watch)


def pretraining_seconds(
    cache: Path, method: Any, image_shape: tuple[int, int, int]
) -> float | None:
    """Return the seconds of a method's pre-training; None where it was never measured."""
    seconds = _read(cache, _pretraining_key(method, image_shape))
    return None if seconds is None else method.pretraining.iterations * seconds


def keep_pretraining(
    cache: Path, method: Any, image_shape: tuple[int, int, int], watch: Stopwatch
) -> None:
    """Keep what an iteration of a method's pre-training takes, if known."""
    _write(cache, _pretraining_key(method, image_shape), watch)


def _training_key(spec: ModelSpec, image_shape: tuple[int, int, int], start: int) -> str:
    """Return the name of the iterations of the segment that begins at `start`."""
    training = spec.training
    segment = sorted({0, *spec.method.milestones}).index(start)
    how = [training.batch_size, training.threads, training.replicas, training.precision]
    how += [training.synchronized_batch_norm, training.xla, segment]
    return _key(_without_times(describe(spec.method)), how, image_shape)


def _pretraining_key(method: Any, image_shape: tuple[int, int, int]) -> str:
    options = dataclasses.replace(method.pretraining, iterations=1)
    return _key(describe(options), describe(method.class_encoder), image_shape)


def _key(*parts: Any) -> str:
    return value_digest([platform.node(), *parts])


def _without_times(description: Any) -> Any:
    """Return a description in which schedules say their values only, not from when they hold."""
    if isinstance(description, dict):
        if description.get("type") == "Schedule":
            return [value for _, value in description["steps"]]
        return {name: _without_times(value) for name, value in description.items()}
    if isinstance(description, list):
        return [_without_times(value) for value in description]
    return description


def _path(cache: Path, key: str) -> Path:
    return cache / "timings" / f"{key}.json"


def _read(cache: Path, key: str) -> float | None:
    """Return what was kept; a file that is missing or damaged is a figure not yet known."""
    try:
        return float(json.loads(_path(cache, key).read_text())["seconds_per_iteration"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(cache: Path, key: str, watch: Stopwatch) -> None:
    seconds = watch.seconds_per_iteration
    if seconds is not None:
        write_text(_path(cache, key), json_text({"seconds_per_iteration": seconds}))
