"""Codes swapped between images: some codes of one image, the others of another."""

import numpy as np


def swapped_codes(giving: np.ndarray, receiving: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return every pair of codes, float `[receiving, giving, code_dim]`.

    Args:
        giving: Codes `[n, code_dim]` of the images from which `columns` are taken.
        receiving: Codes `[m, code_dim]` of the images from which the other columns are taken.
        columns: Which columns are swapped, bool `[code_dim]`.
    """
    return np.where(columns, giving[np.newaxis], receiving[:, np.newaxis])


def bordered(images: np.ndarray, left: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return images `[rows, columns, h, w, c]` with a column and a row of originals, corner white.

    Args:
        images: The body, uint8.
        left: The original of each row.
        above: The original of each column.
    """
    rows, columns = images.shape[:2]
    picture = np.full((rows + 1, columns + 1, *images.shape[2:]), 255, np.uint8)
    picture[1:, 1:] = images
    picture[1:, 0] = left
    picture[0, 1:] = above
    return picture
