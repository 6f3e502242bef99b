"""What a model leaves: networks that load with Keras alone, and pictures of what its codes do."""

from pathlib import Path

import numpy as np

from pipeline.encoding import as_function, in_batches, row_slices
from pipeline.files import atomic_path, json_text, write_text
from pipeline.pictures import image_grid, save_picture, to_uint8, traversal_strips
from pipeline.run_directory import ExportDirectory

NUM_SAMPLES = 64
NUM_KL_IMAGES = 10_000
TRAVERSAL_STEPS = 10
_STREAM = 0x91C7  # the same latent vectors for every picture, so that pictures compare


class Exporter:
    """Writes the networks and pictures of one model in training.

    Args:
        model: With `generator`, `encoder` and `codes`.
        dataset: The opened data set.
        limits: Of continuous codes in traversals; None: their own range.
    """

    def __init__(self, model, dataset, limits: tuple[float, float] | None = None):
        self._limits = limits
        self._model = model
        self._dataset = dataset
        self._generate = in_batches(as_function(model.generator))
        self._kl_of_codes = None
        if model.kl_of_codes is not None:
            self._kl_of_codes = in_batches(as_function(model.kl_of_codes))

    def export(self, folder: ExportDirectory) -> None:
        """Write the networks, traversals.npz and, of VAEs, code_kl.json, each atomically."""
        model, dataset = self._model, self._dataset
        networks = model.exports()
        for name, path in (("generator", folder.generator), ("encoder", folder.encoder)):
            with atomic_path(path) as temporary:
                networks[name].save(temporary)
        traversals, values = self.traverse()
        count = min(NUM_SAMPLES, dataset.num_images)
        chosen = np.random.default_rng(_STREAM).choice(dataset.num_images, count, replace=False)
        real = dataset.train_images(chosen)
        with atomic_path(folder.traversals) as temporary:
            np.savez_compressed(
                temporary,
                images=traversals,
                values=values,
                names=np.array(model.codes.code_names),
                samples=self.sample(),
                real=to_uint8(real, max_value=dataset.max_value),
            )
        if self._kl_of_codes is not None:
            self._write_kl(folder)

    def write_pictures(self, folder: Path, iteration: int) -> None:
        """Write a grid of samples and strips of traversals as PNG files."""
        traversals, values = self.traverse()
        save_picture(folder / f"samples-{iteration:09d}.png", image_grid(self.sample()))
        names = self._model.codes.code_names
        strips = traversal_strips(traversals, names=names, values=values)
        save_picture(folder / f"traversals-{iteration:09d}.png", strips)

    def sample(self) -> np.ndarray:
        """Return random samples, uint8 [n, h, w, c]."""
        return self._images(self._model.codes.draw(np.random.default_rng(_STREAM), NUM_SAMPLES))

    def traverse(self) -> tuple[np.ndarray, np.ndarray]:
        """Move each code alone over its range, from one latent vector.

        Returns:
            images: uint8 [codes, steps, h, w, c]; where a categorical code has fewer classes
                than there are steps, the rest of its row is white.
            values: float [steps], of the last code with so many steps: of a continuous code where
                there is one beside classes.
        """
        codes = self._model.codes
        base = codes.draw(np.random.default_rng(_STREAM), 1)[0]
        values = [
            codes.traversal_values(code, TRAVERSAL_STEPS, self._limits)
            for code in range(codes.num_codes)
        ]
        paths = [codes.traverse(base, code, steps) for code, steps in enumerate(values)]
        images = self._images(np.concatenate(paths))
        longest = max(reversed(values), key=len)
        rows = np.full((len(paths), len(longest), *images.shape[1:]), 255, np.uint8)
        ends = np.cumsum([len(path) for path in paths])
        for row, path, end in zip(rows, paths, ends, strict=True):
            row[: len(path)] = images[end - len(path) : end]
        return rows, np.asarray(longest, np.float64)

    def _write_kl(self, folder: ExportDirectory) -> None:
        """Write the mean over training images of each code's KL to the prior."""
        dataset = self._dataset
        count = min(NUM_KL_IMAGES, dataset.num_images)
        chosen = np.random.default_rng(_STREAM).choice(dataset.num_images, count, replace=False)
        total = 0.0
        for rows in row_slices(count):
            images = dataset.train_images(np.sort(chosen[rows]))
            unit_range = images.astype(np.float32) / dataset.max_value
            total = total + self._kl_of_codes(unit_range).sum(axis=0, dtype=np.float64)
        write_text(
            folder.code_kl, json_text({"nats": (total / count).tolist(), "num_images": count})
        )

    def _images(self, latents: np.ndarray) -> np.ndarray:
        return to_uint8(self._generate(latents.astype(np.float32)))
