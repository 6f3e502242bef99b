"""The cells of ModelCentrality's score matrix: votes, cast once for each encoder and generator.

A cell is one encoder's votes on one generator's groups. It is kept under the content of both and
the sampling options, so it serves every pool that holds the two, and the matrix is the same in
whatever order it was filled.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metrics.disentanglement.voting import score_votes
from models.codes.joint_code import JointCode
from pipeline.errors import StageError
from pipeline.execution import tensorflow_setup
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.recipes import fingerprint
from pipeline.runs.files import atomic_path
from pipeline.runs.representations import SAMPLE
from pipeline.selection.cross_evaluation import ENCODERS_AT_ONCE, cast_votes
from pipeline.stages.stage import Context, exported_file

INFORMATIVE_KL = 0.01  # nats, mean over images (Duan et al. 2020)


def code_kl(context: Context, export: Export) -> np.ndarray:
    """Return the KL of each code, in nats, float64 [code_dim], of a model with a posterior.

    Raises:
        StageError: If the file is not what training wrote.
    """
    path = exported_file(context.run, export, "code_kl")
    return np.array(json.loads(path.read_text(encoding="utf-8"))["nats"], np.float64)


def offered_codes(context: Context, export: Export, *, informative_only: bool) -> tuple[int, ...]:
    """Return the regularised codes that a generator's groups fix in turn.

    All of them, as published; or of a model with a posterior those whose KL is above 0.01, since
    a latent that the decoder ignores makes groups that share nothing. A GAN's codes are all there
    is beside its noise. A model that ignores all of its latents offers all of them.
    """
    every = tuple(range(export.codes.num_codes))
    if not informative_only or not export.has_posterior:
        return every
    kl = code_kl(context, export)
    told = tuple(code for code in every if kl[export.codes.columns(code)].max() > INFORMATIVE_KL)
    return told or every


def generator_seed(generator: Export) -> tuple[int, ...]:
    """Return a seed that depends on the generator's content only."""
    return tuple(int(generator.fingerprint[start : start + 8], 16) for start in range(0, 32, 8))


