"""The user's own image on the page: encoded, shown as the model knows it, and taken as a start."""

from collections.abc import Callable

import numpy as np
import panel as pn

from pipeline.app.loaded_model import LoadedModel, Match
from pipeline.app.parts import Note, Picture, button, card
from pipeline.errors import ConfigurationError
from pipeline.pictures import image_grid

KINDS = "image/*"
LARGEST = 50_000_000  # bytes of a file


class ImageChoice:
    """A file of the user's, or one of the model's training images.

    Args:
        model: Which takes the image.
        title: What the image is for.
        on_image: Called with the image uint8 [h, w, c].
        first: Number of the training image that is offered first.
    """

    def __init__(
        self,
        model: LoadedModel,
        title: str,
        on_image: Callable[[np.ndarray], None],
        first: int = 1,
    ):
        self._model = model
        self._on_image = on_image
        self.note = Note()
        self.file = pn.widgets.FileInput(accept=KINDS, sizing_mode="stretch_width")
        self.file.param.watch(lambda _: self.note.trying(self._take_file), "value")
        self.number = pn.widgets.IntInput(
            label="or a training image, by number",
            value=min(first, max(1, len(model.real))),
            start=1,
            end=max(1, len(model.real)),
            width=200,
        )
        self.number.param.watch(lambda _: self.take_real(), "value")
        self.take = button("Take this one", self.take_real)
        chooser = [pn.Row(self.number, pn.Column(pn.Spacer(height=16), self.take))]
        self.view = pn.Column(
            f"**{title}**",
            self.file,
            *(chooser if len(model.real) else []),
            self.note.view,
            sizing_mode="stretch_width",
        )

    def take_real(self) -> None:
        """Take the training image whose number is chosen."""
        self.note.trying(lambda: self._on_image(self._model.real[int(self.number.value or 1) - 1]))

    def _take_file(self) -> None:
        content = self.file.value
        if not content:
            return
        if len(content) > LARGEST:
            raise ConfigurationError(
                f"{self.file.filename} is too large. Expected at most {LARGEST // 10**6} MB. "
                f"Received: {len(content) / 1e6:.0f} MB"
            )
        self._on_image(self._model.read(self.file.filename or "image", content))


class OwnImage:
    """Where an image is given, and what the model makes of it.

    Args:
        model: The model.
        on_match: Called with the latent vector float32 [latent_dim] of the image.
    """

    def __init__(self, model: LoadedModel, on_match: Callable[[np.ndarray], None]):
        self._model = model
        self._on_match = on_match
        self.choice = ImageChoice(model, "An image file", self.take)
        self.pictures = Picture("Your image, and the model's own")
        self.note = Note(
            "The image is cut to a centred square, resized to what the model takes, and encoded; "
            "the controls above then stand on its codes."
        )

    def view(self) -> pn.Column:
        """Return the part of the page."""
        return card("Your own image", self.choice.view, self.pictures.view, self.note.view)

    def take(self, image: np.ndarray) -> None:
        """Encode an image uint8 [h, w, c], show what the model makes of it, and start there."""
        self.note.say("Encoding the image, and looking for what is nearest to it ...")
        match = self._model.match(image)
        labels = ["yours", "nearest" if match.is_searched else "model's"]
        self.pictures.show(image_grid(np.stack([image, match.image]), labels=labels, scale=None))
        self.note.say(_describe(match))
        self._on_match(match.latent)


def _describe(match: Match) -> str:
    what = (
        "the nearest image that the search found (its codes are the encoder's, where it gives any)"
        if match.is_searched
        else "the reconstruction: the generator's image of the encoder's codes"
    )
    return (
        f"Left your image, right {what}. Root mean squared difference: {match.error**0.5:.3f} of 1."
    )
