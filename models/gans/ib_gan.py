"""Recipes of adversarial baselines."""

import dataclasses

from models import checks
from models.base import OPTIMIZERS, GaussianLatents
from models.networks.architectures import ConvEncoder, DeconvGenerator, DenseNetwork
from models.optimizers.recipes import Adam, RMSprop


@dataclasses.dataclass(frozen=True, kw_only=True)
class IBGAN(GaussianLatents):
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
        checks.integer("source_dim", self.source_dim, minimum=1)
        checks.instance("representation", self.representation, DenseNetwork)
        checks.instance("generator", self.generator, DeconvGenerator)
        for name in ("reconstructor", "discriminator"):
            checks.instance(name, getattr(self, name), ConvEncoder)
        for name in ("generator_optimizer", "discriminator_optimizer"):
            checks.instance(name, getattr(self, name), OPTIMIZERS)
        for name in ("gamma", "alpha", "beta", "noise_std"):
            checks.number(name, getattr(self, name), minimum=0.0)
        checks.integer("noise_iterations", self.noise_iterations, minimum=1)

    def multiply_adds(self, image_shape: tuple[int, int, int], iteration: int) -> int:
        """Returns the multiply-adds that `iteration` spends per training image.

        Three passes over G, e and q; six over D in its own update, two in that of G.
        """
        latents = self.codes.latent_dim
        made = self.generator.multiply_adds(image_shape, latents)
        made += self.representation.multiply_adds(self.source_dim, 2 * latents)
        made += self.reconstructor.multiply_adds(image_shape, self.source_dim)
        return 3 * made + 8 * self.discriminator.multiply_adds(image_shape, 1)

    def _model_class(self):
        from models.gans.ib_gan_model import IBGANModel

        return IBGANModel
