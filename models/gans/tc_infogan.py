"""TC-InfoGAN: what Gin binds; `models.gans.tc_infogan_model` holds the train step."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.base import OPTIMIZERS
from models.gans.infogan import InfoGAN
from models.networks.dense import DenseNetwork
from models.optimizers.recipes import Adam, RMSprop
from models.schedules import Schedule, set_schedule

if TYPE_CHECKING:
    from models.gans.tc_infogan_model import TCInfoGANModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class TCInfoGAN(InfoGAN):
    """InfoGAN with the total correlation of Q's codes as a regulariser.

    FactorVAE's regulariser (Kim and Mnih 2018, https://arxiv.org/abs/1802.05983) on a GAN, with
    which Lin et al. 2020 (https://arxiv.org/abs/1906.06034) compare theirs. While `tc_weight` is 0
    every other network is InfoGAN's, to the bit, and the total correlation is only measured.

    Attributes:
        tc_discriminator: T, from codes to two logits.
        tc_optimizer: of T.
        tc_weight: gamma, the weight of the total correlation; a number or a schedule.
    """

    tc_discriminator: DenseNetwork
    tc_optimizer: Adam | RMSprop
    tc_weight: Schedule
    name: str = "tc_infogan"

    def __post_init__(self):
        super().__post_init__()
        checks.instance("tc_discriminator", self.tc_discriminator, DenseNetwork)
        checks.instance("tc_optimizer", self.tc_optimizer, OPTIMIZERS)
        set_schedule(self, "tc_weight", minimum=0.0)
        if self.codes.num_codes < 2:
            checks.fail("codes", self.codes, "at least two codes, which may depend on each other")

    def _model_class(self) -> "type[TCInfoGANModel]":
        from models.gans.tc_infogan_model import TCInfoGANModel

        return TCInfoGANModel
