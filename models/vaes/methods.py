"""Recipes of variational autoencoders; `Autoencoder` lists what all of them take."""

import dataclasses

from models import checks
from models.base import OPTIMIZERS, Autoencoder
from models.networks.architectures import DenseNetwork
from models.optimizers.recipes import Adam, RMSprop


@dataclasses.dataclass(frozen=True, kw_only=True)
class VAE(Autoencoder):
    """VAE and beta-VAE (Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl).

    Attributes:
        beta: weight of the KL; 1 for the VAE.
        name: how tables call the method.
    """

    beta: float
    name: str = "beta_vae"

    def __post_init__(self):
        super().__post_init__()
        checks.number("beta", self.beta, minimum=0.0)

    def _model_class(self):
        from models.vaes.vae_model import VAEModel

        return VAEModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnnealedVAE(Autoencoder):
    """beta-VAE with a growing capacity (Burgess et al. 2018, https://arxiv.org/abs/1804.03599).

    Attributes:
        gamma: weight of |KL - C|.
        max_capacity: C in the end, in nats.
        capacity_iterations: iterations in which C rises evenly from 0 to there.
        name: how tables call the method.
    """

    gamma: float
    max_capacity: float
    capacity_iterations: int
    name: str = "annealed_vae"

    def __post_init__(self):
        super().__post_init__()
        checks.number("gamma", self.gamma, minimum=0.0)
        checks.number("max_capacity", self.max_capacity, minimum=0.0)
        checks.integer("capacity_iterations", self.capacity_iterations, minimum=1)

    def _model_class(self):
        from models.vaes.annealed_vae_model import AnnealedVAEModel

        return AnnealedVAEModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class FactorVAE(Autoencoder):
    """FactorVAE (Kim and Mnih 2018, https://arxiv.org/abs/1802.05983).

    Half of each training batch trains the autoencoder, the other half gives the permuted latents:
    the published batches of 64 are a training batch of 128.

    Attributes:
        gamma: weight of the total correlation.
        discriminator: D, from latents to two logits.
        discriminator_optimizer: of D.
        name: how tables call the method.
    """

    gamma: float
    discriminator: DenseNetwork
    discriminator_optimizer: Adam | RMSprop
    name: str = "factor_vae"

    def __post_init__(self):
        super().__post_init__()
        checks.number("gamma", self.gamma, minimum=0.0)
        checks.instance("discriminator", self.discriminator, DenseNetwork)
        checks.instance("discriminator_optimizer", self.discriminator_optimizer, OPTIMIZERS)

    def multiply_adds(self, image_shape: tuple[int, int, int], iteration: int) -> int:
        """Returns the multiply-adds that `iteration` spends per training image.

        Three passes over the autoencoder for one half of the images, one over the encoder for the
        other; two over D in the autoencoder's update, six in its own, for half as many latents.
        """
        judged = self.discriminator.multiply_adds(self.codes.latent_dim, 2)
        encoded = self._encoder_cost(image_shape)
        return (super().multiply_adds(image_shape, iteration) + encoded + 8 * judged) // 2

    def _model_class(self):
        from models.vaes.factor_vae_model import FactorVAEModel

        return FactorVAEModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class BetaTCVAE(Autoencoder):
    """beta-TCVAE (Chen et al. 2018, https://arxiv.org/abs/1802.04942).

    Attributes:
        beta: weight of the total correlation.
        estimator: of q(z), "weighted" or "stratified" minibatch sampling.
        name: how tables call the method.
    """

    beta: float
    estimator: str
    name: str = "beta_tcvae"

    needs_num_images = True

    def __post_init__(self):
        super().__post_init__()
        checks.number("beta", self.beta, minimum=0.0)
        checks.choice("estimator", self.estimator, ("weighted", "stratified"))

    def _model_class(self):
        from models.vaes.beta_tcvae_model import BetaTCVAEModel

        return BetaTCVAEModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class DIPVAE(Autoencoder):
    """DIP-VAE (Kumar et al. 2018, https://arxiv.org/abs/1711.00848).

    Attributes:
        variant: "i", the covariance of the means, or "ii", of the aggregate posterior.
        off_diagonal_weight: of the squared covariances of different latents.
        diagonal_weight: of the squared differences of the variances from 1.
        name: how tables call the method.
    """

    variant: str
    off_diagonal_weight: float
    diagonal_weight: float
    name: str = "dip_vae"

    def __post_init__(self):
        super().__post_init__()
        checks.choice("variant", self.variant, ("i", "ii"))
        checks.number("off_diagonal_weight", self.off_diagonal_weight, minimum=0.0)
        checks.number("diagonal_weight", self.diagonal_weight, minimum=0.0)

    def _model_class(self):
        from models.vaes.dip_vae_model import DIPVAEModel

        return DIPVAEModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class HFVAE(Autoencoder):
    """HFVAE (Esmaeili et al. 2019, https://arxiv.org/abs/1804.02086).

    Attributes:
        group_sizes: latents of each group, in order; they add up to all latents.
        mutual_information_weight: of I(x; z).
        between_group_weight: of the total correlation between groups.
        within_group_weight: of the total correlation within groups.
        dimension_kl_weight: of the KL of each latent's aggregate to the prior.
        name: how tables call the method.
    """

    group_sizes: tuple[int, ...]
    mutual_information_weight: float
    between_group_weight: float
    within_group_weight: float
    dimension_kl_weight: float
    name: str = "hfvae"

    needs_num_images = True

    def __post_init__(self):
        super().__post_init__()
        sizes = checks.positive_integers("group_sizes", self.group_sizes, allow_empty=False)
        object.__setattr__(self, "group_sizes", sizes)
        if sum(sizes) != self.codes.latent_dim:
            checks.fail("group_sizes", sizes, f"sizes that add up to {self.codes.latent_dim}")
        for name, weight in self.weights.items():
            checks.number(f"{name}_weight", weight, minimum=0.0)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The latents of each group."""
        starts = [sum(self.group_sizes[:number]) for number in range(len(self.group_sizes))]
        return tuple(
            tuple(range(start, start + size))
            for start, size in zip(starts, self.group_sizes, strict=True)
        )

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each part of the KL."""
        names = ("mutual_information", "between_group", "within_group", "dimension_kl")
        return {name: getattr(self, f"{name}_weight") for name in names}

    def _model_class(self):
        from models.vaes.hfvae_model import HFVAEModel

        return HFVAEModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class CHyVAE(Autoencoder):
    """CHyVAE (Ansari and Soh 2019, https://arxiv.org/abs/1809.04497).

    Attributes:
        degrees_of_freedom: v of the inverse Wishart prior, above the number of latents + 1.
        name: how tables call the method.
    """

    degrees_of_freedom: float
    name: str = "chyvae"

    def __post_init__(self):
        super().__post_init__()
        least = self.codes.latent_dim + 1
        if checks.number("degrees_of_freedom", self.degrees_of_freedom) <= least:
            checks.fail("degrees_of_freedom", self.degrees_of_freedom, f"a number above {least}")

    @property
    def posterior_heads(self) -> dict[str, int]:
        """Outputs of the encoder and their sizes: a full covariance takes a triangle."""
        latents = self.codes.latent_dim
        return {"mean": latents, "triangle": latents * (latents + 1) // 2}

    def _model_class(self):
        from models.vaes.chyvae_model import CHyVAEModel

        return CHyVAEModel
