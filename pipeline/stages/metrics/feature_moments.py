"""Mean and covariance of features that stream by, and what they are kept in."""

from pathlib import Path

import numpy as np

from pipeline.runs.files import atomic_path


class FeatureMoments:
    """Mean and covariance of rows that are seen once (Chan et al. 1979).

    Attributes:
        count: Rows so far.
        mean: float64 `[feature_dim]`.
    """

    def __init__(self):
        self.count = 0
        self.mean = np.zeros(())
        self._products = np.zeros(())

    def update(self, features: np.ndarray) -> None:
        """Take in features `[n, feature_dim]`."""
        features = features.astype(np.float64)
        count, mean = len(features), features.mean(axis=0)
        total, difference = self.count + count, mean - self.mean
        centred = features - mean
        share = self.count * count / total
        self._products = (
            self._products + centred.T @ centred + share * np.outer(difference, difference)
        )
        self.mean = self.mean + difference * count / total
        self.count = total

    @property
    def covariance(self) -> np.ndarray:
        """Covariance `[feature_dim, feature_dim]`, of one degree of freedom less than rows."""
        return self._products / (self.count - 1)

    def save(self, path: Path) -> None:
        """Write mean and covariance to an .npz file, atomically."""
        with atomic_path(path) as temporary:
            np.savez(temporary, mean=self.mean, covariance=self.covariance)


def load_moments(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance from a file of `FeatureMoments.save`."""
    with np.load(path, allow_pickle=False) as content:
        return content["mean"], content["covariance"]
