"""Which images of a model the explorer holds.

An anchor is a latent vector whose continuous codes stand on a grid of steps. The page holds the
anchor's image, those with one code moved, and, where the room suffices, those with two codes moved:
the planes of all pairs. Every combination of classes has its own images of each anchor.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.codes.joint_code import CategoricalCode, JointCode
from pipeline.inference.described_codes import described_codes

MAX_SLIDERS = 12  # continuous codes that move; of more, so many are chosen evenly
MAX_COMBINATIONS = 64  # of classes; where there are more, only the first categorical code moves
_STREAM = 0xE791  # the same anchors for every model of the same codes, so that models compare
# Anchors with planes, further anchors with single codes, steps: the first that fits is taken.
SIZES = (
    (3, 3, 9), (2, 2, 9), (2, 2, 7), (1, 3, 9), (1, 3, 7), (1, 2, 5), (0, 4, 9), (0, 3, 7),
    (0, 2, 7), (0, 1, 9), (0, 1, 7), (0, 1, 5), (0, 1, 3),
)  # fmt: skip
DRAWS = (24, 16, 12, 8, 6, 4, 3, 2, 1)  # anchors of models whose codes are all classes


@dataclasses.dataclass(frozen=True)
class ExplorerPlan:
    """How many images a model shows.

    Attributes:
        num_planes: Anchors from which any two codes move.
        num_lines: Further anchors, from which one code moves at a time.
        steps: Values of a continuous code.
    """

    num_planes: int
    num_lines: int
    steps: int

    @property
    def num_anchors(self) -> int:
        """Latent vectors from which codes move."""
        return self.num_planes + self.num_lines


@dataclasses.dataclass(frozen=True)
class Sliders:
    """The codes of a model that move: numbers of regularised codes in a `JointCode`."""

    codes: JointCode
    continuous: tuple[int, ...]
    categorical: tuple[int, ...]

    @property
    def combinations(self) -> list[tuple[int, ...]]:
        """Every choice of a class for each categorical code that moves; one, if there is none."""
        return list(itertools.product(*(range(n) for n in self.num_classes)))

    @property
    def num_classes(self) -> tuple[int, ...]:
        """Classes of each categorical code that moves."""
        return tuple(len(self.codes.traversal_values(code)) for code in self.categorical)

    def anchors(self, plan: ExplorerPlan) -> tuple[np.ndarray, np.ndarray]:
        """Return the anchors: latent vectors `[anchors, latent_dim]`, steps `[anchors, sliders]`.

        The first has every continuous code in the middle; the others are draws, moved to the
        nearest step. No two anchors share the rest of the latent vector.
        """
        rng = np.random.default_rng(_STREAM)
        latents = self.codes.draw(rng, plan.num_anchors)
        levels = np.zeros((plan.num_anchors, len(self.continuous)), np.int64)
        for slider, code in enumerate(self.continuous):
            values = self.codes.traversal_values(code, plan.steps)
            column = self.codes.columns(code)
            distances = np.abs(latents[:, column] - values[np.newaxis])
            levels[:, slider] = distances.argmin(axis=1)
            levels[0, slider] = plan.steps // 2
            latents[:, column] = values[levels[:, slider], np.newaxis]
        return latents, levels

    def latents(
        self,
        anchor: np.ndarray,
        levels: np.ndarray,
        classes: tuple[int, ...],
        plan: Any,
        *,
        plane: bool,
    ) -> np.ndarray:
        """Return the latent vectors `[images, latent_dim]` of one anchor and choice of classes.

        In the order of the page's script: the anchor; each slider at each other step; each pair
        of sliders (first < second) at each pair of other steps.
        """
        base = anchor
        for code, value in zip(self.categorical, classes, strict=True):
            base = self.codes.traverse(base, code, np.array([value]))[0]
        values = [self.codes.traversal_values(code, plan.steps) for code in self.continuous]
        others = [[step for step in range(plan.steps) if step != own] for own in levels]
        rows = [base[np.newaxis]]
        lines = []
        for slider, code in enumerate(self.continuous):
            lines.append(self.codes.traverse(base, code, values[slider][others[slider]]))
        rows += lines
        if plane:
            for first, second in itertools.combinations(range(len(self.continuous)), 2):
                moved = values[second][others[second]]
                for start in lines[first]:
                    rows.append(self.codes.traverse(start, self.continuous[second], moved))
        return np.concatenate(rows)

    def changes(self, images: np.ndarray, plan: Any) -> np.ndarray:
        """Return how far each slider moves the image `[sliders]`: the mean |difference| of a value.

        Args:
            images: uint8, those of `latents`.
            plan: How many steps a slider has.
        """
        count, steps = len(self.continuous), plan.steps - 1
        lines = images[1 : 1 + count * steps].reshape(count, steps, *images.shape[1:])
        differences = np.abs(lines.astype(np.int16) - images[0].astype(np.int16))
        return differences.reshape(count, -1).mean(axis=1) if count else np.zeros(0)


def num_images(num_sliders: int, num_combinations: int, plan: ExplorerPlan) -> int:
    """Return how many images a plan has."""
    line = 1 + num_sliders * (plan.steps - 1)
    pairs = num_sliders * (num_sliders - 1) // 2
    plane = line + pairs * (plan.steps - 1) ** 2
    return num_combinations * (plan.num_planes * plane + plan.num_lines * line)


def choose_plan(sliders: Sliders, bytes_an_image: float, room: float) -> ExplorerPlan | None:
    """Return the best plan whose images fit into `room` bytes; None if not even the least does."""
    sizes = SIZES if sliders.continuous else [(0, count, 1) for count in DRAWS]
    if len(sliders.continuous) == 1:  # without pairs there are no planes
        sizes = [(0, planes + lines, steps) for planes, lines, steps in sizes]
    for size in sizes:
        plan = ExplorerPlan(*size)
        count = num_images(len(sliders.continuous), len(sliders.combinations), plan)
        if count * bytes_an_image <= room:
            return plan
    return None


def sliders_of(config: Mapping[str, Any]) -> Sliders | None:
    """Return what moves in a model, from its configuration; None without a prior or codes."""
    codes = described_codes(config)
    if codes is None or not codes.has_prior:
        return None
    kinds = [len(codes.traversal_values(code, 2)) for code in range(codes.num_codes)]
    is_class = [_is_categorical(codes, code) for code in range(codes.num_codes)]
    categorical = [code for code in range(codes.num_codes) if is_class[code]]
    if np.prod([kinds[code] for code in categorical], initial=1.0) > MAX_COMBINATIONS:
        categorical = categorical[:1]
    continuous = [code for code in range(codes.num_codes) if not is_class[code]]
    if len(continuous) > MAX_SLIDERS:
        chosen = np.linspace(0, len(continuous) - 1, MAX_SLIDERS).round().astype(int)
        continuous = [continuous[i] for i in chosen]
    return Sliders(codes, tuple(continuous), tuple(categorical))


def _is_categorical(codes: JointCode, code: int) -> bool:
    number = 0
    for part in codes.parts:
        if code < number + part.num_codes:
            return isinstance(part, CategoricalCode)
        number += part.num_codes
    return False
