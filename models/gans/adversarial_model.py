"""What methods with adversaries have in common beyond `models.trained_model`."""

from models.layers.frozen import Frozen
from models.trained_model import TrainedModel, check_partition

__all__ = ["AdversarialModel", "Frozen", "check_partition"]


class AdversarialModel(TrainedModel):
    """A generator and the networks that judge it, each trained by a player of its own.

    Arguments and attributes are those of `TrainedModel`; a player's pass through another player's
    network goes through a `Frozen`.
    """
