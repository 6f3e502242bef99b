"""CHyVAE as a Keras model."""

import numpy as np
import tensorflow as tf

from models.losses import variational as vae_objectives
from models.vaes.variational_model import VariationalModel

JITTER = 1e-4  # added to the variances of the posterior


class CHyVAEModel(VariationalModel):
    """CHyVAE (Ansari and Soh 2019, https://arxiv.org/abs/1809.04497).

    The prior of z is N(0, S) and that of S an inverse Wishart with scale Psi and v degrees of
    freedom, which pulls S, and with it the posterior, towards a diagonal matrix: the more so, the
    larger v. The posterior has a full covariance, Sigma = L L^T + 1e-4 I. The regulariser is

        0.5 (v + 1) log det(Psi + z z^T) - 0.5 log det Sigma
            + 0.5 (v + 1) tr[(Sigma + mu mu^T + Psi) (Psi + z z^T)^-1]

    Args:
        recipe: a `models.vaes.methods.CHyVAE`.
        image_shape: see `VariationalModel`, also for the rest.
    """

    loss_names = ("reconstruction_loss", "regularizer")

    def export_posterior(self):
        """Nothing: with a full covariance, variances do not tell the posterior."""
        return {}

    def draw(self, posterior, stream: str):
        """Returns latents [batch, latents] drawn from a posterior (mean, entries of L)."""
        mean, entries = posterior
        root = tf.linalg.cholesky(covariances(entries, mean.shape[1]))
        return mean + tf.linalg.matvec(root, self.normal(tf.shape(mean), stream))

    def kl_of_codes(self, images, training=False):
        """Returns KL(q(z_d | x) || N(0, 1)) of each code's marginal, [batch, latents]."""
        mean, entries = self.posterior(images, training=training)
        variances = tf.linalg.diag_part(covariances(entries, mean.shape[1]))
        return vae_objectives.kl_of_latents(mean, tf.math.log(variances))

    def regularise(self, posterior, latents):
        """Returns and reports the regulariser."""
        mean, entries = posterior
        regularizer = vae_objectives.inverse_wishart_regularizer(
            latents, mean, covariances(entries, mean.shape[1]), self.recipe.degrees_of_freedom
        )
        return regularizer, {"regularizer": regularizer}


def covariances(entries, latents: int):
    """Returns Sigma = L L^T + 1e-4 I, [batch, latents, latents].

    Args:
        entries: of the lower triangle L, row by row, [batch, latents (latents + 1) / 2].
        latents: rows of L.
    """
    rows, columns = np.tril_indices(latents)
    # Column 0 of the padded entries is the 0 above the diagonal.
    places = np.zeros((latents, latents), np.int32)
    places[rows, columns] = np.arange(1, len(rows) + 1)
    triangle = tf.gather(tf.pad(entries, [[0, 0], [1, 0]]), places, axis=1)
    return tf.matmul(triangle, triangle, transpose_b=True) + JITTER * tf.eye(latents)
