"""InfoGAN: what Gin binds; `models.gans.infogan_model` holds the train step."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.base import OPTIMIZERS, Method, check_decay, check_instances
from models.codes.joint_code import CategoricalCode
from models.layers.reading import Reading, check_readings
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
        discrete_info_weight: lambda of the categorical codes, where it is another than that of the
            continuous ones (as with the paper's chairs); None: `info_weight`.
        readings: of codes that Q reads off something else than whole images (ours); those that no
            reading names it reads off whole ones.
        generator_decay: decay, below 1, of the moving average of G's weights over iterations that
            is exported in the place of G, such as 0.999; 0: none.
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
    discrete_info_weight: Schedule | None = dataclasses.field(default=None, metadata=checks.LATER)
    readings: tuple[Reading, ...] = dataclasses.field(default=(), metadata=checks.LATER)
    generator_decay: float = dataclasses.field(default=0.0, metadata=checks.LATER)
    name: str = "infogan"

    def __post_init__(self):
        super().__post_init__()
        checks.instance("generator", self.generator, DeconvGenerator)
        checks.instance("discriminator", self.discriminator, ConvDiscriminator)
        check_instances(self, ("generator_optimizer", "discriminator_optimizer"), OPTIMIZERS)
        set_schedule(self, "info_weight", minimum=0.0)
        if self.discrete_info_weight is not None:
            set_schedule(self, "discrete_info_weight", minimum=0.0)
            kinds = {isinstance(part, CategoricalCode) for part in self.codes.informative}
            if len(kinds) < 2:
                expected = "None: the codes are not both categorical and continuous"
                checks.fail("discrete_info_weight", self.discrete_info_weight, expected)
        readings = check_readings(self.readings, self.codes)
        object.__setattr__(self, "readings", readings)
        checks.integer("generator_steps", self.generator_steps, minimum=1)
        checks.flag("fresh_codes", self.fresh_codes)
        check_decay(self)

    @property
    def info_weights(self) -> dict[Schedule, tuple[int, ...]]:
        """Each lambda, and the numbers of the informative parts of the codes that have it."""
        own = {name: reading.info_weight for reading in self.readings for name in reading.codes}
        parts: dict[Schedule, tuple[int, ...]] = {}
        for number, part in enumerate(self.codes.informative):
            weight = own.get(self.codes.names_of_parts[number][0])
            if weight is None and isinstance(part, CategoricalCode):
                weight = self.discrete_info_weight
            weight = weight or self.info_weight
            parts[weight] = (*parts.get(weight, ()), number)
        return parts

    def _model_class(self) -> "type[InfoGANModel]":
        from models.gans.infogan_model import InfoGANModel

        return InfoGANModel
