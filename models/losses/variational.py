"""Pure, unweighted objectives of variational autoencoders: tensors in, tensors out.

Sums run over pixels and latents, means over the batch. A posterior is q(z | x), a Gaussian with
mean and log variance [batch, latents]; the aggregate posterior q(z) is its mean over the data set,
which every estimator here approximates from one batch. B is the batch, N the data set.
"""

import math
from collections.abc import Sequence

import tensorflow as tf

from models import draws


def bernoulli_reconstruction(images: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return the scalar cross-entropy of images in [0, 1] with sigmoid(logits).

    Args:
        images: [batch, height, width, channels].
        logits: of the same shape.
    """
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
    return tf.reduce_mean(tf.reduce_sum(losses, axis=(1, 2, 3)))


def kl_to_prior(mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
    """Return the scalar KL(q(z | x) || N(0, I)), averaged over the batch."""
    return tf.reduce_mean(tf.reduce_sum(kl_of_latents(mean, log_variance), axis=1))


def kl_of_latents(mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
    """Return KL(q(z_d | x) || N(0, 1)) of each image and latent, [batch, latents]."""
    return 0.5 * (tf.square(mean) + tf.exp(log_variance) - log_variance - 1.0)


def gaussian_log_density(
    values: tf.Tensor, mean: tf.Tensor | float, log_variance: tf.Tensor | float
) -> tf.Tensor:
    """Return log N(values; mean, exp(log_variance)) entry by entry, broadcast."""
    scaled = tf.square(values - mean) * tf.exp(-log_variance)
    return -0.5 * (math.log(2.0 * math.pi) + log_variance + scaled)


def pairwise_log_density(latents: tf.Tensor, mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
    """Return [batch, batch, latents]: entry (i, j, d) is log q(z_i^d | x_j)."""
    return gaussian_log_density(latents[:, tf.newaxis], mean, log_variance)


def weighted_log_weights(batch: int | tf.Tensor, num_images: int) -> tf.Tensor:
    """Return [batch, batch], all log 1 / (N B): minibatch-weighted sampling.

    Args:
        batch: B, an integer or a scalar integer tensor.
        num_images: N.

    Source: Chen et al. 2018, https://arxiv.org/abs/1802.04942.
    """
    size = tf.cast(batch, tf.float32)
    return tf.fill((batch, batch), -tf.math.log(size * num_images))


def stratified_log_weights(batch: int | tf.Tensor, num_images: int) -> tf.Tensor:
    """Return the log of [batch, batch] whose rows sum to 1: minibatch-stratified sampling.

    With M = B - 1: 1 / N for the image that z_i came from, (N - M) / (N M) for one other (here the
    next in the batch), which stands for all images outside the batch, 1 / M for the rest.

    Args:
        batch: B, an integer or a scalar integer tensor, at least 2.
        num_images: N, at least B.

    Source: Chen et al. 2018, https://arxiv.org/abs/1802.04942, its appendix.
    """
    others = tf.cast(batch, tf.float32) - 1.0
    own = tf.eye(batch)
    next_one = tf.roll(own, 1, axis=1)
    weights = own / num_images + next_one * (num_images - others) / (num_images * others)
    return tf.math.log(weights + (1.0 - own - next_one) / others)


def biased_log_weights(batch: int | tf.Tensor, num_images: int) -> tf.Tensor:
    """Return the log of [batch, batch]: 1 / B off the diagonal, 1 / (B bias) on it.

    bias = (N - 1) / (B - 1) makes up for how much likelier an image meets its own latents in a
    batch than in the data set; rows do not sum to 1.

    Args:
        batch: B, an integer or a scalar integer tensor, at least 2.
        num_images: N, at least B.

    Source: Esmaeili et al. 2019, https://arxiv.org/abs/1804.02086.
    """
    size = tf.cast(batch, tf.float32)
    bias = (num_images - 1) / (size - 1.0)
    return -tf.math.log(size) - tf.eye(batch) * tf.math.log(bias)


def kl_decomposition(
    log_pairs: tf.Tensor, latents: tf.Tensor, log_weights: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Return the parts of E[log q(z | x) - log p(z)]; whatever the weights, they add up to it.

    Args:
        log_pairs: [batch, batch, latents], see `pairwise_log_density`.
        latents: [batch, latents], drawn from the posteriors.
        log_weights: [batch, batch], of image j in the estimate of q(z_i).

    Returns:
        Scalars: mutual_information E[log q(z | x) - log q(z)], total_correlation
        E[log q(z) - sum_d log q(z^d)], dimension_kl E[sum_d log q(z^d) - log p(z)].
    """
    every = range(latents.shape[1])
    parts = hierarchical_decomposition(log_pairs, latents, log_weights, [[one] for one in every])
    return {
        "mutual_information": parts["mutual_information"],
        "total_correlation": parts["between_group"],
        "dimension_kl": parts["dimension_kl"],
    }


def hierarchical_decomposition(
    log_pairs: tf.Tensor,
    latents: tf.Tensor,
    log_weights: tf.Tensor,
    groups: Sequence[Sequence[int]],
) -> dict[str, tf.Tensor]:
    """Return the parts of E[log q(z | x) - log p(z)], the total correlation split by groups.

    Args:
        log_pairs: [batch, batch, latents], see `pairwise_log_density`.
        latents: [batch, latents], drawn from the posteriors.
        log_weights: [batch, batch], of image j in the estimate of q(z_i).
        groups: the latents of each group; every latent is in one.

    Returns:
        Scalars: mutual_information, between_group E[log q(z) - sum_g log q(z^g)], within_group
        E[sum_g (log q(z^g) - sum_{d in g} log q(z^d))], dimension_kl.
    """
    conditional = tf.linalg.diag_part(tf.reduce_sum(log_pairs, axis=2))
    joint = tf.reduce_logsumexp(log_weights + tf.reduce_sum(log_pairs, axis=2), axis=1)
    by_group = tf.add_n(
        [
            tf.reduce_logsumexp(
                log_weights + tf.reduce_sum(tf.gather(log_pairs, list(group), axis=2), axis=2),
                axis=1,
            )
            for group in groups
        ]
    )
    single = tf.reduce_logsumexp(log_weights[:, :, tf.newaxis] + log_pairs, axis=1)
    single = tf.reduce_sum(single, axis=1)
    prior = tf.reduce_sum(gaussian_log_density(latents, 0.0, 0.0), axis=1)
    return {
        "mutual_information": tf.reduce_mean(conditional - joint),
        "between_group": tf.reduce_mean(joint - by_group),
        "within_group": tf.reduce_mean(by_group - single),
        "dimension_kl": tf.reduce_mean(single - prior),
    }


def density_ratio(logits: tf.Tensor) -> tf.Tensor:
    """Return the scalar E[D_0 - D_1], the total correlation that a discriminator sees.

    Args:
        logits: [batch, 2]; class 0 are samples of q(z), class 1 of prod_d q(z^d).
    """
    return tf.reduce_mean(logits[:, 0] - logits[:, 1])


def density_ratio_loss(joint_logits: tf.Tensor, product_logits: tf.Tensor) -> tf.Tensor:
    """Return the scalar -0.5 (E log p_0(z) + E log p_1(permuted z')) of logits [batch, 2]."""
    log_joint = tf.nn.log_softmax(joint_logits)[:, 0]
    log_product = tf.nn.log_softmax(product_logits)[:, 1]
    return -0.5 * (tf.reduce_mean(log_joint) + tf.reduce_mean(log_product))


def permute_latents(
    latents: tf.Tensor, seed: tf.Tensor, codes: Sequence[int] | None = None
) -> tf.Tensor:
    """Return latents [batch, latents], each column in a random order of its own.

    Args:
        latents: [batch, latents].
        seed: an integer tensor [2].
        codes: the number of the code that each column is of, below the number of columns; those of
            one code keep together. None: each column is one.
    """
    keys = draws.uniform(tf.shape(latents), seed)
    if codes is not None:
        keys = tf.gather(keys, list(codes), axis=1)
    # Each column as a row, so that it is gathered in an order of its own.
    columns, orders = tf.transpose(latents), tf.argsort(tf.transpose(keys), axis=1)
    return tf.transpose(tf.gather(columns, orders, axis=1, batch_dims=1))


def covariance(values: tf.Tensor) -> tf.Tensor:
    """Return [columns, columns], the covariance of the rows of [batch, columns], divisor B."""
    centred = values - tf.reduce_mean(values, axis=0)
    return tf.matmul(centred, centred, transpose_a=True) / tf.cast(tf.shape(values)[0], tf.float32)


def posterior_covariance(mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
    """Return [latents, latents]: Cov[z] = Cov[mean] + E[diag(variance)]."""
    variances = tf.reduce_mean(tf.exp(log_variance), axis=0)
    return covariance(mean) + tf.linalg.diag(variances)


def off_diagonal_penalty(matrix: tf.Tensor) -> tf.Tensor:
    """Return the scalar sum of squares of a square matrix off its diagonal."""
    return tf.reduce_sum(tf.square(matrix - tf.linalg.diag(tf.linalg.diag_part(matrix))))


def unit_diagonal_penalty(matrix: tf.Tensor) -> tf.Tensor:
    """Return the scalar sum of (diagonal - 1)^2 of a square matrix."""
    return tf.reduce_sum(tf.square(tf.linalg.diag_part(matrix) - 1.0))


def inverse_wishart_regularizer(
    latents: tf.Tensor, mean: tf.Tensor, posterior_covariances: tf.Tensor, degrees_of_freedom: float
) -> tf.Tensor:
    """Return the scalar regulariser of CHyVAE, averaged over the batch.

    With v degrees of freedom, d latents and Psi = max(v - d - 1, 1) I:

        0.5 (v + 1) log det(Psi + z z^T) - 0.5 log det Sigma
            + 0.5 (v + 1) tr[(Sigma + mu mu^T + Psi) (Psi + z z^T)^-1]

    Args:
        latents: z, [batch, latents], drawn from the posteriors.
        mean: mu, [batch, latents].
        posterior_covariances: Sigma, [batch, latents, latents], positive definite.
        degrees_of_freedom: v, above latents + 1.

    Source: Ansari and Soh 2019, https://arxiv.org/abs/1809.04497.
    """
    size = latents.shape[1]
    scale = max(degrees_of_freedom - size - 1.0, 1.0) * tf.eye(size)
    updated = scale + _outer(latents)
    half = 0.5 * (degrees_of_freedom + 1.0)
    ratio = tf.linalg.solve(updated, posterior_covariances + _outer(mean) + scale)
    log_ratio = half * tf.linalg.logdet(updated) - 0.5 * tf.linalg.logdet(posterior_covariances)
    return tf.reduce_mean(log_ratio + half * tf.linalg.trace(ratio))


def _outer(vectors: tf.Tensor) -> tf.Tensor:
    return vectors[:, :, tf.newaxis] * vectors[:, tf.newaxis, :]
