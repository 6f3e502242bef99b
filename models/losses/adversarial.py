"""The three games between generator and discriminator, by name, and the gradient penalty.

Pure, unweighted losses of logits [batch, 1]. A name in `GAMES` gives (discriminator's loss of the
logits of real and fake images, generator's loss of those of fake ones).
"""

from collections.abc import Callable

import tensorflow as tf

from models.losses.info_gan import discriminator_loss, generator_loss

SMALLEST_SQUARE = 1e-12  # below a squared gradient, so that its root has a finite derivative


def wasserstein_discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Return the scalar E D(G) - E D(x) (Arjovsky et al. 2017, arXiv 1701.07875)."""
    return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)


def wasserstein_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """Return the scalar -E D(G); the generator's loss of the hinge game, too."""
    return -tf.reduce_mean(fake_logits)


def hinge_discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Return the scalar E max(0, 1 - D(x)) + E max(0, 1 + D(G)) (Lim & Ye 2017, 1705.02894)."""
    return tf.reduce_mean(tf.nn.relu(1.0 - real_logits)) + tf.reduce_mean(
        tf.nn.relu(1.0 + fake_logits)
    )


def gradient_penalty(
    discriminate: Callable[[tf.Tensor], tf.Tensor], real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor
) -> tf.Tensor:
    """Return the scalar E (|d D(x) / d x| - 1)^2 between real and fake images.

    WGAN-GP's (Gulrajani et al. 2017, arXiv 1704.00028, equation 3). To be differentiated with
    respect to D's weights within an outer tape.

    Args:
        discriminate: images to logits [batch, 1]; each logit depends on its own image only.
        real: [batch, height, width, channels].
        fake: the same shape.
        mix: [batch, 1, 1, 1] in [0, 1], the share of the real image in each point x.
    """
    between = tf.convert_to_tensor(mix * real + (1.0 - mix) * fake)
    with tf.GradientTape() as tape:
        tape.watch(between)
        logits = discriminate(between)
    gradients = tape.gradient(logits, between)
    squares = tf.reduce_sum(tf.square(gradients), axis=(1, 2, 3))  # [batch]
    return tf.reduce_mean(tf.square(tf.sqrt(squares + SMALLEST_SQUARE) - 1.0))


GAMES = {
    "non_saturating": (discriminator_loss, generator_loss),
    "hinge": (hinge_discriminator_loss, wasserstein_generator_loss),
    "wasserstein": (wasserstein_discriminator_loss, wasserstein_generator_loss),
}
