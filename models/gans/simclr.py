"""SimCLR, which trains CoDeGAN's class encoder first; the train step is in `simclr_model`."""

import dataclasses
from typing import ClassVar

from models import checks
from models.base import OPTIMIZERS
from models.layers.augmentation import Augmentation
from models.optimizers.recipes import Adam, RMSprop


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimCLR:
    """Self-supervised training of an encoder on real images (Chen et al. 2020, 2002.05709).

    Two augmented views of each image are drawn together and views of other images apart, with
    NT-Xent. The encoder's own head, which CoDeGAN's losses see later, takes the part of SimCLR's
    projection. CoDeGAN's recipe is not published; the defaults are SimCLR's own for small images
    (temperature 0.5, no blur), with Adam at 1e-3 in the place of LARS.

    Attributes:
        augmentation: that makes the two views.
        optimizer: of the encoder.
        iterations: batches.
        batch_size: real images of a batch.
        temperature: tau.
        seed: of initial weights, order and views; the encoder serves all models of a sweep.
        log_every: iterations from one row of the history to the next, and between checkpoints.
    """

    gin_name: ClassVar[str] = "simclr"

    augmentation: Augmentation
    optimizer: Adam | RMSprop
    iterations: int
    batch_size: int = 256
    temperature: float = 0.5
    seed: int = 0
    log_every: int = dataclasses.field(default=100, metadata={"affects_results": False})

    def __post_init__(self):
        checks.instance("augmentation", self.augmentation, Augmentation)
        checks.instance("optimizer", self.optimizer, OPTIMIZERS)
        for name, minimum in (("iterations", 1), ("batch_size", 2), ("seed", 0), ("log_every", 1)):
            checks.integer(name, getattr(self, name), minimum=minimum)
        checks.positive_number("temperature", self.temperature)
