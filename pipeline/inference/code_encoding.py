"""Codes for the metric and select stages: each evaluation image is encoded once per model."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.datasets.interface import Dataset, DatasetRecipe
from pipeline.errors import StageError
from pipeline.execution import tensorflow_setup, worker
from pipeline.inference.code_table import CodeTable, key_ids
from pipeline.inference.encoding import encoder_function, load_network, row_slices
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.stages.stage import Context, exported_file

ENCODERS_AT_ONCE = 8
IMAGES_A_TASK = 8192
IMAGES_AT_ONCE = 1024  # between two looks at whether to stop


def encode_missing(
    context: Context,
    keys_of: Mapping[Export, Sequence[np.ndarray]],
    display: ProgressDisplay,
    *,
    network: str = "encoder",
) -> None:
    """Encode what no code table holds yet, several encoders to a rendering of the images.

    Args:
        context: The run.
        keys_of: The keys `[n, ...]` to be encoded by each encoder, in one array or several; they
            may repeat.
        display: Shows the progress.
        network: "encoder": to codes; "posterior" or "full_posterior": to what
            `posterior_draws.draw_codes` takes.

    Raises:
        StageError: If an image could not be rendered or encoded.
    """
    path_of = context.run.codes if network == "encoder" else context.run.posteriors
    pending: dict[int, list[tuple[Export, CodeTable]]] = {}
    lacking_keys = {}
    for export, arrays in keys_of.items():
        table = CodeTable(path_of(export.key))
        if table.damage:
            display.say(table.damage)
        keys, ids = _distinct(arrays)
        lacking = table.missing(ids)
        if lacking.any():
            pattern = hash((lacking.tobytes(), ids.tobytes()))
            pending.setdefault(pattern, []).append((export, table))
            lacking_keys[pattern] = (keys[lacking], ids[lacking])
    for pattern, encoders in pending.items():
        keys, ids = lacking_keys[pattern]
        for start in range(0, len(encoders), ENCODERS_AT_ONCE):
            _encode_together(
                context, encoders[start : start + ENCODERS_AT_ONCE], keys, ids, display, network
            )


def _distinct(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys of several arrays, with their ids."""
    keys = np.concatenate(arrays)
    ids, first = np.unique(key_ids(keys), return_index=True)
    return keys[first], ids


def _encode_together(
    context: Context,
    encoders: Sequence[tuple[Export, CodeTable]],
    keys: np.ndarray,
    ids: np.ndarray,
    display: ProgressDisplay,
    network: str = "encoder",
) -> None:
    paths = [exported_file(context.run, export, network) for export, _ in encoders]
    starts = range(0, len(keys), IMAGES_A_TASK)
    tasks = [
        (
            f"images from {start}",
            (context.experiment.dataset, context.cache, paths, keys[start : start + IMAGES_A_TASK]),
        )
        for start in starts
    ]
    what = f"encoding {len(keys):,} images with {len(encoders)} encoders"
    display.say(what)
    done = 0
    parts: dict[str, list[np.ndarray]] = {}
    try:
        for name, codes in context.pool.run(_encode_images, tasks, display, lambda *_: ""):
            if isinstance(codes, Exception):
                raise StageError(f"encoding failed: {codes}") from codes
            if codes is None:  # stopped
                continue
            parts[name] = codes
            done += len(codes[0])
            display.update(what, done, len(keys))
    finally:  # after Ctrl-C or a failure, too: what was encoded is not encoded again
        finished = [(start, name) for start, (name, _) in zip(starts, tasks, strict=True)]
        finished = [(start, name) for start, name in finished if name in parts]
        if finished:
            there = np.concatenate([ids[start : start + IMAGES_A_TASK] for start, _ in finished])
            for number, (_, table) in enumerate(encoders):
                table.add(there, np.concatenate([parts[name][number] for _, name in finished]))


def _encode_images(
    recipe: DatasetRecipe,
    cache: Path,
    paths: Sequence[Path],
    keys: np.ndarray,
    *,
    progress: Callable[..., None],
) -> list[np.ndarray] | None:
    """Return the codes `[n, code_dim]` of the keys' images under each encoder; in a worker.

    None if the run was stopped.
    """
    dataset = open_dataset(recipe, cache)
    encoders = [_load_encoder(path, dataset.max_value) for path in paths]
    parts: list[list[np.ndarray]] = [[] for _ in encoders]
    for rows in row_slices(len(keys), IMAGES_AT_ONCE):
        if worker.stop_requested():
            return None
        images = dataset.images_of(keys[rows])
        for part, encode in zip(parts, encoders, strict=True):
            part.append(encode(images))
    return [np.concatenate(part) for part in parts]


@lru_cache(maxsize=1)
def open_dataset(recipe: DatasetRecipe, cache: Path) -> Dataset:
    """Return the opened data set; kept in a worker from task to task."""
    return recipe.open(cache)


@lru_cache(maxsize=ENCODERS_AT_ONCE)
def _load_encoder(path: Path, max_value: int):
    tensorflow_setup.configure()
    return encoder_function(load_network(path), max_value)
