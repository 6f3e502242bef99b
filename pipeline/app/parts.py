"""Parts of the page: pictures, files to save, cards."""

import base64
import html
import io
from collections.abc import Callable

import numpy as np
import panel as pn

from pipeline.errors import ConfigurationError, StageError
from pipeline.pictures import picture_file

# Pixels stay what a network drew. A grid is never wider than the page, a picture with small letters
# is scrolled there.
STYLES = {
    "grid": "img { image-rendering: pixelated; display: block; max-width: 100%; }",
    "large": "img { image-rendering: pixelated; display: block; width: 100%; max-width: 384px; }",
    "lettered": ":host { overflow-x: auto; } img { display: block; }",
}


class Picture:
    """A place for a picture, empty at first.

    Args:
        alternative: What it shows, in words.
        style: One of `STYLES`.

    Attributes:
        view: The part of the page.
        content: The picture as PNG.
    """

    def __init__(self, alternative: str, style: str = "grid"):
        self._alternative = html.escape(alternative)
        self.content = b""
        self.view = pn.pane.HTML("", stylesheets=[STYLES[style]], sizing_mode="stretch_width")

    def show(self, pixels: np.ndarray) -> None:
        """Show a picture uint8 [h, w, 3]."""
        self.content = picture_file(pixels)
        encoded = base64.b64encode(self.content).decode("ascii")
        self.view.object = f'<img alt="{self._alternative}" src="data:image/png;base64,{encoded}">'


def file_button(label: str, name: str, content: Callable[[], bytes]) -> pn.widgets.FileDownload:
    """Return a button that saves a file, made when it is asked for."""
    return pn.widgets.FileDownload(
        label=label,
        filename=name,
        callback=lambda: io.BytesIO(content()),
        color="default",
        width=150,
    )


def button(label: str, action: Callable[[], None], *, is_main: bool = False) -> pn.widgets.Button:
    """Return a button."""
    return pn.widgets.Button(
        label=label,
        color="primary" if is_main else "default",
        on_click=lambda _: action(),
    )


def card(title: str, *parts: object) -> pn.Column:
    """Return parts under a heading."""
    return pn.Column(f"## {title}", *parts, sizing_mode="stretch_width")


class Note:
    """A line of text under a control: what happened, or what is wrong."""

    def __init__(self, text: str = ""):
        self.view = pn.pane.Markdown(text, sizing_mode="stretch_width", margin=(0, 10))

    def say(self, text: str) -> None:
        """Show a sentence."""
        self.view.param.update(object=text, styles={})

    def warn(self, error: Exception) -> None:
        """Show what is wrong."""
        self.view.param.update(object=f"**Not possible:** {error}", styles={"color": "#b00020"})

    def trying(self, action: Callable[[], None]) -> None:
        """Do something; say what the user can do about where it fails."""
        try:
            action()
        except (ConfigurationError, StageError) as error:
            self.warn(error)
