"""A pool of anybody's models, made ready for the select stage: tried out, with images."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.datasets.images import ImageArrays, ImageFolder, StoredImages
from pipeline.errors import ConfigurationError, StageError
from pipeline.execution.contract import Executor
from pipeline.inference.saved_model import SavedModel
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.runs.directory import RunDirectory
from pipeline.runs.tables import MODEL_COLUMNS, write_table
from pipeline.stages.select.given_models import relative_directory, try_out, write_samples
from pipeline.stages.stage import Context


class GivenContext(Context):
    """A run whose models were trained elsewhere.

    Attributes:
        exports: The models.
    """

    exports: Sequence[Export] = ()

    @cached_property
    def specs(self) -> list:
        """No model is trained here."""
        return []

    def finished_exports(self) -> list[Export]:
        """Return the models."""
        return list(self.exports)


def try_out_all(
    models: Mapping[str, SavedModel],
    exports: Sequence[Export],
    run: RunDirectory,
    pool: Executor,
    display: ProgressDisplay,
    num_points: int,
) -> list[np.ndarray]:
    """Return samples of each model, as many together as UDR compares codes on.

    Raises:
        ConfigurationError: If networks do not fit together, with all that do not.
        StageError: If a network cannot be read or used.
    """
    share = -(-num_points // len(exports))
    tasks = [
        (one.model_id, (run.model(one.parent_id).export("final"), one.codes, share))
        for one in exports
    ]
    found, problems, failures = {}, [], []
    for model_id, result in pool.run(try_out, tasks, display, lambda *_: ""):
        place = models[model_id].folder.root
        if isinstance(result, ConfigurationError):
            raise result
        if isinstance(result, Exception):
            failures.append(f"{place}: {result}")
        elif result["problem"]:
            problems.append(f"{place}: {result['problem']}")
        else:
            found[model_id] = result["samples"]
    if failures:
        listed = "\n".join(sorted(failures))
        raise StageError(f"{len(failures)} of {len(tasks)} models cannot be used\n{listed}")
    shapes = {one.shape[1:] for one in found.values()}
    if len(shapes) > 1 and not problems:
        told = [f"{name}: {one.shape[1:]}" for name, one in found.items()]
        problems = [f"images have different shapes: {'; '.join(told)}"]
    if problems:
        if len(problems) == 1:
            raise ConfigurationError(problems[0])
        listed = "\n".join(sorted(problems))
        raise ConfigurationError(
            f"{len(problems)} of {len(tasks)} models do not fit: see the lines above\n{listed}"
        )
    return [found[one.model_id] for one in exports]


def images_recipe(
    path: Path | None, run: RunDirectory, samples: Sequence[np.ndarray]
) -> StoredImages:
    """Return the recipe of the images whose codes are compared: the user's, or samples of all."""
    if path is None:
        return ImageArrays(path=str(write_samples(run, samples)))
    if not path.exists():
        raise ConfigurationError(
            f"There are no images at {path}. Expected a folder of images or an .npz file."
        )
    if not path.is_dir():
        return ImageArrays(path=str(path.resolve()))
    height, width, channels = samples[0].shape[1:]
    resize = height if height == width else None
    return ImageFolder(path=str(path.resolve()), resize=resize, grey=channels == 1)


def prepare_images(dataset: StoredImages, cache: Path, shape: tuple[int, ...]) -> None:
    """Have the images read, and make sure that they are like those of the models.

    Raises:
        ConfigurationError: If their shape is another.
        StageError: If they cannot be read.
    """
    display = ProgressDisplay("data")
    try:
        dataset.prepare(
            cache, lambda done, total, **details: display.update(dataset.name, done, total)
        )
        found = dataset.open(cache).image_shape
    except ValueError as error:
        raise StageError(str(error)) from error
    finally:
        display.close()
    if found != shape:
        raise ConfigurationError(
            f"The images of --images have another shape than those of the models. Expected {shape} "
            f"(height, width, channels). Received: {found}"
        )


def write_models(run: RunDirectory, exports: Sequence[Export]) -> None:
    """Write models.csv, by which other commands find the models."""
    rows = [
        {
            **one.columns,
            "export": "final",
            "directory": relative_directory(run, one.model_id),
            "status": "done",
            "reason": "",
            "train_seconds": None,
            "parameters": None,
        }
        for one in exports
    ]
    write_table(run.models_csv, pd.DataFrame(rows, columns=MODEL_COLUMNS), MODEL_COLUMNS)
