"""How Q reads some of the codes: off what it is shown instead of whole images (ours)."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.codes.joint_code import JointCode
from models.layers.augmentation import Augmentation
from models.layers.normalisation import ImageNormalisation
from models.schedules import Schedule, set_schedule

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
    """Codes that Q reads off images in which it cannot see everything.

    What the view hides, or the changes change, such a code can hardly say: it is left to the
    others. So a class read off sprites that were brought to one place and size and turned at random
    is a shape; a number read off discs that were turned around the middle is how far out they are.

    Attributes:
        codes: names of the codes, as `JointCode.code_names` has them, such as "categorical_1".
        view: what Q is shown, in training and wherever images are encoded; None: the image.
        changes: random changes of that, in training only; None: none.
        info_weight: lambda of these codes, a number or a schedule; None: the method's. What can be
            seen of a shown image is little at first, and such a code may need a heavier one.
    """

    codes: tuple[str, ...]
    view: ImageNormalisation | None = None
    changes: Augmentation | None = None
    info_weight: Schedule | None = None
    kind: str = dataclasses.field(default="reading", init=False)

    def __post_init__(self):
        if not isinstance(self.codes, tuple | list) or not self.codes:
            checks.fail("codes", self.codes, "a tuple of names of codes, such as ('uniform_1',)")
        object.__setattr__(self, "codes", tuple(self.codes))
        for name, kind in (("view", ImageNormalisation), ("changes", Augmentation)):
            value = getattr(self, name)
            if value is not None:
                checks.instance(name, value, kind)
        if self.view is None and self.changes is None:
            checks.fail("view", self.view, "a view, or changes: without both Q sees whole images")
        if self.info_weight is not None:
            set_schedule(self, "info_weight", minimum=0.0)

    def show(self, images: "tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        """Return what Q is shown of images while training, of the same shape.

        Args:
            images: float [batch, height, width, channels] in [0, 1].
            seed: an integer tensor [2], of the changes' draws.
        """
        if self.view is not None:
            images = self.view.apply(images)
        return images if self.changes is None else self.changes.apply(images, seed)


def check_readings(readings: object, codes: JointCode) -> tuple[Reading, ...]:
    """Return a method's readings as a tuple; refuse names that are no codes, or are read twice.

    A lambda is that of whole parts of the codes.
    """
    if not isinstance(readings, tuple | list):
        checks.fail("readings", readings, "a tuple of recipes, such as (@reading(),)")
    read: list[str] = []
    for reading in readings:
        read += checks.instance("readings", reading, Reading).codes
    for name in read:
        checks.choice("reading.codes", name, codes.code_names)
        if read.count(name) > 1:
            checks.fail("reading.codes", name, "each code in one reading")
    for reading in readings:
        for names in codes.names_of_parts if reading.info_weight is not None else ():
            if set(names) & set(reading.codes) not in (set(), set(names)):
                expected = "the codes of whole parts, since it has an info_weight"
                checks.fail("reading.codes", reading.codes, expected)
    return tuple(readings)
