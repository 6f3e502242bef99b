"""What the recipes of the methods have in common."""

import abc
import dataclasses

from models import checks
from models.codes.joint_code import GaussianCodes, JointCode
from models.networks.architectures import ConvEncoder, DeconvGenerator
from models.optimizers.recipes import Adam, RMSprop

OPTIMIZERS = (Adam, RMSprop)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method(abc.ABC):
    """What the training stage asks of any method.

    A subclass also has a field `name`, which tables call the method by.

    Attributes:
        codes: the latent vector.
    """

    codes: JointCode

    needs_num_images = False
    images_per_iteration = None  # the number of real images an iteration must be given, if any
    pretraining = None  # how an encoder is trained on real images before the model is
    # Whether the model gives a posterior of its codes, and so their KL to the prior: VAEs.
    has_posterior = False
    needs_triplets = False  # of identities, see `pipeline.stages.train.triplets`
    needs_identities = False  # the numbers of the identities beside the images

    def __post_init__(self):
        checks.instance("codes", self.codes, JointCode)
        checks.label("name", self.name)

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
    ):
        """Returns the Keras model, built and compiled.

        Args:
            image_shape: (height, width, channels) of the training images.
            max_value: the uint8 value of full intensity, 1 or 255.
            seed: of the initial weights and of every draw during training.
            num_images: of the training set; only methods with `needs_num_images` use it.
        """
        if self.needs_num_images:
            checks.integer("num_images", num_images, minimum=2)
        return self._model_class()(self, image_shape, max_value, seed, num_images)

    @abc.abstractmethod
    def _model_class(self) -> type:
        """Returns the Keras class, imported only here: recipes are read without TensorFlow."""

    @abc.abstractmethod
    def multiply_adds(self, image_shape: tuple[int, int, int], iteration: int) -> int:
        """Returns the multiply-adds that `iteration` spends per training image.

        A backward pass to the weights or to the inputs is counted as one forward pass.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class GaussianLatents(Method):
    """A method whose latents are standard normal, all of them `GaussianCodes`: VAEs and IB-GAN."""

    def __post_init__(self):
        super().__post_init__()
        for part in self.codes.parts:
            if not isinstance(part, GaussianCodes) or part.learned_std:
                checks.fail("codes", self.codes, "GaussianCodes without learned_std, no noise")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Autoencoder(GaussianLatents):
    """A method that trains an encoder and a decoder together.

    Attributes:
        encoder: of the posterior.
        decoder: from latents to images, ending in a sigmoid.
        optimizer: of both.
    """

    encoder: ConvEncoder
    decoder: DeconvGenerator
    optimizer: Adam | RMSprop

    has_posterior = True

    def __post_init__(self):
        super().__post_init__()
        checks.instance("encoder", self.encoder, ConvEncoder)
        checks.instance("decoder", self.decoder, DeconvGenerator)
        if self.decoder.output != "sigmoid":
            checks.fail("decoder.output", self.decoder.output, "'sigmoid': pixels are Bernoulli")
        checks.instance("optimizer", self.optimizer, OPTIMIZERS)

    @property
    def posterior_heads(self) -> dict[str, int]:
        """Outputs of the encoder and their sizes."""
        return {"mean": self.codes.latent_dim, "log_variance": self.codes.latent_dim}

    def multiply_adds(self, image_shape: tuple[int, int, int], iteration: int) -> int:
        """Returns three passes through encoder and decoder; see `Method`."""
        return 3 * (self._encoder_cost(image_shape) + self._decoder_cost(image_shape))

    def _encoder_cost(self, image_shape: tuple[int, int, int]) -> int:
        return self.encoder.multiply_adds(image_shape, sum(self.posterior_heads.values()))

    def _decoder_cost(self, image_shape: tuple[int, int, int]) -> int:
        return self.decoder.multiply_adds(image_shape, self.codes.latent_dim)
