"""TensorBoard: event files in the folder of the model."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline.stages.train.trackers.tracker import Tracker


class TensorBoardTracker(Tracker):
    """Writes event files.

    Args:
        folder: Where.
    """

    def __init__(self, folder: Path):
        self._events = tf.summary.create_file_writer(str(folder))

    def scalars(self, iteration: int, values: Mapping[str, float]) -> None:
        """See `Tracker`."""
        with self._events.as_default(step=iteration):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def picture(self, iteration: int, name: str, picture: np.ndarray) -> None:
        """See `Tracker`."""
        with self._events.as_default(step=iteration):
            tf.summary.image(name, picture[np.newaxis])

    def flush(self) -> None:
        """See `Tracker`."""
        self._events.flush()

    def close(self, finished: bool) -> None:
        """See `Tracker`."""
        self._events.close()
