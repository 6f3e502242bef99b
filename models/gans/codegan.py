"""CoDeGAN: what Gin binds; `models.gans.codegan_model` holds the train step."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.base import OPTIMIZERS, Method, check_decay, check_instances
from models.codes.joint_code import FeatureCode
from models.gans.simclr import SimCLR
from models.layers.augmentation import Augmentation
from models.networks.convolutional import ConvEncoder
from models.networks.deconvolutional import DeconvGenerator
from models.networks.residual import ResidualDiscriminator, ResidualGenerator, ResNetEncoder
from models.optimizers.recipes import Adam, RMSprop

if TYPE_CHECKING:
    from models.gans.codegan_model import CoDeGANModel

GENERATORS = (DeconvGenerator, ResidualGenerator)
DISCRIMINATORS = (ConvEncoder, ResidualDiscriminator)
ENCODERS = (ConvEncoder, ResNetEncoder)
PLAYERS = ("generator", "discriminator", "class", "noise")
GAMES = ("non_saturating", "hinge", "wasserstein")  # of models.losses.adversarial


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoDeGAN(Method):
    """CoDeGAN (Zhao et al. 2021, https://arxiv.org/abs/2103.03636).

    With few labels (`num_labelled`), real images join the generated ones in L_c.

    An iteration is a whole round: `discriminator_steps` updates of D, each on real images of its
    own, then one of G and of the encoders. It therefore takes `discriminator_steps` x
    `discriminator_batch` real images (`training.batch_size`); an epoch of a data set of n images
    is n over that many iterations.

    Attributes:
        codes: the class and the noise z, and the number of class features.
        generator: G.
        discriminator: D.
        class_encoder: E_c, from images to class features.
        noise_encoder: E_z, from images to z; None where E_z is a second head of E_c's trunk.
        generator_optimizer: of G.
        discriminator_optimizer: of D.
        class_optimizer: of E_c.
        noise_optimizer: of E_z.
        augmentation: that makes the second view of a generated image.
        game: "wasserstein", "hinge" or "non_saturating".
        penalty_weight: of the gradient penalty in D's loss; 0 for none.
        class_weight: beta_1, the weight of L_c in G's loss.
        noise_weight: beta_2, the weight of L_z.
        temperature: tau of L_c.
        stop_at_view: whether G learns nothing through the augmented view.
        discriminator_steps: updates of D in an iteration ("critic").
        discriminator_batch: real images, and generated ones, of an update of D.
        generator_batch: generated images of an update of G.
        class_batch: the same of E_c.
        noise_batch: the same of E_z; as large as class_batch where they share a trunk.
        class_from: iteration from which E_c learns ("chain_step", there in epochs); before it,
            E_c stays as it is, and of a shared trunk only the head of z learns.
        freezes_shared_encoder: whether that head stays as it is, too, until then, as in the
            authors' release.
        pretraining: how E_c is trained on real images first; None: not at all.
        num_labelled: real images whose labels L_c is told, the same number of each class, chosen
            at random by the model's seed; 0: none, and the labels of the data play no part.
        labelled_batch: of these, drawn anew for each L_c, beside the generated images.
        generator_decay: decay, below 1, of the moving average of G's weights over iterations that
            is exported in the place of G, such as 0.999; 0: none.
        name: how tables call the method.
    """

    codes: FeatureCode
    generator: DeconvGenerator | ResidualGenerator
    discriminator: ConvEncoder | ResidualDiscriminator
    class_encoder: ConvEncoder | ResNetEncoder
    noise_encoder: ConvEncoder | ResNetEncoder | None
    generator_optimizer: Adam | RMSprop
    discriminator_optimizer: Adam | RMSprop
    class_optimizer: Adam | RMSprop
    noise_optimizer: Adam | RMSprop
    augmentation: Augmentation
    game: str
    penalty_weight: float
    class_weight: float
    noise_weight: float
    stop_at_view: bool
    discriminator_steps: int
    discriminator_batch: int
    generator_batch: int
    class_batch: int
    noise_batch: int
    class_from: int
    temperature: float = 0.07
    freezes_shared_encoder: bool = dataclasses.field(default=False, metadata=checks.LATER)
    pretraining: SimCLR | None = None
    num_labelled: int = dataclasses.field(default=0, metadata=checks.LATER)
    labelled_batch: int = dataclasses.field(default=0, metadata=checks.LATER)
    generator_decay: float = dataclasses.field(default=0.0, metadata=checks.LATER)
    name: str = "codegan"

    def __post_init__(self):
        super().__post_init__()
        checks.instance("codes", self.codes, FeatureCode)
        checks.instance("generator", self.generator, GENERATORS)
        checks.instance("discriminator", self.discriminator, DISCRIMINATORS)
        checks.instance("class_encoder", self.class_encoder, ENCODERS)
        if self.noise_encoder is not None:
            checks.instance("noise_encoder", self.noise_encoder, ENCODERS)
        check_instances(self, [f"{player}_optimizer" for player in PLAYERS], OPTIMIZERS)
        for player in PLAYERS:
            checks.integer(f"{player}_batch", getattr(self, f"{player}_batch"), minimum=1)
        checks.instance("augmentation", self.augmentation, Augmentation)
        checks.choice("game", self.game, GAMES)
        for name in ("penalty_weight", "class_weight", "noise_weight"):
            checks.number(name, getattr(self, name), minimum=0.0)
        checks.positive_number("temperature", self.temperature)
        checks.flag("stop_at_view", self.stop_at_view)
        checks.flag("freezes_shared_encoder", self.freezes_shared_encoder)
        checks.integer("discriminator_steps", self.discriminator_steps, minimum=1)
        checks.integer("class_from", self.class_from, minimum=0)
        if self.shares_trunk and self.class_batch != self.noise_batch:
            checks.fail("noise_batch", self.noise_batch, f"class_batch={self.class_batch}: one E")
        if self.shares_trunk and self.class_weight == 0.0:
            checks.fail("class_weight", 0.0, "a number > 0: E learns L_c + beta_2 / beta_1 L_z")
        if self.pretraining is not None:
            checks.instance("pretraining", self.pretraining, SimCLR)
        check_decay(self)
        checks.integer("num_labelled", self.num_labelled, minimum=0)
        checks.integer("labelled_batch", self.labelled_batch, minimum=0)
        if bool(self.num_labelled) != bool(self.labelled_batch):
            expected = f"both above 0 or neither: num_labelled={self.num_labelled}"
            checks.fail("labelled_batch", self.labelled_batch, expected)
        if self.labelled_batch > self.num_labelled:
            expected = f"at most num_labelled={self.num_labelled}, of which it is drawn"
            checks.fail("labelled_batch", self.labelled_batch, expected)

    @property
    def shares_trunk(self) -> bool:
        """Whether E_c and E_z are two heads of one network."""
        return self.noise_encoder is None

    @property
    def images_per_iteration(self) -> int:
        """Real images that an iteration takes."""
        return self.discriminator_steps * self.discriminator_batch

    @property
    def milestones(self) -> tuple[int, ...]:
        """The iteration at which E_c starts to learn, unless that is the first."""
        return (self.class_from,) if self.class_from else ()

    def _model_class(self) -> "type[CoDeGANModel]":
        from models.gans.codegan_model import CoDeGANModel

        return CoDeGANModel
