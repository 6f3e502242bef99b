"""A batch of images as a regulariser of a variational autoencoder sees it."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


class Encoded(NamedTuple):
    """What a regulariser sees of one batch.

    Attributes:
        posterior: outputs of the encoder, in the order of `posterior_heads`: usually mean and log
            variance, [batch, latents] each.
        latents: drawn from the posterior, [batch, latents].
        iteration: number of iterations done, a scalar integer tensor.
        num_images: of the training set; None where the method does not ask for it.
        adversary: the network of `build_adversary`; None where there is none.
    """

    posterior: "tuple[tf.Tensor, ...]"
    latents: "tf.Tensor"
    iteration: "tf.Tensor"
    num_images: int | None = None
    adversary: "keras.Model | None" = None
