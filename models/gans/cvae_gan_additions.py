"""What we add to `models.gans.cvae_gan` against the identity in z; the paper has none of it."""

import dataclasses

from models import checks
from models.base import OPTIMIZERS
from models.networks.dense import DenseNetwork
from models.optimizers.recipes import Adam, RMSprop
from models.schedules import Schedule, as_schedule, set_schedule

VERIFIER_INPUTS = ("draws", "means")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Additions:
    """Fields of the recipe beside the paper's, all of them off by default.

    Attributes:
        mismatch_weight: in D's loss, of real images beside the condition of another identity, which
            D is to refuse; 0: not shown.
        cycle_weight: of the distance between the z found in two images of different identities
            that were made from one z of the prior (Jha et al. 2018, arXiv 1804.10469); it trains
            the encoder alone. 0: not made.
        verifier_weight: of the encoder's loss against V, a network that learns from pairs of z's
            whether they are of one identity; the encoder is to leave it in doubt. Like D, V needs
            no labels. A number or a schedule; 0 throughout: V does not play.
        verifier_input: what of q(z | x) V sees: "draws", as the decoder does, or "means", in
            which noise hides nothing.
        verifier: the layers of V; needed where it plays.
        verifier_optimizer: of V; needed where it plays.
        verifier_steps: updates of V after each of encoder and decoder.
    """

    mismatch_weight: float = 0.0
    cycle_weight: float = 0.0
    verifier_weight: float | Schedule = 0.0
    verifier_input: str = "draws"
    verifier: DenseNetwork | None = None
    verifier_optimizer: Adam | RMSprop | None = None
    verifier_steps: int = 1

    def check_additions(self) -> None:
        """Check these fields, and make the weight of V a schedule."""
        checks.choice("verifier_input", self.verifier_input, VERIFIER_INPUTS)
        for name in ("mismatch_weight", "cycle_weight"):
            checks.number(name, getattr(self, name), minimum=0.0)
        set_schedule(self, "verifier_weight", minimum=0.0)
        checks.integer("verifier_steps", self.verifier_steps, minimum=1)
        if self.has_verifier or self.verifier is not None:
            checks.instance("verifier", self.verifier, DenseNetwork)
            checks.instance("verifier_optimizer", self.verifier_optimizer, OPTIMIZERS)

    @property
    def has_verifier(self) -> bool:
        """Whether V plays."""
        return max(as_schedule(self.verifier_weight).values) > 0.0

    @property
    def has_additions(self) -> bool:
        """Whether anything of this is on."""
        return self.has_verifier or self.mismatch_weight > 0.0 or self.cycle_weight > 0.0
