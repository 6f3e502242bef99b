"""Trained models of which every number is known: networks of one linear layer, and their folder."""

import json

import numpy as np

from pipeline.recipes import describe
from pipeline.runs.directory import CardDirectory


def write_linear_model(root, codes, generator, encoder, shape, **arrays):
    """Write generator.keras, encoder.keras, config.json and traversals.npz of a model.

    Args:
        root: The folder.
        codes: Its latent vector.
        generator: Weights [latent_dim, pixels]; their image is added to a grey of .5.
        encoder: Weights [pixels, code_dim] of the pixels minus .5.
        shape: Height, width and channels.
        arrays: Further arrays of traversals.npz, in the place of empty ones.
    """
    import keras

    folder = CardDirectory(root)
    root.mkdir(parents=True, exist_ok=True)
    generator, encoder = np.asarray(generator, np.float32), np.asarray(encoder, np.float32)
    latents = keras.Input((len(generator),))
    dense = keras.layers.Dense(generator.shape[1])
    made = keras.Model(latents, keras.layers.Reshape(shape)(dense(latents)))
    dense.set_weights([generator, np.full(generator.shape[1], 0.5, np.float32)])
    made.save(folder.generator)
    images = keras.Input(shape)
    dense = keras.layers.Dense(encoder.shape[1])
    read = keras.Model(images, dense(keras.layers.Flatten()(images)))
    dense.set_weights([encoder, -0.5 * encoder.sum(axis=0)])
    read.save(folder.encoder)
    folder.config.write_text(json.dumps({"method": {"codes": describe(codes)}}))
    empty = np.zeros((1, *shape), np.uint8)
    drawn = {"images": np.zeros((1, 2, *shape), np.uint8), "values": np.array([-1.0, 1.0])}
    drawn |= {"names": np.array(["a"]), "samples": empty, "real": empty}
    np.savez(folder.traversals, **(drawn | arrays))
    return root
