"""FactorVAE."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from models import checks
from models.base import OPTIMIZERS
from models.networks.dense import DenseNetwork
from models.optimizers.recipes import Adam, RMSprop
from models.vaes.autoencoder import Autoencoder
from models.vaes.encoded import Encoded

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class FactorVAE(Autoencoder):
    """FactorVAE (Kim and Mnih 2018, https://arxiv.org/abs/1802.05983, algorithm 2).

    D learns to tell latents z of q(z) (class 0) from latents z' whose columns are permuted within
    the batch, samples of prod_d q(z^d) (class 1):

        L_VAE = E[-log p(x | z)] + KL(q(z | x) || p(z)) + gamma E[D_0(z) - D_1(z)]
        L_D   = -0.5 (E log p_0(z) + E log p_1(permuted z'))

    A training batch is split: z comes from its first half, which trains encoder and decoder, z'
    from its second half, encoded after that update. So the published batches of 64 are a training
    batch of 128.

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

    regulariser_names: ClassVar[tuple[str, ...]] = ("kl", "total_correlation")

    def __post_init__(self):
        super().__post_init__()
        checks.number("gamma", self.gamma, minimum=0.0)
        checks.instance("discriminator", self.discriminator, DenseNetwork)
        checks.instance("discriminator_optimizer", self.discriminator_optimizer, OPTIMIZERS)

    def regularise(self, batch: Encoded) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """Return KL + gamma E[D_0 - D_1]; report both parts."""
        from models.losses import variational as losses

        if batch.adversary is None:
            checks.fail("adversary", None, "the network of build_adversary")
        kl = losses.kl_to_prior(*batch.posterior)
        total_correlation = losses.density_ratio(batch.adversary(batch.latents, training=True))
        regulariser = kl + self.gamma * total_correlation
        return regulariser, {"kl": kl, "total_correlation": total_correlation}

    def build_adversary(self, seed: int) -> "tuple[keras.Model, keras.Optimizer]":
        """Return D and its optimiser."""
        latents, heads = self.codes.latent_dim, {"logits": 2}
        network = self.discriminator.build(latents, heads, seed, "discriminator")
        return network, self.discriminator_optimizer.build()

    def adversary_loss(
        self, adversary: "keras.Model", latents: "tf.Tensor", others: "tf.Tensor", seed: "tf.Tensor"
    ) -> "tf.Tensor":
        """Return L_D; no gradient reaches the latents.

        Args:
            adversary: D.
            latents: z, [batch, latents].
            others: z', [batch, latents], of other images.
            seed: of the permutation.
        """
        import tensorflow as tf

        from models.losses import variational as losses

        permuted = losses.permute_latents(others, seed)
        logits = adversary(tf.stop_gradient(latents), training=True)
        permuted_logits = adversary(tf.stop_gradient(permuted), training=True)
        return losses.density_ratio_loss(logits, permuted_logits)
