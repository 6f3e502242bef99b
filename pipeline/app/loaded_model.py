"""A trained model in memory, and what the page asks of it: images of codes, codes of images."""

import dataclasses
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models.codes.joint_code import CategoricalCode, EmpiricalCodes, JointCode
from pipeline.errors import ConfigurationError
from pipeline.inference.encoding import as_function, load_network, row_slices
from pipeline.inference.nearest import nearest_latent
from pipeline.inference.onnx_network import OnnxNetwork
from pipeline.inference.own_images import read_sent_image
from pipeline.inference.saved_model import SavedModel, open_model
from pipeline.inference.swapping import swapped_codes
from pipeline.inference.traversing import traversal_images
from pipeline.pictures import to_uint8

BATCH_SIZE = 16  # images at once: small, so that one image is there at once
STEPS = 11  # of a traversal: an odd number has the middle of a range
MAX_TRAVERSED = 12  # codes of one picture
NUM_LOADED = 4  # models kept in memory


class Match(NamedTuple):
    """What a model makes of an image.

    Attributes:
        latent: Float32 [latent_dim].
        image: What the generator makes of that, uint8 [h, w, c].
        error: The mean squared difference of the two images, pixels from 0 to 1.
        is_searched: Whether the latent vector was searched for, and not given by the encoder alone.
    """

    latent: np.ndarray
    image: np.ndarray
    error: float
    is_searched: bool


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A model whose networks are in memory.

    Attributes:
        saved: The model on disk.
        codes: Its latent vector, which can be drawn.
        real: Some training images uint8 [n, h, w, c]; none if they are not kept.
    """

    saved: SavedModel
    codes: JointCode
    real: np.ndarray

    @property
    def name(self) -> str:
        """Of the model."""
        return self.saved.name

    @property
    def is_swappable(self) -> bool:
        """Whether its codes are those of an identity, s, and of everything else, z."""
        return len(self.codes.parts) == 2 and isinstance(self.codes.parts[0], EmpiricalCodes)

    @property
    def continuous(self) -> list[int]:
        """Numbers of the codes with a slider."""
        return [code for code in range(self.codes.num_codes) if code not in self.categorical]

    @property
    def categorical(self) -> list[int]:
        """Numbers of the codes with a button for each class."""
        numbers, number = [], 0
        for part in self.codes.informative:
            if isinstance(part, CategoricalCode):
                numbers.append(number)
            number += part.num_codes
        return numbers

    @property
    def noise(self) -> slice:
        """Columns of the latent vector that are no code; of CoDeGAN, everything but the class."""
        informative = sum(part.dim for part in self.codes.informative)
        return slice(informative, self.codes.latent_dim)

    def code_title(self, code: int) -> str:
        """Return what a code is called on the page."""
        name = self.codes.code_names[code]
        if self.is_swappable:
            part = "s" if code < self.codes.parts[0].num_codes else "z"
            return f"{part} {code + 1 - (0 if part == 's' else self.codes.parts[0].num_codes)}"
        return name.replace("_", " ")

    def images(self, latents: np.ndarray) -> np.ndarray:
        """Return the images uint8 [n, h, w, c] of latent vectors [n, latent_dim]."""
        return to_uint8(self._generate(latents.astype(np.float32)))

    def draw(self, seed: int, count: int = 1) -> np.ndarray:
        """Return random latent vectors, float32 [count, latent_dim]."""
        return self.codes.draw(np.random.default_rng(seed), count)

    def read(self, name: str, content: bytes) -> np.ndarray:
        """Return the user's image file as the encoder takes it, uint8 [h, w, c].

        Raises:
            ConfigurationError: It is no image, or of a size that does not fit.
        """
        return read_sent_image(name, content, self._shape)

    def match(self, image: np.ndarray) -> Match:
        """Return what the model makes of an image: its reconstruction, or the nearest image.

        The codes are those that the encoder gives, of classes the likeliest. Where there is noise,
        it is searched for; of CoDeGAN, whose encoder tells classes by features, all is.
        """
        known = None if self.codes_of_encoder is None else self._encode(image[np.newaxis])[0]
        # Nobody can descend in a network that Keras did not make.
        network = None if isinstance(self._network, OnnxNetwork) else self._network
        latent = nearest_latent(self._generate, self.codes, image, known, network=network)
        made = self.images(latent[np.newaxis])[0]
        error = float(((made / 255.0 - image / 255.0) ** 2).mean())
        is_searched = known is None or self.codes.code_dim < self.codes.latent_dim
        return Match(latent, made, error, is_searched)

    @property
    def codes_of_encoder(self) -> JointCode | None:
        """The codes that the encoder gives; None where it gives features instead."""
        return None if self.saved.codes.is_told_by_features else self.codes

    def traversals(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Move each code alone (of many, `MAX_TRAVERSED` evenly chosen); see `traversal_images`."""
        count = min(MAX_TRAVERSED, self.codes.num_codes)
        chosen = np.linspace(0, self.codes.num_codes - 1, count).round().astype(int).tolist()
        images, values, names = traversal_images(
            self.images, self.codes, latent, chosen, steps=STEPS
        )
        titles = [
            name.replace(self.codes.code_names[code], self.code_title(code))
            for name, code in zip(names, chosen, strict=True)
        ]
        return images, values, titles

    def swapped(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return images uint8 [2, h, w, c]: s of the first with z of the second, and the reverse.

        Args:
            first: An image uint8 [h, w, c].
            second: Another.

        Raises:
            ConfigurationError: The model does not tell s from z.
        """
        if not self.is_swappable:
            raise ConfigurationError(
                f"{self.name} has no specified and unspecified code to swap. Expected a model of "
                "Mathieu et al. (cvae_gan)."
            )
        encoded = self._encode(np.stack([first, second]))
        is_specified = np.arange(self.codes.code_dim) < self.codes.parts[0].dim
        mixed = swapped_codes(encoded, encoded, is_specified)  # [z of, s of, code_dim]
        return self.images(np.stack([mixed[1, 0], mixed[0, 1]]))

    @cached_property
    def _network(self) -> Any:
        return load_network(self.saved.folder.generator)

    @cached_property
    def _generate(self) -> Callable[[np.ndarray], np.ndarray]:
        compute = as_function(self._network, BATCH_SIZE)

        def generate(latents: np.ndarray) -> np.ndarray:
            return np.concatenate(
                [compute(latents[rows]) for rows in row_slices(len(latents), BATCH_SIZE)]
            )

        return generate

    @cached_property
    def _encoder(self) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[int, int, int]]:
        return self.saved.encoder()

    @property
    def _encode(self) -> Callable[[np.ndarray], np.ndarray]:
        return self._encoder[0]

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self._encoder[1]


@lru_cache(maxsize=NUM_LOADED)
def load_model(folder: Path) -> LoadedModel:
    """Return the model of a folder, kept in memory for the next page that asks for it.

    Raises:
        ConfigurationError: There is no model, or its codes are not described.
        StageError: A file of it is damaged.
    """
    saved = open_model(folder)
    try:
        with np.load(saved.folder.traversals, allow_pickle=False) as content:
            real = content["real"]
    except (OSError, KeyError, ValueError):
        real = np.zeros((0, 1, 1, 1), np.uint8)
    return LoadedModel(saved, saved.drawable(), real)
