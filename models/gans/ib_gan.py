"""IB-GAN: what Gin binds; `models.gans.ib_gan_model` holds the train step."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.base import OPTIMIZERS, Method, check_gaussian_latents, check_instances
from models.networks.convolutional import ConvEncoder
from models.networks.deconvolutional import DeconvGenerator
from models.networks.dense import DenseNetwork
from models.optimizers.recipes import Adam, RMSprop

if TYPE_CHECKING:
    from models.gans.ib_gan_model import IBGANModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class IBGAN(Method):
    """IB-GAN (Jeon et al. 2021, https://doi.org/10.1609/aaai.v35i9.16967).

    Attributes:
        source_dim: length of z, standard normal; the codes are r.
        representation: e, from z to mean and log variance of r.
        generator: G, from r to images.
        reconstructor: q, from images to the mean of z.
        discriminator: D.
        generator_optimizer: of G, e and q together.
        discriminator_optimizer: of D.
        gamma: weight of G's adversarial loss.
        alpha: weight of -log q(z | x).
        beta: weight of KL(e(r | z) || N(0, I)).
        noise_std: standard deviation of D's instance noise at first, images in [0, 1].
        noise_iterations: iterations in which it falls evenly to 0.
        name: how tables call the method.
    """

    source_dim: int
    representation: DenseNetwork
    generator: DeconvGenerator
    reconstructor: ConvEncoder
    discriminator: ConvEncoder
    generator_optimizer: Adam | RMSprop
    discriminator_optimizer: Adam | RMSprop
    gamma: float
    alpha: float
    beta: float
    noise_std: float
    noise_iterations: int
    name: str = "ib_gan"

    def __post_init__(self):
        super().__post_init__()
        check_gaussian_latents(self.codes)
        checks.integer("source_dim", self.source_dim, minimum=1)
        checks.instance("representation", self.representation, DenseNetwork)
        checks.instance("generator", self.generator, DeconvGenerator)
        check_instances(self, ("reconstructor", "discriminator"), ConvEncoder)
        check_instances(self, ("generator_optimizer", "discriminator_optimizer"), OPTIMIZERS)
        for name in ("gamma", "alpha", "beta", "noise_std"):
            checks.number(name, getattr(self, name), minimum=0.0)
        checks.integer("noise_iterations", self.noise_iterations, minimum=1)

    def _model_class(self) -> "type[IBGANModel]":
        from models.gans.ib_gan_model import IBGANModel

        return IBGANModel
