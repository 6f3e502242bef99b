"""InfoGAN: what Gin binds; `models.gans.infogan_model` holds the train step."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.base import OPTIMIZERS, Method, check_instances
from models.networks.convolutional import ConvDiscriminator
from models.networks.deconvolutional import DeconvGenerator
from models.optimizers.recipes import Adam, RMSprop
from models.schedules import Schedule, set_schedule

if TYPE_CHECKING:
    from models.gans.infogan_model import InfoGANModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class InfoGAN(Method):
    """InfoGAN (Chen et al. 2016, https://arxiv.org/abs/1606.03657).

    Attributes:
        codes: informative codes c and noise z.
        generator: G.
        discriminator: D and Q, which share their trunk.
        generator_optimizer: of G.
        discriminator_optimizer: of D and Q together.
        info_weight: lambda, the weight of the information loss; a number or a schedule
            `[(from_iteration, value), ...]`.
        generator_steps: updates of G after each update of D and Q.
        fresh_codes: whether each update of G draws codes of its own, as the InfoGAN release
            does, or sees the codes that D and Q saw, as the InfoGAN-CR release does.
        name: how tables call the method.
    """

    generator: DeconvGenerator
    discriminator: ConvDiscriminator
    generator_optimizer: Adam | RMSprop
    discriminator_optimizer: Adam | RMSprop
    info_weight: Schedule
    generator_steps: int
    fresh_codes: bool = False
    name: str = "infogan"

    def __post_init__(self):
        super().__post_init__()
        checks.instance("generator", self.generator, DeconvGenerator)
        checks.instance("discriminator", self.discriminator, ConvDiscriminator)
        check_instances(self, ("generator_optimizer", "discriminator_optimizer"), OPTIMIZERS)
        set_schedule(self, "info_weight", minimum=0.0)
        checks.integer("generator_steps", self.generator_steps, minimum=1)
        checks.flag("fresh_codes", self.fresh_codes)

    def _model_class(self) -> "type[InfoGANModel]":
        from models.gans.infogan_model import InfoGANModel

        return InfoGANModel
