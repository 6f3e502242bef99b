"""The page of one model: its image under the controls, own images, traversals, samples, swaps."""

import functools

import numpy as np
import panel as pn

from pipeline.app.controls import Controls
from pipeline.app.loaded_model import LoadedModel
from pipeline.app.own_image import ImageChoice, OwnImage
from pipeline.app.parts import Note, Picture, button, card, file_button
from pipeline.pictures import (
    animation_file,
    image_grid,
    picture_file,
    traversal_frames,
    traversal_strips,
)

NUM_SAMPLES = 32
SAMPLE_COLUMNS = 8
LARGE = 256  # pixels of the shorter side of the image under the controls
STRIP = 40  # of an image of a traversal


class ModelPage:
    """Everything on the page that belongs to one model."""

    def __init__(self, model: LoadedModel):
        self.model = model
        self._seed = 0
        self._drawn = model.draw(0, NUM_SAMPLES)
        self.image = Picture(f"Image of {model.name}", "large")
        self.strips = Picture(f"Each code of {model.name} moved", "lettered")
        self.samples = Picture(f"Random samples of {model.name}")
        self.controls = Controls(model, model.draw(0)[0], self._moved)
        self.own = OwnImage(model, self._start_at)
        self.swap = Swap(model) if model.is_swappable else None
        self._show_samples()
        self._moved(True)

    def view(self) -> pn.Column:
        """Return the part of the page."""
        model = self.model
        actions = [button("Random image", self.randomise, is_main=True)]
        if model.noise.start < model.noise.stop:
            name = "New z" if model.codes.is_told_by_features else "New noise"
            actions.append(button(name, self.renew_noise))
        left = pn.Column(
            self.image.view,
            pn.FlexBox(*actions, file_button("Save PNG", f"{model.name}.png", self.image_file)),
            styles=_beside("0 1 400px"),
        )
        right = pn.Column(self.controls.view(), styles=_beside("1 1 400px"))
        parts = [
            pn.FlexBox(left, right, sizing_mode="stretch_width", flex_wrap="wrap", gap="16px"),
            self.own.view(),
            card(
                "Each code moved from here",
                self.strips.view,
                pn.FlexBox(
                    file_button("Save PNG", f"{model.name}-traversals.png", self.strips_file),
                    file_button("Save GIF", f"{model.name}-traversals.gif", self.animation_file),
                ),
            ),
            card(
                "Random samples",
                self.samples.view,
                pn.FlexBox(
                    button("Draw others", self.redraw),
                    file_button("Save PNG", f"{model.name}-samples.png", self.samples_file),
                ),
            ),
        ]
        if self.swap is not None:
            parts.insert(2, self.swap.view())
        return pn.Column(*parts, sizing_mode="stretch_width")

    def randomise(self) -> None:
        """Draw a latent vector."""
        self._seed += 1
        self.controls.latent = self.model.draw(self._seed)[0]

    def renew_noise(self) -> None:
        """Draw the noise, and let the codes stay."""
        self._seed += 1
        latent = self.controls.latent
        latent[self.model.noise] = self.model.draw(self._seed)[0][self.model.noise]
        self.controls.latent = latent

    def redraw(self) -> None:
        """Draw other samples."""
        self._seed += 1
        self._drawn = self.model.draw(self._seed, NUM_SAMPLES)
        self._show_samples()

    def image_file(self) -> bytes:
        """Return the image under the controls as PNG, in the model's own pixels."""
        (image,) = self.model.images(self.controls.latent[np.newaxis])
        return picture_file(image_grid(image[np.newaxis], scale=1))

    def strips_file(self) -> bytes:
        """Return the traversals as PNG."""
        images, values, names = self.model.traversals(self.controls.latent)
        return picture_file(traversal_strips(images, names=names, values=values))

    def animation_file(self) -> bytes:
        """Return the traversals as GIF."""
        images, _, names = self.model.traversals(self.controls.latent)
        return animation_file(traversal_frames(images, names=names))

    def samples_file(self) -> bytes:
        """Return the samples as PNG."""
        return picture_file(image_grid(self.model.images(self._drawn), columns=SAMPLE_COLUMNS))

    def _start_at(self, latent: np.ndarray) -> None:
        self.controls.latent = latent

    def _moved(self, is_settled: bool) -> None:
        images = self.model.images(self.controls.latent[np.newaxis])
        self.image.show(image_grid(images, scale=_scale(images, LARGE)))
        if is_settled:
            strips, values, names = self.model.traversals(self.controls.latent)
            scale = _scale(strips, STRIP)
            self.strips.show(traversal_strips(strips, names=names, values=values, scale=scale))

    def _show_samples(self) -> None:
        images = self.model.images(self._drawn)
        self.samples.show(image_grid(images, columns=SAMPLE_COLUMNS))


class Swap:
    """Two images whose specified and unspecified codes change places (Mathieu et al.)."""

    def __init__(self, model: LoadedModel):
        self._model = model
        self._images: dict[int, np.ndarray] = {}
        self.pictures = Picture("Two images, and their codes swapped")
        self.choices = [
            ImageChoice(model, title, functools.partial(self.take, number), number + 1)
            for number, title in enumerate(("First image", "Second image"))
        ]
        self.note = Note("s says who or what it is, z everything else.")
        for number, image in enumerate(model.real[:2]):
            self._images[number] = image
        self._show()

    def view(self) -> pn.Column:
        """Return the part of the page."""
        choices = [pn.Column(choice.view, styles=_beside("1 1 400px")) for choice in self.choices]
        return card("Swap s and z", pn.FlexBox(*choices), self.pictures.view, self.note.view)

    def take(self, number: int, image: np.ndarray) -> None:
        """Take the first (0) or the second (1) image, uint8 [h, w, c]."""
        self._images[number] = image
        self._show()

    def _show(self) -> None:
        if len(self._images) < 2:
            return
        first, second = self._images[0], self._images[1]
        mixed = self._model.swapped(first, second)
        labels = ["first", "second", "s1 z2", "s2 z1"]
        pictures = np.concatenate([np.stack([first, second]), mixed])
        self.pictures.show(image_grid(pictures, columns=4, labels=labels))
        self.note.say(
            "s says who or what it is, z everything else. From the left: the first image, the "
            "second, s of the first with z of the second, s of the second with z of the first."
        )


def _beside(flex: str) -> dict[str, str]:
    """Return the style of a column that stands beside others where there is room."""
    return {"flex": flex, "width": "auto", "min-width": "280px"}


def _scale(images: np.ndarray, side: int) -> int:
    """Return the whole factor that brings the shorter side to at least half of so many pixels."""
    return max(1, side // min(images.shape[-3:-1]))
