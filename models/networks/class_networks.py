"""The encoders of class disentanglement: one network with two heads, or two networks."""

from typing import Any

import keras

from models.networks.layer_maker import full_precision

CLASS_FEATURES, RECONSTRUCTED_NOISE = "class_features", "noise"
Q_OUTPUTS = "discriminator_q_outputs"  # InfoGAN's
CLASS_VIEW = "class_view"  # what its Q sees of images to read classes, where that is not all


def build_encoders(
    recipe: Any, image_shape: tuple[int, int, int], seed: int
) -> dict[str, keras.Model]:
    """Return the encoders of a `models.gans.codegan.CoDeGAN`, over one common input.

    Returns:
        {"class_encoder": images to class features [batch, feature_dim], or, where E_c and E_z
        share a trunk, to (class features, noise)}, and "noise_encoder" where it is a network of
        its own: images to noise [batch, noise_dim].
    """
    images = keras.Input(image_shape, name="images")
    features = {CLASS_FEATURES: recipe.codes.feature_dim}
    noise = {RECONSTRUCTED_NOISE: recipe.codes.noise_dim}
    build = recipe.class_encoder.build
    if recipe.shares_trunk:
        return {"class_encoder": build(images, features | noise, seed, "class_encoder")}
    return {
        "class_encoder": build(images, features, seed, "class_encoder"),
        "noise_encoder": recipe.noise_encoder.build(images, noise, seed, "noise_encoder"),
    }


def build_code_encoder(encoders: dict[str, keras.Model]) -> keras.Model:
    """Return images to [class features of length 1 | noise], sharing the encoders' layers."""
    outputs = [
        output for network in encoders.values() for output in keras.tree.flatten(network.outputs)
    ]
    full = full_precision()
    unit_length = keras.layers.UnitNormalization(name="encoder_unit_features", dtype=full)
    together = keras.layers.Concatenate(name="encoder_codes", dtype=full)
    codes = together([unit_length(outputs[0]), outputs[1]])
    return keras.Model(encoders["class_encoder"].inputs[0], codes, name="encoder")


def feature_network(encoder: keras.Model) -> keras.Model:
    """Return images to the features in which an exported encoder tells classes apart.

    CoDeGAN's are its class features, of length 1. InfoGAN's are the last hidden layer of Q, of
    what Q sees to read classes.

    Raises:
        ValueError: the encoder is of another method.
    """
    names = [layer.name for layer in encoder.layers]
    if "encoder_unit_features" in names:
        features = encoder.get_layer("encoder_unit_features").output
    elif Q_OUTPUTS in names:
        features = encoder.get_layer(Q_OUTPUTS).input
    elif CLASS_VIEW in names:
        discriminator = encoder.get_layer("discriminator")
        of_images = keras.Model(discriminator.inputs, discriminator.get_layer(Q_OUTPUTS).input)
        features = of_images(encoder.get_layer(CLASS_VIEW).output)
    else:
        raise ValueError(
            "The encoder has no features of classes. Expected an encoder of CoDeGAN or InfoGAN. "
            f"Received: layers {', '.join(names)}"
        )
    return keras.Model(encoder.inputs[0], features, name="class_features")
