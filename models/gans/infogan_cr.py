"""InfoGAN-CR: what Gin binds; `models.gans.infogan_cr_model` holds the train step."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.base import OPTIMIZERS
from models.gans.infogan import InfoGAN
from models.networks.convolutional import ContrastiveNetwork
from models.optimizers.recipes import Adam, RMSprop
from models.schedules import Schedule, set_schedule

if TYPE_CHECKING:
    from models.gans.infogan_cr_model import InfoGANCRModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class InfoGANCR(InfoGAN):
    """InfoGAN-CR (Lin et al. 2020, https://arxiv.org/abs/1906.06034).

    While `cr_weight` is 0 this is InfoGAN, to the bit.

    Attributes:
        contrastive: H.
        cr_optimizer: of H.
        cr_weight: alpha, the weight of the contrastive regulariser; a number or a schedule.
        gap: least distance between codes that a pair does not share, in [0, 2]; a number or a
            schedule. H starts afresh when alpha leaves 0 and whenever the gap changes after that.
    """

    contrastive: ContrastiveNetwork
    cr_optimizer: Adam | RMSprop
    cr_weight: Schedule
    gap: Schedule
    name: str = "infogan_cr"

    def __post_init__(self):
        super().__post_init__()
        if self.fresh_codes:
            checks.fail("fresh_codes", True, "False: InfoGAN-CR draws once an iteration")
        checks.instance("contrastive", self.contrastive, ContrastiveNetwork)
        checks.instance("cr_optimizer", self.cr_optimizer, OPTIMIZERS)
        set_schedule(self, "cr_weight", minimum=0.0)
        set_schedule(self, "gap", minimum=0.0, maximum=2.0)
        for gap in self.gap.values:
            self.codes.check_gap("gap", gap)
        if self.codes.num_codes < 2:
            checks.fail("codes", self.codes, "at least two regularised codes to tell apart")

    def is_regularised_at(self, iteration: int) -> bool:
        """Return whether alpha is above 0 during `iteration`, so that H plays."""
        return self.cr_weight.at(iteration) > 0.0

    @property
    def milestones(self) -> tuple[int, ...]:
        """Iterations before which the host has to call `model.begin_segment`.

        Those at which alpha leaves or reaches 0, and changes of the gap while it is above 0.
        """
        switches = [
            start
            for start in self.cr_weight.changes
            if self.is_regularised_at(start) != self.is_regularised_at(start - 1)
        ]
        gaps = [start for start in self.gap.changes if self.is_regularised_at(start)]
        return tuple(sorted({*switches, *gaps}))

    @property
    def snapshots(self) -> dict[int, tuple[str, str]]:
        """The published baseline: the model as it is when alpha leaves 0 for the first time."""
        if self.is_regularised_at(0):
            return {}
        starts = [start for start in self.milestones if self.is_regularised_at(start)]
        return {starts[0]: ("before_cr", "infogan_modified")} if starts else {}

    def _model_class(self) -> "type[InfoGANCRModel]":
        from models.gans.infogan_cr_model import InfoGANCRModel

        return InfoGANCRModel
