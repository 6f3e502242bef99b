"""Latent traversals: each code moved alone, and the images that a generator makes of it."""

from collections.abc import Callable, Sequence

import numpy as np

from models.codes.joint_code import JointCode

BLANK = 255  # where a row has fewer steps than the longest


def traversal_images(
    generate: Callable[[np.ndarray], np.ndarray],
    codes: JointCode,
    base: np.ndarray,
    chosen: Sequence[int],
    *,
    steps: int,
    limits: tuple[float, float] | None = None,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Move some codes, each alone over its range, from one latent vector.

    Args:
        generate: Latent vectors [n, latent_dim] to images, uint8 [n, h, w, c].
        codes: Of the model.
        base: The latent vector [latent_dim].
        chosen: Numbers of the regularised codes that move, at least one.
        steps: Values of a continuous code; a categorical one visits each class once.
        limits: Of continuous codes; None: their own range.

    Returns:
        images: uint8 [codes, steps, h, w, c]; where a categorical code has fewer classes than
            there are steps, the rest of its row is white.
        values: float [steps], of the last code with so many steps: of a continuous code where
            there is one beside classes.
        names: Of the codes, with their first and last values where they are not `values`.
    """
    values = [codes.traversal_values(code, steps, limits) for code in chosen]
    paths = [codes.traverse(base, code, own) for code, own in zip(chosen, values, strict=True)]
    images = generate(np.concatenate(paths))
    longest = max(reversed(values), key=len)
    rows = np.full((len(paths), len(longest), *images.shape[1:]), BLANK, np.uint8)
    ends = np.cumsum([len(path) for path in paths])
    for row, path, end in zip(rows, paths, ends, strict=True):
        row[: len(path)] = images[end - len(path) : end]
    names = [
        codes.code_names[code] + ("" if np.array_equal(own, longest) else _reach(own))
        for code, own in zip(chosen, values, strict=True)
    ]
    return rows, np.asarray(longest, np.float64), names


def _reach(values: np.ndarray) -> str:
    return f" ({values[0]:.2g} to {values[-1]:.2g})"
