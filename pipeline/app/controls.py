"""The controls of a latent vector: a slider for each continuous column, buttons for each class."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn

from pipeline.app.loaded_model import LoadedModel

NUM_SHOWN = 12  # sliders at once
MOST_BUTTONS = 20  # classes; of more, a list is shown
NUM_POSITIONS = 200  # of a slider
NOISE_REACH = 2.0  # standard deviations that a slider of Gaussian noise reaches


@dataclasses.dataclass(frozen=True)
class Column:
    """A continuous column of the latent vector.

    Attributes:
        title: On the page.
        number: Of the column.
        low: The least value of its slider.
        high: The largest.
    """

    title: str
    number: int
    low: float
    high: float


def code_columns(model: LoadedModel) -> list[Column]:
    """Return the columns of the continuous codes of a model."""
    columns = []
    for code in model.continuous:
        low, high = model.codes.traversal_values(code, 2).tolist()
        columns.append(Column(model.code_title(code), model.codes.columns(code).start, low, high))
    return columns


def noise_columns(model: LoadedModel) -> list[Column]:
    """Return the columns of a model's noise: of CoDeGAN, z."""
    name = "z" if model.codes.is_told_by_features else "noise"
    columns: list[Column] = []
    for part in model.codes.parts:
        if part.is_noise:
            low = getattr(part, "low", -NOISE_REACH)
            high = getattr(part, "high", NOISE_REACH)
            for _ in range(part.dim):
                title = f"{name} {len(columns) + 1}"
                columns.append(Column(title, model.noise.start + len(columns), low, high))
    return columns


class Controls:
    """Widgets that hold a latent vector.

    Args:
        model: Whose.
        latent: Where it begins, float32 [latent_dim].
        on_move: Called after every change: with False while a slider is being dragged.
    """

    def __init__(self, model: LoadedModel, latent: np.ndarray, on_move: Callable[[bool], None]):
        self._model = model
        self._latent = np.array(latent, np.float32)
        self._on_move = on_move
        self._is_quiet = False
        self._banks = [_Bank("codes", code_columns(model), self._set_column)]
        self._banks.append(_Bank("noise", noise_columns(model), self._set_column))
        self._classes = {code: self._class_buttons(code) for code in model.categorical}
        self._show_latent()

    @property
    def latent(self) -> np.ndarray:
        """The latent vector that the controls show, float32 [latent_dim]."""
        return self._latent.copy()

    @latent.setter
    def latent(self, latent: np.ndarray) -> None:
        self._latent = np.array(latent, np.float32)
        self._show_latent()
        self._on_move(True)

    def view(self) -> pn.Column:
        """Return the controls as a part of the page; noise is folded away."""
        codes, noise = (bank.view for bank in self._banks)
        parts: list = [
            pn.Column(f"**{self._model.code_title(code)}**", buttons, sizing_mode="stretch_width")
            for code, buttons in self._classes.items()
        ]
        if self._banks[0].columns:
            parts.append(codes)
        if self._banks[1].columns:
            parts.append(
                pn.Card(
                    noise,
                    title="Noise",
                    collapsed=bool(parts),
                    sizing_mode="stretch_width",
                    margin=10,
                )
            )
        return pn.Column(*parts, sizing_mode="stretch_width")

    def _class_buttons(self, code: int) -> pn.widgets.Widget:
        classes = [int(value) for value in self._model.codes.traversal_values(code)]
        options = {str(value): value for value in classes}
        buttons: pn.widgets.Widget
        if len(classes) <= MOST_BUTTONS:
            buttons = pn.widgets.RadioButtonGroup(
                options=options,
                value=classes[0],
                color="primary",
                variant="outline",
                sizing_mode="stretch_width",
            )
        else:
            buttons = pn.widgets.Select(
                options=options, value=classes[0], sizing_mode="stretch_width"
            )
        buttons.param.watch(lambda event: self._set_class(code, event.new), "value")
        return buttons

    def _set_class(self, code: int, value: int) -> None:
        if not self._is_quiet:
            self._latent = self._model.codes.traverse(self._latent, code, np.array([value]))[0]
            self._on_move(True)

    def _set_column(self, number: int, value: float, is_settled: bool) -> None:
        if not self._is_quiet:
            self._latent[number] = value
            self._on_move(is_settled)

    def _show_latent(self) -> None:
        self._is_quiet = True
        try:
            for bank in self._banks:
                bank.show(self._latent)
            for code, buttons in self._classes.items():
                buttons.value = int(np.argmax(self._latent[self._model.codes.columns(code)]))
        finally:
            self._is_quiet = False


class _Bank:
    """Sliders of some columns, `NUM_SHOWN` at a time."""

    def __init__(
        self, name: str, columns: list[Column], on_move: Callable[[int, float, bool], None]
    ):
        self.columns = columns
        self._values = np.zeros(0, np.float32)
        self._on_move = on_move
        self._sliders: dict[int, pn.widgets.FloatSlider] = {}
        self._box = pn.Column(sizing_mode="stretch_width")
        starts = range(0, len(columns), NUM_SHOWN)
        titles = {
            f"{name} {start + 1} to {min(start + NUM_SHOWN, len(columns))}": start
            for start in starts
        }
        self._pages = pn.widgets.Select(
            label=f"{len(columns)} {name}: shown are", options=titles, visible=len(titles) > 1
        )
        self._pages.param.watch(lambda event: self._build(event.new), "value")
        self.view = pn.Column(self._pages, self._box, sizing_mode="stretch_width")

    def show(self, latent: np.ndarray) -> None:
        """Move the sliders to the columns of a latent vector."""
        self._values = latent
        if not self._sliders:
            self._build(0)
        for number, slider in self._sliders.items():
            _move(slider, float(latent[number]))

    def _build(self, first: int) -> None:
        self._sliders = {}
        for column in self.columns[first : first + NUM_SHOWN]:
            slider = pn.widgets.FloatSlider(
                label=column.title,
                start=column.low,
                end=column.high,
                step=(column.high - column.low) / NUM_POSITIONS,
                value=(column.low + column.high) / 2,
                format="0.00",
                sizing_mode="stretch_width",
            )
            _move(slider, float(self._values[column.number]))
            self._watch(slider, column.number)
            self._sliders[column.number] = slider
        self._box.objects = list(self._sliders.values())

    def _watch(self, slider: pn.widgets.FloatSlider, number: int) -> None:
        def moved(event: Any, *, is_settled: bool) -> None:
            self._values[number] = event.new
            self._on_move(number, event.new, is_settled)

        slider.param.watch(lambda event: moved(event, is_settled=False), "value")
        slider.param.watch(lambda event: moved(event, is_settled=True), "value_throttled")


def _move(slider: pn.widgets.FloatSlider, value: float) -> None:
    """Set a slider; a value beyond its ends, such as that of an own image, moves them."""
    slider.param.update(start=min(slider.start, value), end=max(slider.end, value), value=value)
