"""What a selection method is: one record, of which the stage, the report and the docs read."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.selection.evidence import Evidence
from pipeline.selection.ranking import Pool, Ranking


@dataclasses.dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """Options of a selection method: plain values, each with a default. This one has none."""

    def check_beside(self, methods: Sequence[str]) -> None:
        """Refuse, with a `ValueError`, what does not fit the methods that are asked for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SelectionMethod:
    """One way to choose a model from a pool: all that the pipeline, report and docs know of it.

    A method is a file of this package that ends with its record, and one line in `METHODS`. Its
    functions read what they need from `Evidence`, which computes each thing once.

    Attributes:
        name: In Gin, tables and `Ranking.method`.
        title: For readers.
        reason: Why the model that it puts first is the one to take, after its name in a sentence:
            "of all, its codes agree best with those of the others".
        source: Paper and section.
        needs: What it reads, of `NEEDS`; "labels" makes it a supervised method.
        options: The class of its options; `selection.method_options` in Gin replaces some of their
            defaults, `evidence.options.options_of(name)` has what holds.
        by_default: Whether an experiment that names no methods uses it.
        prepare: Does the work that all pools share before any of them is ranked, and returns what
            it found by the pool's name. None: there is no such work.
        rank: Given the evidence, a pool and what `prepare` found for it (None without one), ranks
            the pool. Returns None where the pool lacks what the method needs.
        confidence: Given the same and the ranking, says for each model how sure it is that the
            model is the best, as the share of resamples in which it wins. None: nobody knows.
    """

    name: str
    title: str
    reason: str
    source: str
    needs: frozenset[str]
    options: type[MethodOptions] = MethodOptions
    by_default: bool = True
    prepare: Callable[[Evidence], Mapping[str, Any]] | None = None
    rank: Callable[[Evidence, Pool, Any], Ranking | None]
    confidence: Callable[[Evidence, Pool, Any, Ranking], Mapping[str, float]] | None = None

    def __post_init__(self):
        unknown = sorted(self.needs - NEEDS.keys())
        if unknown:
            raise ValueError(
                f"The selection method {self.name} needs what nobody offers. Expected some of "
                f"{', '.join(NEEDS)}. Received: {', '.join(unknown)}"
            )

    @property
    def needs_labels(self) -> bool:
        """Whether it asks for known factors or labels."""
        return "labels" in self.needs


NEEDS = {
    "cells": "the matrix of cross scores, encoder by generator",
    "codes": "the codes of common images under each encoder",
    "generators": "generated images",
    "encoders": "codes of images of its own",
    "images": "real images",
    "labels": "known factors or labels",
    "rankings": "the rankings of the methods before it",
}
