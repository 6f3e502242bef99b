"""What selection methods read: cells, codes, scores of labels, earlier rankings, cached results.

Each thing is computed once, when the first method asks for it, and shared by all pools.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from models.codes.joint_code import JointCode
from pipeline.errors import StageError
from pipeline.execution import tensorflow_setup
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.directory import ExportDirectory
from pipeline.runs.files import read_signed_json, write_signed_json
from pipeline.selection.cells import Cells, generator_seed
from pipeline.selection.known_factors import Supervised, supervised_scores
from pipeline.selection.pool_codes import PoolCodes, read_codes
from pipeline.selection.ranking import Pool, Ranking
from pipeline.stages.stage import Context, exported_file

# Generator's model id -> the encoders that are to vote on its groups.
Wanted = dict[str, list[Export]]


@dataclasses.dataclass(frozen=True)
class Subject:
    """What a worker is given to judge: one model, or a few together.

    Attributes:
        networks: The folder of each one's generator, encoder and posterior.
        codes: The latent vector of each.
        dataset: Recipe of the data set.
        cache: Folder of rendered data sets; `dataset.open(cache)` gives the images.
        options: What the method was asked for, as plain data.
        seed: A function of the models' content, for all draws.
    """

    networks: tuple[ExportDirectory, ...]
    codes: tuple[JointCode, ...]
    dataset: Any
    cache: Path
    options: Mapping[str, Any]
    seed: tuple[int, ...]


class Evidence:
    """What is known of the models of some pools.

    Args:
        context: The run.
        pools: Pool's name -> pool.
        display: Shows the progress.

    Attributes:
        rankings: (Pool's name, method's name) -> ranking, of the methods that have ranked.
        wanted: The cells that rankings rest on.
        files: What was kept for the methods, apart from the cells.
    """

    def __init__(self, context: Context, pools: Mapping[str, Pool], display: ProgressDisplay):
        self.context = context
        self.pools = dict(pools)
        self.display = display
        self.rankings: dict[tuple[str, str], Ranking] = {}
        self.wanted: Wanted = {}
        self.files: list[Path] = []

    @property
    def options(self) -> Any:
        """The `Selection` recipe."""
        return self.context.experiment.selection

    @cached_property
    def exports(self) -> list[Export]:
        """The models of all pools, once each, sorted by model id."""
        by_id = {export.model_id: export for pool in self.pools.values() for export in pool.exports}
        return [by_id[model_id] for model_id in sorted(by_id)]

    @cached_property
    def cells(self) -> Cells:
        """The cells of the score matrix; those that are there, see `fill_cells`."""
        offered = self.options.offered_codes
        if offered is None:
            is_mixed = len({export.has_posterior for export in self.exports}) > 1
            offered = "informative" if is_mixed else "all"
        return Cells(self.context, self.exports, informative_only=offered == "informative")

    @cached_property
    def codes(self) -> PoolCodes:
        """The codes of common images under every encoder."""
        return read_codes(self.context, self.exports, self.display)

    @cached_property
    def supervised(self) -> Supervised | None:
        """What is known with factors or labels; None without any."""
        return supervised_scores(self.context, [export.model_id for export in self.exports])

    def all_cells(self) -> Wanted:
        """Return every cell of every pool."""
        return self.wanted_of(
            {
                name: np.ones((len(pool.exports), len(pool.exports)), bool)
                for name, pool in self.pools.items()
            }
        )

    def wanted_of(self, masks: Mapping[str, np.ndarray]) -> Wanted:
        """Return the cells of several pools together, given masks [encoders, generators]."""
        wanted: dict[str, dict[str, Export]] = {}
        for name, mask in masks.items():
            exports = self.pools[name].exports
            for generator, column in zip(exports, mask.T, strict=True):
                encoders = {exports[row].model_id: exports[row] for row in np.flatnonzero(column)}
                wanted.setdefault(generator.model_id, {}).update(encoders)
        return {name: list(encoders.values()) for name, encoders in wanted.items() if encoders}

    def fill_cells(self, wanted: Wanted | None = None) -> None:
        """Compute the cells that are missing; None: of all cells of all pools.

        Raises:
            StageError: If a column could not be computed; the others are kept.
        """
        wanted = self.all_cells() if wanted is None else wanted
        self.cells.fill(wanted, self.display)
        for generator, encoders in wanted.items():
            known = {export.model_id: export for export in self.wanted.get(generator, [])}
            known |= {export.model_id: export for export in encoders}
            self.wanted[generator] = [known[model_id] for model_id in sorted(known)]

    def compute(
        self,
        method: str,
        function: Callable[..., dict[str, Any] | None],
        subjects: Sequence[Sequence[Export]],
        options: Mapping[str, Any],
    ) -> list[dict[str, Any] | None]:
        """Return what `function` says of each subject; what was said before is read from its file.

        Args:
            method: The selection method's name; begins the files' names.
            function: Called in a worker as `function(subject, progress=progress)`, TensorFlow set
                up; returns JSON-able data, or None if the run is being stopped.
            subjects: The models that are judged together, one or a few each.
            options: All that the result depends on apart from models and data set, the version of
                the code included, as plain data.

        Raises:
            StageError: If a subject could not be judged; the others are kept.
        """
        tasks, paths = [], []
        for exports in subjects:
            path = self._result_path(method, exports, options)
            paths.append(path)
            if read_signed_json(path) is None or "select" in self.context.forced:
                name = f"{method} {', '.join(export.model_id for export in exports)}"
                tasks.append((name, (function, self._subject(exports, options), path)))
        outcomes = self.context.pool.run(_compute, tasks, self.display, _describe)
        failures = [f"{name}: {one}" for name, one in outcomes if isinstance(one, Exception)]
        if failures:
            raise StageError(f"{method} failed for the models\n" + "\n".join(sorted(failures)))
        self.files += paths
        return [read_signed_json(path) for path in paths]

    def _subject(self, exports: Sequence[Export], options: Mapping[str, Any]) -> Subject:
        run = self.context.run
        for export in exports:
            for network in ("generator", "encoder"):
                exported_file(run, export, network)
        return Subject(
            networks=tuple(run.model(one.parent_id).export(one.name) for one in exports),
            codes=tuple(one.codes for one in exports),
            dataset=self.context.experiment.dataset,
            cache=self.context.cache,
            options=dict(options),
            seed=tuple(number for one in exports for number in generator_seed(one)),
        )

    def _result_path(
        self, method: str, exports: Sequence[Export], options: Mapping[str, Any]
    ) -> Path:
        content = [export.fingerprint for export in exports]
        key = fingerprint(content, dict(options), self.context.dataset.fingerprint)[:16]
        return self.context.run.selection_result(f"{method}-{key}")


def _compute(function: Callable, subject: Subject, path: Path, *, progress: Callable) -> None:
    """Set up TensorFlow, which only workers import, and keep what the function returns."""
    tensorflow_setup.configure()
    result = function(subject, progress=progress)
    if result is not None:
        write_signed_json(path, result)


def _describe(name: str, outcome: Any) -> str:
    return f"{name} failed: {outcome}" if isinstance(outcome, Exception) else f"{name} done"
