"""What the monitor of a training tells a tracker."""

import abc
from collections.abc import Mapping

import numpy as np


class Tracker(abc.ABC):
    """Shows a training elsewhere than in the files of its run; no result depends on it."""

    @abc.abstractmethod
    def scalars(self, iteration: int, values: Mapping[str, float]) -> None:
        """Take in losses, scores and norms of gradients, by name, of a row of the history."""

    @abc.abstractmethod
    def picture(self, iteration: int, name: str, picture: np.ndarray) -> None:
        """Take in a picture, uint8 `[height, width, 3]`: "samples" or "traversals"."""

    @abc.abstractmethod
    def flush(self) -> None:
        """Write what was taken in so far."""

    @abc.abstractmethod
    def close(self, finished: bool) -> None:
        """Write the rest; nothing more comes from this process.

        Args:
            finished: Whether the training has come to its end, or else will go on later.
        """
