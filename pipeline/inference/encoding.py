"""Exported networks at work: images to codes, latent vectors to images, in batches of one shape."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ConfigurationError, StageError
from pipeline.inference.network_files import refuse_code
from pipeline.inference.onnx_network import OnnxNetwork
from pipeline.runs.directory import ONNX

BATCH_SIZE = 256


def load_network(path: Path) -> Any:
    """Return an exported network, in its fast form; only Keras' own layers are loaded, and no code.

    A file that ends with .onnx gives an `OnnxNetwork`.

    Raises:
        StageError: If the file is missing, damaged or brings code along, with its name.
        ConfigurationError: If it is an ONNX file, and onnxruntime is not installed.
    """
    if path.suffix == ONNX:
        try:
            return OnnxNetwork(path)
        except ConfigurationError:
            raise
        except Exception as error:  # onnxruntime has a dozen of its own
            raise StageError(f"Cannot load the network {path}: {error}") from error
    import keras

    from models.layers.plain import fast_copy

    try:
        refuse_code(path)
        return fast_copy(keras.saving.load_model(path, compile=False, safe_mode=True))
    except Exception as error:
        raise StageError(
            f"Cannot load the network {path}: {error}. Expected a file that the train stage "
            "wrote; run it again (--stages train) to restore it."
        ) from error


def as_function(network: Any, batch_size: int = BATCH_SIZE) -> Callable[[np.ndarray], np.ndarray]:
    """Return a network in inference mode as a fast function of arrays.

    Batches of up to `batch_size` rows are padded to that size, so that one graph serves all and a
    row's result does not depend on the rows it came with.
    """
    if isinstance(network, OnnxNetwork):
        compute: Callable[[np.ndarray], np.ndarray] = network
    else:
        compute = _keras_function(network)

    def function(inputs: np.ndarray) -> np.ndarray:
        num_rows = len(inputs)
        if num_rows < batch_size:
            padding = np.zeros((batch_size - num_rows, *inputs.shape[1:]), inputs.dtype)
            inputs = np.concatenate([inputs, padding])
        return compute(inputs)[:num_rows]

    return function


def _keras_function(network: Any) -> Callable[[np.ndarray], np.ndarray]:
    import tensorflow as tf

    @tf.function(jit_compile=False)
    def infer(inputs: Any):
        return network(inputs, training=False)

    return lambda inputs: infer(tf.constant(inputs)).numpy()


def encoder_function(encoder: Any, max_value: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return an encoder as a function of uint8 images [n, h, w, c] to codes [n, code_dim]."""
    if isinstance(encoder, OnnxNetwork):
        compute = as_function(encoder)
        return in_batches(lambda images: compute(images.astype(np.float32) / max_value))
    import tensorflow as tf

    scaled = lambda images, training: encoder(  # noqa: E731 - a network with its input's scale
        tf.cast(images, tf.float32) / max_value, training=training
    )
    return in_batches(as_function(scaled))


def in_batches(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return `function` for any number of rows, called with `BATCH_SIZE` at a time."""

    def batched(inputs: np.ndarray) -> np.ndarray:
        return np.concatenate([function(inputs[rows]) for rows in row_slices(len(inputs))])

    return batched


def row_slices(num_rows: int, size: int = BATCH_SIZE) -> Iterator[slice]:
    """Yield slices that cut `num_rows` rows into batches."""
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))
