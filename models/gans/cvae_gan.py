"""Recipes of methods that are told which images show the same identity, and nothing else."""

import dataclasses

from models import checks
from models.base import OPTIMIZERS, Method
from models.codes.joint_code import EmpiricalCodes, GaussianCodes
from models.networks.architectures import DenseNetwork
from models.networks.identity_architectures import BigNetworks, SmallNetworks
from models.optimizers.recipes import Adam, RMSprop
from models.schedules import Schedule, set_schedule

CONDITIONINGS = ("pair", "identity")
VERIFIER_INPUTS = ("draws", "means")
WEIGHTS = (
    "reconstruction_weight",
    "swap_weight",
    "adversarial_weight",
    "prior_weight",
    "mismatch_weight",
    "cycle_weight",
)
SCHEDULED = ("kl_weight", "verifier_weight")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConditionalVAEGAN(Method):
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
        mismatch_weight: in D's loss, of real images beside the condition of another identity, which
            D is to refuse; 0: not shown. Not in the paper.
        cycle_weight: of the distance between the z found in two images of different identities
            that were made from one z of the prior (Jha et al. 2018, arXiv 1804.10469); it trains
            the encoder alone. 0: not made. Not in the paper.
        verifier_weight: of the encoder's loss against V, a network that learns from pairs of z's
            whether they are of one identity; the encoder is to leave it in doubt. Like D, V needs
            no labels. A number or a schedule; 0 throughout: V does not play. Not in the paper.
        verifier_input: what of q(z | x) V sees: "draws", as the decoder does, or "means", in
            which noise hides nothing.
        verifier: the layers of V; needed where it plays.
        verifier_optimizer: of V; needed where it plays.
        verifier_steps: updates of V after each of encoder and decoder.
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
    mismatch_weight: float = 0.0
    cycle_weight: float = 0.0
    verifier_weight: float | Schedule = 0.0
    verifier_input: str = "draws"
    verifier: DenseNetwork | None = None
    verifier_optimizer: Adam | RMSprop | None = None
    verifier_steps: int = 1
    discriminator_steps: int = 1
    real_label: float = 0.95
    num_identities: int | None = None
    name: str = "cvae_gan"

    needs_triplets = True

    def __post_init__(self):
        super().__post_init__()
        kinds = tuple(type(part) for part in self.codes.parts)
        if kinds != (EmpiricalCodes, GaussianCodes) or self.codes.parts[1].learned_std:
            expected = "EmpiricalCodes (s), then GaussianCodes without learned_std (z)"
            checks.fail("codes", self.codes, expected)
        checks.instance("networks", self.networks, (BigNetworks, SmallNetworks))
        for name in ("generator_optimizer", "discriminator_optimizer"):
            checks.instance(name, getattr(self, name), OPTIMIZERS)
        checks.choice("conditioning", self.conditioning, CONDITIONINGS)
        checks.choice("verifier_input", self.verifier_input, VERIFIER_INPUTS)
        for name in WEIGHTS:
            checks.number(name, getattr(self, name), minimum=0.0)
        for name in SCHEDULED:
            set_schedule(self, name, minimum=0.0)
        for name in ("discriminator_steps", "verifier_steps"):
            checks.integer(name, getattr(self, name), minimum=1)
        if self.has_verifier or self.verifier is not None:
            checks.instance("verifier", self.verifier, DenseNetwork)
            checks.instance("verifier_optimizer", self.verifier_optimizer, OPTIMIZERS)
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

    @property
    def has_verifier(self) -> bool:
        """Whether V plays."""
        return max(self.verifier_weight.values) > 0.0

    def multiply_adds(self, image_shape: tuple[int, int, int], iteration: int) -> int:
        """Returns the multiply-adds that `iteration` spends per triplet; see `Method`.

        Three images are encoded; four are made, and for D two or three more.
        """
        networks = self.networks
        outputs = self.specified_dim + 2 * self.unspecified_dim
        encoding = networks.encoder_cost(image_shape, outputs)
        decoding = networks.decoder_cost(image_shape, self.codes.latent_dim)
        num_seen = 2 if self.conditioning == "pair" else 1
        judging = networks.discriminator_cost(image_shape, num_seen) if self.has_adversary else 0
        num_prior, num_mismatched = int(self.prior_weight > 0), int(self.mismatch_weight > 0)
        total = 9 * encoding + decoding * (3 * (4 + self.has_adversary + num_prior))
        if self.cycle_weight > 0:
            total += 6 * encoding + 2 * decoding
        judged = 4 + num_prior + num_mismatched
        total += judging * (2 * (1 + num_prior) + 3 * self.discriminator_steps * judged)
        if self.has_verifier:
            verifying = self.verifier.multiply_adds(3 * self.unspecified_dim, 1)
            total += verifying * 2 * (2 + 3 * self.verifier_steps)
        return total + decoding * self.has_adversary

    def _model_class(self):
        from models.gans.cvae_gan_model import ConditionalVAEGANModel

        return ConditionalVAEGANModel
