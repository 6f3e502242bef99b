"""Contrastive losses over two views of each image, in feature space. Pure: tensors to a scalar."""

import tensorflow as tf

HIDDEN = -1e9  # in the place of an anchor's similarity to itself: its exponential is 0


def supervised_contrastive_loss(
    first: tf.Tensor, second: tf.Tensor, labels: tf.Tensor, temperature: float
) -> tf.Tensor:
    """Return the loss that draws images of one class together and others apart.

    Khosla et al. 2020 (arXiv 2004.11362, equation 2, L_out): all 2 batch features are anchors f_a,

        mean_a mean_(p in P(a)) -log( exp(f_a f_p / tau) / sum_(n != a) exp(f_a f_n / tau) ),

    P(a) being all other features of a's class, of either view.

    Args:
        first: [batch, dim], features of one view of each image, of any length: they are
            normalised to length 1 here.
        second: the same of the other view.
        labels: int [batch].
        temperature: tau.
    """
    features = tf.math.l2_normalize(tf.concat([first, second], axis=0), axis=1)  # [2 batch, dim]
    labels = tf.concat([labels, labels], axis=0)
    others = 1.0 - tf.eye(tf.shape(features)[0])
    similarities = tf.matmul(features, features, transpose_b=True) / temperature
    log_softmax = tf.nn.log_softmax(tf.where(others > 0, similarities, HIDDEN), axis=1)
    positives = tf.cast(labels[:, tf.newaxis] == labels[tf.newaxis, :], tf.float32) * others
    of_anchor = tf.reduce_sum(positives * log_softmax, 1) / tf.reduce_sum(positives, 1)
    return -tf.reduce_mean(of_anchor)


def nt_xent_loss(first: tf.Tensor, second: tf.Tensor, temperature: float) -> tf.Tensor:
    """Return SimCLR's loss (Chen et al. 2020, arXiv 2002.05709, equation 1).

    The one positive of an anchor is the other view of its image; arguments as above.
    """
    every_image_a_class = tf.range(tf.shape(first)[0])
    return supervised_contrastive_loss(first, second, every_image_a_class, temperature)
