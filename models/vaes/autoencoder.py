"""What the recipes of all variational autoencoders have in common."""

import abc
import dataclasses
from typing import TYPE_CHECKING, ClassVar

from models import checks
from models.base import OPTIMIZERS, Method, check_gaussian_latents
from models.contrastive_regulariser import ContrastiveRegulariser
from models.networks.convolutional import ConvEncoder
from models.networks.deconvolutional import DeconvGenerator
from models.networks.dense import DenseEncoder, DenseGenerator
from models.optimizers.recipes import Adam, RMSprop
from models.vaes.encoded import Encoded

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from models.vaes.variational_model import VariationalModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class Autoencoder(Method):
    """A method that trains an encoder and a decoder together.

    A method derives from this once and implements `regularise`; what it adds to the
    reconstruction loss is its paper's objective:

        min over encoder and decoder of E[-log p(x | z)] + regulariser(q(z | x), z)

    Any of them may have InfoGAN-CR's contrastive regulariser besides, on images of the prior's
    latents: Lin et al. 2020 compare it with that of GANs. While its weight is 0 the method is what
    it is without, to the bit.

    Attributes:
        encoder: of the posterior.
        decoder: from latents to images, ending in a sigmoid.
        optimizer: of both.
        contrast: the contrastive regulariser; None for none.
    """

    encoder: ConvEncoder | DenseEncoder
    decoder: DeconvGenerator | DenseGenerator
    optimizer: Adam | RMSprop
    contrast: ContrastiveRegulariser | None = dataclasses.field(default=None, metadata=checks.LATER)

    has_posterior = True
    posterior_network: ClassVar[str | None] = "posterior"
    regulariser_names: ClassVar[tuple[str, ...]] = ("kl",)  # the parts that `regularise` reports

    def __post_init__(self):
        super().__post_init__()
        check_gaussian_latents(self.codes)
        checks.instance("encoder", self.encoder, (ConvEncoder, DenseEncoder))
        checks.instance("decoder", self.decoder, (DeconvGenerator, DenseGenerator))
        if self.decoder.output != "sigmoid":
            checks.fail("decoder.output", self.decoder.output, "'sigmoid': pixels are Bernoulli")
        checks.instance("optimizer", self.optimizer, OPTIMIZERS)
        if self.contrast is not None:
            checks.instance("contrast", self.contrast, ContrastiveRegulariser)
            self.contrast.check_codes(self.codes)

    @property
    def milestones(self) -> tuple[int, ...]:
        """Iterations before which the host has to call `model.begin_segment`."""
        return () if self.contrast is None else self.contrast.milestones

    @property
    def posterior_heads(self) -> dict[str, int]:
        """Outputs of the encoder and their sizes."""
        return {"mean": self.codes.latent_dim, "log_variance": self.codes.latent_dim}

    @abc.abstractmethod
    def regularise(self, batch: Encoded) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """Return the regulariser, a scalar, and the parts of it to report by name."""

    def draw(self, posterior: "tuple[tf.Tensor, ...]", noise: "tf.Tensor") -> "tf.Tensor":
        """Return latents [batch, latents] of a posterior, from standard normal draws."""
        import tensorflow as tf

        mean, log_variance = posterior
        return mean + tf.exp(0.5 * log_variance) * noise

    def marginals(self, posterior: "tuple[tf.Tensor, ...]") -> "tuple[tf.Tensor, tf.Tensor]":
        """Return mean and log variance of each latent, [batch, latents] each."""
        mean, log_variance = posterior
        return mean, log_variance

    def build_adversary(self, seed: int) -> "tuple[keras.Model, keras.Optimizer] | None":
        """Return a network that learns against the encoder from latents, and its optimiser: none.

        A method that has one takes batches of an even number of images, see `VariationalModel`,
        and also has `adversary_loss`: (network, latents, latents of other images, seed) to a
        scalar.

        Args:
            seed: of the initial weights.
        """
        return None

    def _model_class(self) -> "type[VariationalModel]":
        from models.vaes.variational_model import VariationalModel

        return VariationalModel
