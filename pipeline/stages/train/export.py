"""What a model leaves: networks that load with Keras alone, and pictures of what its codes do."""

from pathlib import Path
from typing import Any

import numpy as np

from models.codes.joint_code import JointCode
from pipeline.datasets.interface import Dataset
from pipeline.inference.code_draws import ENCODED, encode_training_images
from pipeline.inference.encoding import as_function, encoder_function, in_batches, row_slices
from pipeline.inference.traversing import traversal_images
from pipeline.pictures import image_grid, save_picture, to_uint8, traversal_strips
from pipeline.runs.directory import ExportDirectory
from pipeline.runs.files import atomic_path, json_text, write_text
from pipeline.stages.train.identity_pictures import identity_pictures

NUM_SAMPLES = 64
NUM_KL_IMAGES = 10_000
TRAVERSAL_STEPS = 10
MAX_TRAVERSED = 40  # codes; of more, so many are chosen evenly
_STREAM = 0x91C7  # the same latent vectors for every picture, so that pictures compare


class Exporter:
    """Writes the networks and pictures of one model in training.

    Args:
        model: With `shown_generator`, `encoder` and `codes`.
        dataset: The opened data set.
        limits: Of continuous codes in traversals; None: their own range.
    """

    def __init__(self, model: Any, dataset: Dataset, limits: tuple[float, float] | None = None):
        self._limits = limits
        self._model = model
        self._dataset = dataset
        self._generate = in_batches(as_function(model.shown_generator()))
        self._kl_of_codes = None
        if model.kl_of_codes is not None:
            self._kl_of_codes = in_batches(as_function(model.kl_of_codes))

    def export(self, folder: ExportDirectory) -> None:
        """Write the networks, traversals.npz and, of VAEs, code_kl.json, each atomically.

        Of models that have one, posterior.keras, too.
        """
        model, dataset = self._model, self._dataset
        for name, network in model.exports().items():
            with atomic_path(getattr(folder, name)) as temporary:
                network.save(temporary)
        codes, arrays = self._drawable_codes()
        if arrays and dataset.has_identity_parts:
            encode = encoder_function(model.encoder, dataset.max_value)
            arrays |= identity_pictures(encode, self._generate, codes, dataset)
        traversals, values, names = self.traverse(codes)
        count = min(NUM_SAMPLES, dataset.num_images)
        chosen = np.random.default_rng(_STREAM).choice(dataset.num_images, count, replace=False)
        real = dataset.train_images(chosen)
        with atomic_path(folder.traversals) as temporary:
            np.savez_compressed(
                temporary,
                images=traversals,
                values=values,
                names=np.array(names),
                samples=self.sample(codes),
                real=to_uint8(real, max_value=dataset.max_value),
                **arrays,
            )
        if self._kl_of_codes is not None:
            self._write_kl(folder)

    def write_pictures(self, folder: Path, iteration: int) -> dict[str, np.ndarray]:
        """Write a grid of samples and strips of traversals as PNG files, and return them."""
        codes, _ = self._drawable_codes()
        traversals, values, names = self.traverse(codes)
        pictures = {
            "samples": image_grid(self.sample(codes)),
            "traversals": traversal_strips(traversals, names=names, values=values),
        }
        for name, picture in pictures.items():
            save_picture(folder / f"{name}-{iteration:09d}.png", picture)
        return pictures

    def _drawable_codes(self) -> tuple[JointCode, dict[str, Any]]:
        """Return the model's codes, fitted where they have no prior, and what a stage needs to."""
        codes = self._model.codes
        if codes.has_prior:
            return codes, {}
        encoded = encode_training_images(self._model.encoder, self._dataset)
        return codes.fitted(encoded), {ENCODED: encoded}

    def sample(self, codes: JointCode) -> np.ndarray:
        """Return random samples, uint8 [n, h, w, c]."""
        return self._images(codes.draw(np.random.default_rng(_STREAM), NUM_SAMPLES))

    def traverse(self, codes: JointCode) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Move each code (or `MAX_TRAVERSED` of them) alone over its range, from one vector.

        Returns images, values and names as `traversal_images` does.
        """
        base = codes.draw(np.random.default_rng(_STREAM), 1)[0]
        count = min(MAX_TRAVERSED, codes.num_codes)
        chosen = np.linspace(0, codes.num_codes - 1, count).round().astype(int).tolist()
        return traversal_images(
            self._images, codes, base, chosen, steps=TRAVERSAL_STEPS, limits=self._limits
        )

    def _write_kl(self, folder: ExportDirectory) -> None:
        """Write the mean over training images of each code's KL to the prior."""
        dataset = self._dataset
        count = min(NUM_KL_IMAGES, dataset.num_images)
        chosen = np.random.default_rng(_STREAM).choice(dataset.num_images, count, replace=False)
        if self._kl_of_codes is None:
            raise ValueError("The model gives no KL of its codes. Expected a VAE")
        total = np.zeros(())
        for rows in row_slices(count):
            images = dataset.train_images(np.sort(chosen[rows]))
            unit_range = images.astype(np.float32) / dataset.max_value
            total = total + self._kl_of_codes(unit_range).sum(axis=0, dtype=np.float64)
        write_text(
            folder.code_kl, json_text({"nats": (total / count).tolist(), "num_images": count})
        )

    def _images(self, latents: np.ndarray) -> np.ndarray:
        return to_uint8(self._generate(latents.astype(np.float32)))
