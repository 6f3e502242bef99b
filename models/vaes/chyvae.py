"""CHyVAE."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from models import checks
from models.vaes.autoencoder import Autoencoder
from models.vaes.encoded import Encoded

if TYPE_CHECKING:
    import tensorflow as tf

JITTER = 1e-4  # added to the variances of the posterior


@dataclasses.dataclass(frozen=True, kw_only=True)
class CHyVAE(Autoencoder):
    """CHyVAE (Ansari and Soh 2019, https://arxiv.org/abs/1809.04497).

    The prior of z is N(0, S) and that of S an inverse Wishart with scale Psi and v degrees of
    freedom, which pulls S, and with it the posterior, towards a diagonal matrix: the more so, the
    larger v. The posterior has a full covariance, Sigma = L L^T + 1e-4 I. The regulariser is

        0.5 (v + 1) log det(Psi + z z^T) - 0.5 log det Sigma
            + 0.5 (v + 1) tr[(Sigma + mu mu^T + Psi) (Psi + z z^T)^-1]

    Attributes:
        degrees_of_freedom: v of the inverse Wishart prior, above the number of latents + 1.
        name: how tables call the method.
    """

    degrees_of_freedom: float
    name: str = "chyvae"

    posterior_network: ClassVar[str | None] = "full_posterior"
    regulariser_names = ("regularizer",)

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

    def regularise(self, batch: Encoded) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """Return and report the regulariser."""
        from models.losses.variational import inverse_wishart_regularizer

        mean, entries = batch.posterior
        regularizer = inverse_wishart_regularizer(
            batch.latents, mean, covariances(entries, mean.shape[1]), self.degrees_of_freedom
        )
        return regularizer, {"regularizer": regularizer}

    def draw(self, posterior: "tuple[tf.Tensor, ...]", noise: "tf.Tensor") -> "tf.Tensor":
        """Return latents [batch, latents] of a posterior (mean, entries of L)."""
        import tensorflow as tf

        mean, entries = posterior
        root = tf.linalg.cholesky(covariances(entries, mean.shape[1]))
        return mean + tf.linalg.matvec(root, noise)

    def marginals(self, posterior: "tuple[tf.Tensor, ...]") -> "tuple[tf.Tensor, tf.Tensor]":
        """Return mean and log variance of each latent, [batch, latents] each."""
        import tensorflow as tf

        mean, entries = posterior
        variances = tf.linalg.diag_part(covariances(entries, mean.shape[1]))
        return mean, tf.math.log(variances)


def covariances(entries: "tf.Tensor", latents: int) -> "tf.Tensor":
    """Return Sigma = L L^T + 1e-4 I, [batch, latents, latents].

    Args:
        entries: of the lower triangle L, row by row, [batch, latents (latents + 1) / 2].
        latents: rows of L.
    """
    import tensorflow as tf

    rows, columns = np.tril_indices(latents)
    # Column 0 of the padded entries is the 0 above the diagonal.
    places = np.zeros((latents, latents), np.int32)
    places[rows, columns] = np.arange(1, len(rows) + 1)
    triangle = tf.gather(tf.pad(entries, [[0, 0], [1, 0]]), places, axis=1)
    return tf.matmul(triangle, triangle, transpose_b=True) + JITTER * tf.eye(latents)
