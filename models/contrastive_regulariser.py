"""The contrastive regulariser: what Gin binds; `models.contrastive_player` lets H play."""

import dataclasses

from models import checks
from models.base import OPTIMIZERS
from models.codes.joint_code import JointCode
from models.networks.convolutional import ContrastiveNetwork
from models.optimizers.recipes import Adam, RMSprop
from models.schedules import Schedule, set_schedule


@dataclasses.dataclass(frozen=True, kw_only=True)
class ContrastiveRegulariser:
    """InfoGAN-CR's regulariser (Lin et al. 2020, https://arxiv.org/abs/1906.06034, equation 5).

    A network H sees two generated images whose codes agree in exactly one place and says in which;
    the generator, or the decoder of a VAE, helps it.

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

    def __post_init__(self):
        checks.instance("contrastive", self.contrastive, ContrastiveNetwork)
        checks.instance("cr_optimizer", self.cr_optimizer, OPTIMIZERS)
        set_schedule(self, "cr_weight", minimum=0.0)
        set_schedule(self, "gap", minimum=0.0, maximum=2.0)

    def check_codes(self, codes: JointCode) -> None:
        """Refuse codes that H cannot tell apart, or that cannot keep the gap."""
        for gap in self.gap.values:
            codes.check_gap("gap", gap)
        if codes.num_codes < 2:
            checks.fail("codes", codes, "at least two regularised codes to tell apart")

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
