"""Codes for the metric and select stages: each evaluation image is encoded once per model."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.code_table import CodeTable, key_ids
from pipeline.errors import StageError
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.stage import Context

ENCODERS_AT_ONCE = 8
IMAGES_A_TASK = 8192


def encode_missing(
    context: Context, keys_of: Mapping[Export, Sequence[np.ndarray]], display: ProgressDisplay
) -> None:
    """Encode what no code table holds yet, several encoders to a rendering of the images.

    Args:
        context: The run.
        keys_of: The keys `[n, ...]` to be encoded by each encoder, in one array or several; they
            may repeat.
        display: Shows the progress.

    Raises:
        StageError: If an image could not be rendered or encoded.
    """
    pending: dict[int, list[Export]] = {}
    lacking_keys = {}
    for export, arrays in keys_of.items():
        table = CodeTable(context.run.codes(export.key))
        if table.damage:
            display.say(table.damage)
        keys, ids = _distinct(arrays)
        lacking = table.missing(ids)
        if lacking.any():
            pattern = hash((lacking.tobytes(), ids.tobytes()))
            pending.setdefault(pattern, []).append(export)
            lacking_keys[pattern] = (keys[lacking], ids[lacking])
    for pattern, encoders in pending.items():
        keys, ids = lacking_keys[pattern]
        for start in range(0, len(encoders), ENCODERS_AT_ONCE):
            _encode_together(
                context, encoders[start : start + ENCODERS_AT_ONCE], keys, ids, display
            )


def _distinct(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys of several arrays, with their ids."""
    keys = np.concatenate(arrays)
    ids, first = np.unique(key_ids(keys), return_index=True)
    return keys[first], ids


def _encode_together(
    context: Context,
    encoders: Sequence[Export],
    keys: np.ndarray,
    ids: np.ndarray,
    display: ProgressDisplay,
) -> None:
    paths = [context.run.model(export.parent_id).export(export.name).encoder for export in encoders]
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
    done, parts = 0, {}
    for name, codes in context.pool.run(_encode_images, tasks, display, lambda *_: ""):
        if isinstance(codes, Exception):
            raise StageError(f"encoding failed: {codes}") from codes
        parts[name] = codes
        done += len(codes[0])
        display.update(what, done, len(keys))
    for number, export in enumerate(encoders):
        table = CodeTable(context.run.codes(export.key))
        table.add(ids, np.concatenate([parts[name][number] for name, _ in tasks]))


def _encode_images(
    recipe, cache: Path, paths: Sequence[Path], keys: np.ndarray, *, progress
) -> list[np.ndarray]:
    """Return the codes `[n, code_dim]` of the keys' images under each encoder; in a worker."""
    dataset = open_dataset(recipe, cache)
    images = dataset.images_of(keys)
    return [_load_encoder(path, dataset.max_value)(images) for path in paths]


@lru_cache(maxsize=1)
def open_dataset(recipe, cache: Path):
    """Return the opened data set; kept in a worker from task to task."""
    return recipe.open(cache)


@lru_cache(maxsize=ENCODERS_AT_ONCE)
def _load_encoder(path: Path, max_value: int):
    from pipeline import execution
    from pipeline.encoding import encoder_function, load_network

    execution.configure_tensorflow()
    return encoder_function(load_network(path), max_value)
