"""Networks in ONNX files: whatever exported them, here they take and give arrays as Keras' do."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ConfigurationError

CHANNELS = (1, 3)


class OnnxNetwork:
    """A network with one input and one output, which onnxruntime computes on the processor.

    Images are `[n, h, w, c]` or `[n, c, h, w]`, told apart by where the 1 or 3 stands; latent
    vectors are `[n, latent_dim]` or `[n, latent_dim, 1, 1]`. A file whose batch has a fixed size is
    called with so many rows at a time.

    Args:
        path: The file; an ONNX file holds no code.

    Attributes:
        input_shape: As of a Keras network: (None, latent_dim) or (None, h, w, c).

    Raises:
        ConfigurationError: If onnxruntime is not installed.
        ValueError: If the network has another form.
    """

    def __init__(self, path: Path):
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("PIPELINE_THREADS", "0"))
        options.log_severity_level = 3  # errors, which are also raised
        providers = ["CPUExecutionProvider"]
        self._session = runtime.InferenceSession(str(path), options, providers=providers)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)":
            told = [f"{one.name} {one.type} {one.shape}" for one in (*inputs, *outputs)]
            raise ValueError(
                f"it has {len(inputs)} inputs and {len(outputs)} outputs. Expected one float32 "
                f"input and one output. Received: {'; '.join(told)}"
            )
        batch, *rest = inputs[0].shape
        if not rest or not all(isinstance(size, int) for size in rest):
            raise ValueError(
                "the shape of its input is not fixed. Expected all sizes but that of the batch. "
                f"Received: {inputs[0].shape}"
            )
        self._input = inputs[0].name
        self._rest = tuple(rest)
        self._batch = batch if isinstance(batch, int) else None
        self._takes_channels_first = _is_channels_first(self._rest)
        self.input_shape = (None, *self._shape_for_us(self._rest))

    @staticmethod
    def _shape_for_us(rest: tuple[int, ...]) -> tuple[int, ...]:
        if len(rest) == 3 and rest[1:] == (1, 1):
            return rest[:1]
        if _is_channels_first(rest):
            return (*rest[1:], rest[0])
        return rest

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Return the outputs float32 of inputs [n, ...], images with their channels last."""
        if self._takes_channels_first:
            inputs = np.moveaxis(inputs, -1, 1)
        inputs = np.ascontiguousarray(inputs, np.float32).reshape(len(inputs), *self._rest)
        size = self._batch or len(inputs)
        missing = -len(inputs) % size
        padded = np.concatenate([inputs, np.zeros((missing, *self._rest), np.float32)])
        parts = [
            self._session.run(None, {self._input: padded[start : start + size]})[0]
            for start in range(0, len(padded), size)
        ]
        outputs = np.concatenate(parts)[: len(inputs)]
        if outputs.ndim == 4 and outputs.shape[2:] == (1, 1):
            return outputs[:, :, 0, 0]
        return np.moveaxis(outputs, 1, -1) if _is_channels_first(outputs.shape[1:]) else outputs


def _is_channels_first(rest: tuple[int, ...]) -> bool:
    """Say whether a shape without its batch is one of images with their channels first."""
    return len(rest) == 3 and rest[1:] != (1, 1) and rest[0] in CHANNELS and rest[2] not in CHANNELS


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigurationError(
            "A network in an ONNX file needs onnxruntime, which is not installed. Expected: "
            "pip install -e '.[onnx]', or the network as a .keras file."
        ) from error
    return onnxruntime
