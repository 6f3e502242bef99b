"""Recipes of the methods: which codes, networks, optimisers and weights make one training."""

import dataclasses

from models import checks
from models.base import OPTIMIZERS, Method
from models.networks.architectures import ContrastiveNetwork, ConvDiscriminator, DeconvGenerator
from models.optimizers.recipes import Adam, RMSprop
from models.schedules import Schedule, set_schedule


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
        checks.instance("generator_optimizer", self.generator_optimizer, OPTIMIZERS)
        checks.instance("discriminator_optimizer", self.discriminator_optimizer, OPTIMIZERS)
        set_schedule(self, "info_weight", minimum=0.0)
        checks.integer("generator_steps", self.generator_steps, minimum=1)
        checks.flag("fresh_codes", self.fresh_codes)

    def _model_class(self):
        from models.gans.infogan_model import InfoGANModel

        return InfoGANModel

    def multiply_adds(self, image_shape: tuple[int, int, int], iteration: int) -> int:
        """Returns the multiply-adds of all players' passes; see `Method`."""
        return self._generator_cost(image_shape, 1) + self._discriminator_cost(image_shape)

    def _generator_cost(self, image_shape: tuple[int, int, int], num_fakes: int) -> int:
        """G's own passes: forward, to the weights, to the inputs, in each of its updates."""
        once = self.generator.multiply_adds(image_shape, self.codes.latent_dim)
        passes_for_discriminator = 1 if self.fresh_codes else 0
        return once * (3 * num_fakes * self.generator_steps + passes_for_discriminator)

    def _discriminator_cost(self, image_shape: tuple[int, int, int]) -> int:
        """Three passes over real and fake images, then two over the fakes for each G update."""
        once = self.discriminator.multiply_adds(image_shape, self.codes.q_dim)
        return once * (6 + 2 * self.generator_steps)


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
        """Whether alpha is above 0 during `iteration`, so that H plays."""
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

    def _model_class(self):
        from models.gans.infogan_cr_model import InfoGANCRModel

        return InfoGANCRModel

    def multiply_adds(self, image_shape: tuple[int, int, int], iteration: int) -> int:
        """Returns the multiply-adds of all players' passes; see `Method`."""
        if not self.is_regularised_at(iteration):
            return super().multiply_adds(image_shape, iteration)
        contrastive = self.contrastive.multiply_adds(image_shape, self.codes.num_codes)
        return (
            self._generator_cost(image_shape, 3)
            + self._discriminator_cost(image_shape)
            + contrastive * (3 + 2 * self.generator_steps)
        )