class Cells:
    """The cells among some models: which are there, their votes and their scores.

    Args:
        context: The run.
        exports: The models.
        informative_only: See `offered_codes`.
    """

    def __init__(self, context: Context, exports: Sequence[Export], *, informative_only: bool):
        self._context = context
        self._by_id = {export.model_id: export for export in exports}
        self._networks: dict[tuple[Export, str], Path] = {}
        self._fixes_classes = context.experiment.selection.fixed == "classes"
        self._draws_codes = (
            context.experiment.metrics.main_representation == SAMPLE and not self._fixes_classes
        )
        self._offered = {
            export.model_id: tuple(range(export.codes.num_classes))
            if self._fixes_classes
            else offered_codes(context, export, informative_only=informative_only)
            for export in exports
        }

    def num_offered(self, generator: Export) -> int:
        """Return how many codes, or classes of the one code, a generator's groups fix in turn."""
        return len(self._offered[generator.model_id])

    def num_votable(self, generator: Export, encoder: Export) -> int:
        """Return how many codes, or clusters, an encoder may vote for."""
        return generator.codes.num_classes if self._fixes_classes else encoder.codes.code_dim

    def fixed_codes(self, generator: Export) -> np.ndarray:
        """Return the code, or class, that each of a generator's groups shares, int [num_groups]."""
        offered = np.array(self._offered[generator.model_id])
        return offered[np.arange(self._context.experiment.selection.num_groups) % len(offered)]

    def draws_codes_of(self, encoder: Export) -> bool:
        """Say whether an encoder votes with draws from its posterior, and not with its mean."""
        return self._draws_codes and encoder.posterior_network is not None

    def voter(self, encoder: Export) -> str:
        """Return the name under which an encoder's votes are kept."""
        return f"{encoder.key}-{SAMPLE}" if self.draws_codes_of(encoder) else encoder.key

    def votes(self, generator: Export) -> dict[str, np.ndarray]:
        """Return the votes that are there for a generator: `voter` -> int [num_groups]."""
        path = self._path(generator)
        try:
            with np.load(path, allow_pickle=False) as content:
                return {key: content[key] for key in content.files}
        except FileNotFoundError:
            return {}
        except Exception as error:  # zipfile, zlib and numpy each have their own for damage
            print(f"  select  {path} is damaged ({error}): its votes are cast again")
            return {}

    def scores(self, generator: Export, encoders: Iterable[Export]) -> dict[str, float]:
        """Return the FactorVAE score of those encoders whose votes are there, by model id."""
        votes, fixed = self.votes(generator), self.fixed_codes(generator)
        return {
            encoder.model_id: score_votes(
                votes[self.voter(encoder)], fixed, self.num_votable(generator, encoder)
            )["factor_vae"]
            for encoder in encoders
            if self.voter(encoder) in votes
        }

    def matrix(self, pool: Sequence[Export]) -> np.ndarray:
        """Return the scores that are there, [encoders, generators], NaN elsewhere."""
        columns = []
        for generator in pool:
            scores = self.scores(generator, pool)
            columns.append([scores.get(encoder.model_id, np.nan) for encoder in pool])
        return np.array(columns).T

    def missing(self, generator: Export, encoders: Iterable[Export]) -> list[Export]:
        """Return those encoders that have not voted on a generator's groups."""
        present = self.votes(generator)
        return [encoder for encoder in encoders if self.voter(encoder) not in present]

    def forget(self) -> None:
        """Remove all votes on these models' groups."""
        for generator in self._by_id.values():
            self._path(generator).unlink(missing_ok=True)

    @property
    def files(self) -> list[Path]:
        """The files of votes that are there."""
        paths = [self._path(generator) for generator in self._by_id.values()]
        return [path for path in paths if path.exists()]

    def fill(self, wanted: Mapping[str, Sequence[Export]], display: ProgressDisplay) -> int:
        """Cast the votes that are missing.

        Each generator draws its samples once for all encoders, or once for every
        `ENCODERS_AT_ONCE` of more, so that memory does not grow with the pool; the seed makes
        them the same samples.

        Args:
            wanted: Generator's model id -> the encoders that are to vote on it.
            display: Shows the progress.

        Returns:
            The number of cells computed.

        Raises:
            StageError: If a column could not be computed; the others are kept.
        """
        tasks_from: dict[int, list[tuple[str, tuple]]] = {}
        encoders_of = {}
        for generator_id, encoders in wanted.items():
            generator = self._by_id[generator_id]
            missing = self.missing(generator, encoders)
            for start in range(0, len(missing), ENCODERS_AT_ONCE):
                part = missing[start : start + ENCODERS_AT_ONCE]
                name = generator_id + (f", encoders from {start + 1}" if start else "")
                encoders_of[name] = (generator, part)
                task = (name, self._arguments(generator, part))
                tasks_from.setdefault(start, []).append(task)
        # All generators' first encoders come first, so that a worker loads each encoder once.
        tasks = [task for start in sorted(tasks_from) for task in tasks_from[start]]
        failures, num_cells = [], 0
        for name, votes in self._context.pool.run(_cast_votes, tasks, display, _describe):
            if isinstance(votes, Exception):
                failures.append(f"{name}: {votes}")
            elif votes is not None:
                generator, encoders = encoders_of[name]
                keys = [self.voter(encoder) for encoder in encoders]
                self._keep(generator, dict(zip(keys, votes, strict=True)))
                num_cells += len(votes)
        if failures:
            raise StageError(
                "Cross evaluation failed for the generators\n" + "\n".join(sorted(failures))
            )
        return num_cells

    def _arguments(self, generator: Export, encoders: Sequence[Export]) -> tuple:
        selection = self._context.experiment.selection
        options = {
            "fixed_codes": self.fixed_codes(generator),
            "group_size": selection.group_size,
            "num_std_samples": selection.num_std_samples,
            "seed": generator_seed(generator),
        }
        if self._fixes_classes:
            options["class_features"] = [encoder.codes.class_features for encoder in encoders]
        drawn = [
            (encoder.posterior_network, generator_seed(encoder))
            if encoder.posterior_network and self.draws_codes_of(encoder)
            else None
            for encoder in encoders
        ]
        if any(drawn):
            options["drawn"] = drawn
        paths = [
            self._network(encoder, posterior[0] if posterior else "encoder")
            for encoder, posterior in zip(encoders, drawn, strict=True)
        ]
        return (self._network(generator, "generator"), generator.codes, paths, options)

    def _network(self, export: Export, name: str) -> Path:
        """Return the path of a network, whose content is verified once."""
        if (export, name) not in self._networks:
            self._networks[export, name] = exported_file(self._context.run, export, name)
        return self._networks[export, name]

    def _keep(self, generator: Export, votes: Mapping[str, np.ndarray]) -> None:
        known = self.votes(generator)
        with atomic_path(self._path(generator)) as temporary:
            arrays: dict[str, Any] = {**known, **votes}
            np.savez(temporary, **arrays)

    def _path(self, generator: Export) -> Path:
        key = self._context.experiment.selection.sampling_key
        offered = self._offered[generator.model_id]
        if not self._fixes_classes and len(offered) < generator.codes.num_codes:
            key = fingerprint(key, offered)[:16]
        return self._context.run.votes(generator.key, key)


def _cast_votes(
    generator_path: Path,
    codes: JointCode,
    encoder_paths: Sequence[Path],
    options: Mapping[str, Any],
    *,
    progress: Callable[..., None],
) -> Any:
    """Configure TensorFlow, which only workers import."""
    tensorflow_setup.configure()
    return cast_votes(generator_path, codes, encoder_paths, **options, progress=progress)


def _describe(name: str, votes: Any) -> str:
    if isinstance(votes, Exception):
        return f"generator {name} failed: {votes}"
    if votes is None:
        return f"generator {name} stopped: its column is computed next time"
    return f"generator {name}: {len(votes)} encoders voted"
