"""The networks of class disentanglement, whichever family their recipes belong to."""

import keras

from models.networks.architectures import DeconvGenerator
from models.networks.class_architectures import ResidualDiscriminator, ResNetEncoder
from models.networks.convolutional import build_conv_encoder, build_generator
from models.networks.residual_networks import (
    build_residual_discriminator,
    build_residual_generator,
    build_resnet_encoder,
)

CLASS_FEATURES, RECONSTRUCTED_NOISE = "class_features", "noise"
Q_OUTPUTS = "discriminator_q_outputs"  # InfoGAN's


def build_class_generator(recipe, image_shape, latent_dim: int, seed: int) -> keras.Model:
    """Returns G: [batch, latent_dim] to images [batch, height, width, channels] in [0, 1]."""
    if isinstance(recipe, DeconvGenerator):
        return build_generator(recipe, image_shape, latent_dim, seed)
    return build_residual_generator(recipe, image_shape, latent_dim, seed)


def build_class_discriminator(recipe, image_shape, seed: int) -> keras.Model:
    """Returns D: images in [0, 1] to logits [batch, 1]."""
    if isinstance(recipe, ResidualDiscriminator):
        return build_residual_discriminator(recipe, image_shape, seed)
    return build_conv_encoder(recipe, image_shape, {"real_logit": 1}, seed, "discriminator")


def build_encoders(recipe, image_shape, seed: int) -> dict[str, keras.Model]:
    """Returns the encoders of a `models.gans.codegan.CoDeGAN`, over one common input.

    Returns:
        {"class_encoder": images to class features [batch, feature_dim], or, where E_c and E_z
        share a trunk, to (class features, noise)}, and "noise_encoder" where it is a network of
        its own: images to noise [batch, noise_dim].
    """
    images = keras.Input(image_shape, name="images")
    features = {CLASS_FEATURES: recipe.codes.feature_dim}
    noise = {RECONSTRUCTED_NOISE: recipe.codes.noise_dim}
    if recipe.shares_trunk:
        return {"class_encoder": _build(recipe.class_encoder, images, features | noise, seed)}
    return {
        "class_encoder": _build(recipe.class_encoder, images, features, seed),
        "noise_encoder": _build(recipe.noise_encoder, images, noise, seed, "noise_encoder"),
    }


def build_code_encoder(encoders: dict[str, keras.Model]) -> keras.Model:
    """Returns images to [class features of length 1 | noise], sharing the encoders' layers."""
    outputs = [
        output for network in encoders.values() for output in keras.tree.flatten(network.outputs)
    ]
    features = keras.layers.UnitNormalization(name="encoder_unit_features")(outputs[0])
    codes = keras.layers.Concatenate(name="encoder_codes")([features, outputs[1]])
    return keras.Model(encoders["class_encoder"].inputs[0], codes, name="encoder")


def feature_network(encoder: keras.Model) -> keras.Model:
    """Returns images to the features in which an exported encoder tells classes apart.

    CoDeGAN's are its class features, of length 1. InfoGAN's are the last hidden layer of Q.
    """
    names = [layer.name for layer in encoder.layers]
    if "encoder_unit_features" in names:
        features = encoder.get_layer("encoder_unit_features").output
    elif Q_OUTPUTS in names:
        features = encoder.get_layer(Q_OUTPUTS).input
    else:
        raise ValueError(
            "The encoder has no features of classes. Expected an encoder of CoDeGAN or InfoGAN. "
            f"Received: layers {', '.join(names)}"
        )
    return keras.Model(encoder.inputs[0], features, name="class_features")


def _build(recipe, images, heads: dict[str, int], seed: int, network: str = "class_encoder"):
    if isinstance(recipe, ResNetEncoder):
        return build_resnet_encoder(recipe, images, heads, seed, network)
    return build_conv_encoder(recipe, images.shape[1:], heads, seed, network, images)
