"""A trained model on disk: its networks as functions of arrays, and its codes."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.codes.joint_code import CategoricalCode, FeatureCode, JointCode
from pipeline.errors import ConfigurationError
from pipeline.inference.code_draws import drawable_codes
from pipeline.inference.described_codes import EXAMPLE, described_codes
from pipeline.inference.encoding import as_function, encoder_function, in_batches, load_network
from pipeline.pictures import to_uint8
from pipeline.runs.directory import ExportDirectory, ModelDirectory


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """A model on disk.

    Attributes:
        name: For file names: its id, or the name of its folder.
        folder: Its networks.
        codes: Its latent vector, as trained.
        config: Content of its config.json.
    """

    name: str
    folder: ExportDirectory
    codes: JointCode
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def drawable(self) -> JointCode:
        """Return its codes as they can be drawn, see `drawable_codes`."""
        return drawable_codes(self.codes, self.folder)

    def generator(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return the generator: latent vectors [n, latent_dim] to images uint8 [n, h, w, c].

        Raises:
            StageError: The file is missing or damaged.
        """
        generate = in_batches(as_function(load_network(self.folder.generator)))
        return lambda latents: to_uint8(generate(latents.astype(np.float32)))

    def encoder(self) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[int, int, int]]:
        """Return the encoder: images uint8 [n, h, w, c] to codes [n, code_dim], and (h, w, c).

        Raises:
            StageError: The file is missing or damaged.
        """
        network = load_network(self.folder.encoder)
        return encoder_function(network, 255), tuple(network.input_shape[1:])

    def code_columns(self) -> list[str]:
        """Return a name for each column of the encoder's output."""
        codes = self.codes
        if isinstance(codes, FeatureCode):
            num_features = codes.class_features.stop
            names = [f"feature_{number + 1}" for number in range(num_features)]
            return names + [f"noise_{number + 1}" for number in range(codes.noise_dim)]
        names, number = [], 0
        for part in codes.informative:
            for name in codes.code_names[number : number + part.num_codes]:
                if isinstance(part, CategoricalCode):
                    names += [f"{name}_class_{value}" for value in range(part.dim)]
                else:
                    names.append(name)
            number += part.num_codes
        return names


def open_model(folder: Path) -> SavedModel:
    """Return the model of a folder with generator.keras, encoder.keras and config.json.

    Args:
        folder: Of a model, or of one of its snapshots, whose config.json is a folder above.

    Raises:
        ConfigurationError: There is no model, or its codes are not described.
    """
    folder = folder.resolve()
    config = next(
        (
            path
            for path in (ModelDirectory(folder).config, ModelDirectory(folder.parent).config)
            if path.exists()
        ),
        None,
    )
    if config is None or not ExportDirectory(folder).generator.exists():
        raise ConfigurationError(
            f"{folder} holds no model. Expected a run directory, or a folder with generator.keras "
            "and encoder.keras (or .onnx), and a config.json that describes the codes, such as "
            f"{EXAMPLE}. Received: {folder}"
        )
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
        codes = described_codes(content)
    except ValueError as error:
        raise ConfigurationError(
            f"{config} describes no model: {error}. Expected such as {EXAMPLE}."
        ) from error
    if codes is None:
        raise ConfigurationError(
            f"{config} does not describe the model's codes. Expected what the train stage writes, "
            f"or such as {EXAMPLE}."
        )
    name = folder.name if config.parent == folder else f"{folder.parent.name}@{folder.name}"
    return SavedModel(name, ExportDirectory(folder), codes, content)
