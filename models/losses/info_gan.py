"""Pure, unweighted losses: tensors in, tensors out; weights belong to the methods.

Logits are D's raw output, positive for "real". softplus(x) = log(1 + exp(x)) is computed without
overflow, so that no loss needs a clipped logarithm.
"""

import math

import tensorflow as tf


def discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Return the scalar -E log D(x) - E log(1 - D(G)) of logits [batch, 1] each."""
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(
        tf.nn.softplus(fake_logits)
    )


def generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """Return the scalar -E log D(G), the non-saturating loss, of logits [batch, 1]."""
    return tf.reduce_mean(tf.nn.softplus(-fake_logits))


def gaussian_negative_log_likelihood(
    values: tf.Tensor, mean: tf.Tensor, log_std: tf.Tensor | None = None
) -> tf.Tensor:
    """Return [batch]: -log N(values; mean, std^2), summed over the columns.

    Args:
        values: [batch, dim].
        mean: [batch, dim].
        log_std: [batch, dim], or None for a standard deviation of 1.
    """
    error = values - mean
    constant = 0.5 * math.log(2.0 * math.pi)
    if log_std is None:
        return tf.reduce_sum(0.5 * tf.square(error) + constant, axis=1)
    scaled = error * tf.exp(-log_std)
    return tf.reduce_sum(0.5 * tf.square(scaled) + log_std + constant, axis=1)


def bounded_log_std(raw: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Return a network's outputs bent into (low, high), with the slope 1 in the middle.

    A log standard deviation that is free lets a loss rise without limit: one very sure of a wrong
    value costs as much as the square of its distance in standard deviations.
    """
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    return middle + half * tf.tanh((raw - middle) / half)


def categorical_negative_log_likelihood(one_hot: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return [batch]: the cross-entropy of softmax(logits) for one-hot rows [batch, classes]."""
    return tf.nn.softmax_cross_entropy_with_logits(labels=one_hot, logits=logits)


def contrastive_loss(logits: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """Return the scalar cross-entropy of H's logits [batch, num_codes] for the shared code.

    Args:
        logits: [batch, num_codes].
        index: int [batch], the code that the two images of a pair share.
    """
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=index, logits=logits)
    )


def contrastive_accuracy(logits: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """Return the scalar share of pairs whose shared code H names; arguments as above."""
    guess = tf.argmax(logits, axis=1, output_type=index.dtype)
    return tf.reduce_mean(tf.cast(guess == index, tf.float32))
