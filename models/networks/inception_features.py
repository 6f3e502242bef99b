"""Features of the standard Inception-V3 network, for the Frechet distance that is named FID.

The weights are a file of the user's: one of Keras' own (with or without the classification layer)
or one that was saved from `keras.applications.InceptionV3`. Published FIDs used another export of
the same architecture, so compare with them with care.
"""

import warnings
from pathlib import Path

import keras

SIZE = 299  # height and width that the network was trained on
FEATURE_LAYER = "avg_pool"
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def build_inception_features(weights: Path, image_shape: tuple[int, int, int]) -> keras.Model:
    """Return images [batch, h, w, 1 or 3] in [0, 1] to features [batch, 2048].

    Images are resized bilinearly to 299 x 299 and mapped to [-1, 1]; one channel is repeated.

    Raises:
        ValueError: the file is missing or does not fit the network, or images have neither one
            nor three channels.
    """
    if image_shape[2] not in (1, 3):
        raise ValueError(
            "Inception-V3 sees colours. Expected images of 1 or 3 channels. "
            f"Received: image_shape={image_shape}"
        )
    network = _load(weights)
    images = x = keras.Input(image_shape, name="images")
    if image_shape[2] == 1:
        x = keras.layers.Concatenate(name="inception_channels")([x, x, x])
    x = keras.layers.Resizing(SIZE, SIZE, interpolation="bilinear", name="inception_resizing")(x)
    x = keras.layers.Rescaling(2.0, offset=-1.0, name="inception_rescaling")(x)
    return keras.Model(images, network(x, training=False), name="inception_features")


def _load(weights: Path) -> keras.Model:
    """Return the network up to its pooled features, with the weights of the file."""
    expected = (
        "Expected a file of weights for keras.applications.InceptionV3, with or without its top "
        "layer, such as inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
    )
    if not weights.is_file():
        raise ValueError(f"There is no such file. {expected}. Received: weights={str(weights)!r}")
    with open(weights, "rb") as file:
        is_hdf5 = file.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE
    if not is_hdf5:
        raise ValueError(f"The file is not HDF5. {expected}. Received: weights={str(weights)!r}")
    refusals = []
    for has_top in (False, True):
        network = keras.applications.InceptionV3(
            include_top=has_top, weights=None, pooling=None if has_top else "avg"
        )
        try:
            with warnings.catch_warnings():
                # Keras only warns of some layers that keep their random weights.
                warnings.filterwarnings("error", category=UserWarning, module=r"keras\.")
                network.load_weights(weights)
        except Exception as error:  # each format of weights has its own for a misfit
            refusals.append(str(error).strip().partition("\n")[0])
            continue
        if has_top:
            return keras.Model(network.inputs, network.get_layer(FEATURE_LAYER).output)
        return network
    raise ValueError(
        f"The weights do not fit Inception-V3. {expected}. Received: weights={str(weights)!r} "
        f"(without top: {refusals[0]}; with top: {refusals[1]})"
    )
