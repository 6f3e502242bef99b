"""Mathieu's conditional VAE with adversarial training: what Gin binds.

`models.gans.cvae_gan_model` holds the paper's train step; what we add to it, all off by default, is
in `models.gans.cvae_gan_additions` and `models.gans.cvae_gan_additions_model`.
"""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from models import checks
from models.base import OPTIMIZERS, Method, check_instances
from models.codes.joint_code import EmpiricalCodes, GaussianCodes
from models.gans.cvae_gan_additions import Additions
from models.networks.identity_families import BigNetworks, SmallNetworks
from models.optimizers.recipes import Adam, RMSprop
from models.schedules import Schedule, set_schedule

if TYPE_CHECKING:
    from models.gans.cvae_gan_model import ConditionalVAEGANModel

CONDITIONINGS = ("pair", "identity")
WEIGHTS = ("reconstruction_weight", "swap_weight", "adversarial_weight", "prior_weight")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConditionalVAEGAN(Additions, Method):
    """Conditional VAE with adversarial training (Mathieu et al. 2016, arXiv 1611.03383).

    The codes are s (specified: the identity), which has no prior, then z (unspecified: everything
    else), standard normal: `codes` holds `EmpiricalCodes` and `GaussianCodes` in this order. A
    training batch of size n is n triplets of images.

    Attributes:
        networks: the family of encoder, decoder and discriminator.
        conditioning: what D is told of the identity: "pair", another image that shows it, which
            needs no labels; or "identity", its number (as in the authors' release).
        generator_optimizer: of encoder and decoder.
        discriminator_optimizer: of D.
        reconstruction_weight: of the squared error of images made from their own s and z.
        swap_weight: of that of images made from the s of another image of the same identity.
        adversarial_weight: of D's judgement of images made from z and s of different identities;
            where nothing depends on D it does not play.
        kl_weight: of KL(q(z | x) || N(0, I)) per value of an image, as the errors are per value; a
            number or a schedule `[(from_iteration, weight), ...]`. Too heavy a KL from the start
            leaves z unused (Bowman et al. 2016, arXiv 1511.06349, section 3.1).
        prior_weight: of D's judgement of images made from z of the prior; 0: not made.
        discriminator_steps: updates of D after each of encoder and decoder.
        real_label: what D's output for real images is drawn to (1: no smoothing).
        num_identities: how many identities there are in training; needed by "identity".
        name: how tables call the method.
    """

    networks: BigNetworks | SmallNetworks
    generator_optimizer: Adam | RMSprop
    discriminator_optimizer: Adam | RMSprop
    reconstruction_weight: float
    swap_weight: float
    adversarial_weight: float
    kl_weight: float | Schedule
    conditioning: str = "pair"
    prior_weight: float = 0.0
    discriminator_steps: int = 1
    real_label: float = 0.95
    num_identities: int | None = None
    name: str = "cvae_gan"

    needs_triplets = True
    posterior_network: ClassVar[str | None] = "posterior"

    def __post_init__(self):
        super().__post_init__()
        kinds = tuple(type(part) for part in self.codes.parts)
        if kinds != (EmpiricalCodes, GaussianCodes) or self.codes.parts[1].learned_std:
            expected = "EmpiricalCodes (s), then GaussianCodes without learned_std (z)"
            checks.fail("codes", self.codes, expected)
        checks.instance("networks", self.networks, (BigNetworks, SmallNetworks))
        check_instances(self, ("generator_optimizer", "discriminator_optimizer"), OPTIMIZERS)
        checks.choice("conditioning", self.conditioning, CONDITIONINGS)
        for name in WEIGHTS:
            checks.number(name, getattr(self, name), minimum=0.0)
        set_schedule(self, "kl_weight", minimum=0.0)
        checks.integer("discriminator_steps", self.discriminator_steps, minimum=1)
        self.check_additions()
        checks.number("real_label", self.real_label, minimum=0.5, maximum=1.0)
        if self.num_identities is not None or self.needs_identities:
            checks.integer("num_identities", self.num_identities, minimum=2)

    @property
    def specified_dim(self) -> int:
        """Length of s."""
        return self.codes.parts[0].dim

    @property
    def unspecified_dim(self) -> int:
        """Length of z."""
        return self.codes.parts[1].dim

    @property
    def needs_identities(self) -> bool:
        """Whether a batch holds the numbers of the identities beside the images."""
        return self.conditioning == "identity"

    @property
    def has_adversary(self) -> bool:
        """Whether anything depends on D, so that it plays."""
        return self.adversarial_weight > 0.0 or self.prior_weight > 0.0

    def _model_class(self) -> "type[ConditionalVAEGANModel]":
        if self.has_additions:
            from models.gans.cvae_gan_additions_model import ExtendedConditionalVAEGANModel

            return ExtendedConditionalVAEGANModel
        from models.gans.cvae_gan_model import ConditionalVAEGANModel

        return ConditionalVAEGANModel
