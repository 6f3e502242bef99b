"""What the recipes of the methods have in common."""

import abc
import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from models import checks
from models.codes.joint_code import GaussianCodes, JointCode
from models.optimizers.recipes import Adam, RMSprop

if TYPE_CHECKING:
    from models.trained_model import TrainedModel

OPTIMIZERS = (Adam, RMSprop)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method(abc.ABC):
    """What the training stage asks of any method.

    A method is a class below this one, in a module of `models.gans` or `models.vaes` whose name is
    that of the method in Gin. It also has a field `name`, which tables call the method by.

    Attributes:
        codes: the latent vector.
    """

    codes: JointCode

    needs_num_images = False
    # Whether the model gives a posterior of its codes, and so their KL to the prior: VAEs.
    has_posterior = False
    # The network of the posterior of all codes that the model leaves, see `TrainedModel.exports`:
    # "posterior", mean and log variance; "full_posterior", mean and triangle; None.
    posterior_network: ClassVar[str | None] = None
    num_labelled = 0  # training images whose labels the model is told, see `load_labelled`
    needs_triplets = False  # of identities, see `pipeline.stages.train.triplets`

    def __post_init__(self):
        checks.instance("codes", self.codes, JointCode)
        checks.label("name", self.name)

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What tables call the method; a field of every method."""

    @property
    def images_per_iteration(self) -> int | None:
        """The number of real images that an iteration must be given; None: any."""
        return None

    @property
    def pretraining(self) -> Any:
        """The `SimCLR` by which an encoder is trained on real images before the model; or None."""
        return None

    @property
    def needs_identities(self) -> bool:
        """Whether a batch holds the numbers of the identities beside the images: no."""
        return False

    @property
    def milestones(self) -> tuple[int, ...]:
        """Iterations before which the host has to call `model.begin_segment`: none."""
        return ()

    @property
    def snapshots(self) -> dict[int, tuple[str, str]]:
        """Models to keep on the way: none."""
        return {}

    def build(
        self,
        image_shape: tuple[int, int, int],
        max_value: int,
        seed: int,
        num_images: int | None = None,
    ) -> "TrainedModel":
        """Return the Keras model, built and compiled.

        Args:
            image_shape: (height, width, channels) of the training images.
            max_value: the uint8 value of full intensity, 1 or 255.
            seed: of the initial weights and of every draw during training.
            num_images: of the training set; only methods with `needs_num_images` use it.
        """
        if self.needs_num_images:
            checks.integer("num_images", num_images, minimum=2)
        shape = checks.image_shape("image_shape", image_shape)
        return self._model_class()(self, shape, max_value, seed, num_images)

    @abc.abstractmethod
    def _model_class(self) -> "Callable[..., TrainedModel]":
        """Return the Keras class, imported only here: recipes are read without TensorFlow."""


def check_instances(recipe: Any, names: Iterable[str], kinds: type | tuple[type, ...]) -> None:
    """Refuse fields of a recipe that hold no instance of one of `kinds`."""
    for name in names:
        checks.instance(name, getattr(recipe, name), kinds)


def check_decay(recipe: Any) -> None:
    """Refuse a decay of the generator's average outside [0, 1)."""
    if checks.number("generator_decay", recipe.generator_decay, minimum=0.0) >= 1.0:
        checks.fail("generator_decay", recipe.generator_decay, "a number < 1; 0 for no average")


def check_gaussian_latents(codes: JointCode) -> None:
    """Refuse codes that are not standard normal, all of them informative: as VAEs need them."""
    for part in codes.parts:
        if not isinstance(part, GaussianCodes) or part.learned_std:
            checks.fail("codes", codes, "GaussianCodes without learned_std, no noise")
