"""The geometry of dSprites: which pixel centres lie inside a shape, straight to packed bits.

A row of 64 binary pixels is one 64-bit word. The outline of a shape is a polygon; between its even
and odd crossings with a row of pixel centres the row is inside, and exclusive-or of the words "all
columns from here on", one a crossing, fills exactly that.
"""

import functools

import numpy as np

IMAGE_SIZE = 64
PACKED_BYTES = IMAGE_SIZE * IMAGE_SIZE // 8
NUM_POSITIONS = 32
NUM_ORIENTATIONS = 40
KINDS = (3, 6, NUM_ORIENTATIONS)  # Shapes, scales, orientations.
SCALES = np.linspace(0.5, 1.0, 6)
CENTRES = 16 + 32 * np.arange(NUM_POSITIONS) / 31  # Pixels, from the left or the top edge.
MAX_CROSSINGS = 4  # A line crosses a heart at most this often, in any direction.

# Word with the first k columns empty and the others filled, for k = 0 .. 64; the leftmost column is
# the highest bit, as numpy.packbits has it.
_COLUMNS_FROM = np.array([(2**64 - 1) >> k for k in range(65)], dtype=">u8").view(np.uint64)


def outline(shape: int) -> np.ndarray:
    """Return the vertices of a shape of scale 1 in its axes, pixels ``[num_vertices, 2]`` (u, v).

    Args:
      shape: 0 square, 1 ellipse, 2 heart.
    """
    if shape == 0:
        return 9.6 * np.array([(1.0, 1.0), (1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0)])
    if shape == 1:
        t = 2 * np.pi * np.arange(64) / 64
        return np.stack([12.78 * np.cos(t), 7.22 * np.sin(t)], axis=1)
    t = 2 * np.pi * np.arange(512) / 512
    across = 9.594 * np.sin(t) ** 3
    curve = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([across, -0.66222 * curve - 1.43565], axis=1)


@functools.cache
def crossings(shape: int, scale: int, orientation: int) -> np.ndarray:
    """Return where each row of pixel centres crosses the outline, relative to the shape's centre.

    Args:
      shape: 0 .. 2.
      scale: 0 .. 5.
      orientation: 0 .. 39, counter-clockwise on the screen; the last equals the first.

    Returns:
      float64 ``[NUM_POSITIONS, 64, MAX_CROSSINGS]`` for all vertical positions and rows, in pixels;
      infinity where there are fewer crossings. All of them take 47 MB.
    """
    angle = 2 * np.pi * (orientation % (NUM_ORIENTATIONS - 1)) / (NUM_ORIENTATIONS - 1)
    u, v = outline(shape).T
    x = SCALES[scale] * (u * np.cos(angle) + v * np.sin(angle))
    y = SCALES[scale] * (v * np.cos(angle) - u * np.sin(angle))
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    rows = (np.arange(IMAGE_SIZE) + 0.5 - CENTRES[:, None]).reshape(-1, 1)
    # Half-open, so that a line through a vertex crosses one of its two edges.
    line, edge = np.divmod(np.flatnonzero((y <= rows) != (next_y <= rows)), len(x))
    slope = (next_x[edge] - x[edge]) / (next_y[edge] - y[edge])
    where = x[edge] + slope * (rows[line, 0] - y[edge])
    num_before = np.arange(len(line)) - np.searchsorted(line, line)
    found = np.full((len(rows), MAX_CROSSINGS), np.inf)
    found[line, num_before] = where
    return found.reshape(NUM_POSITIONS, IMAGE_SIZE, MAX_CROSSINGS)


def render_packed(factors: np.ndarray) -> np.ndarray:
    """Draw images, eight pixels a byte.

    Args:
      factors: int ``[n, 5]``: shape 0 .. 2, scale 0 .. 5, orientation 0 .. 39, x and y 0 .. 31.

    Returns:
      uint8 ``[n, 512]``, in the order of ``numpy.packbits``.
    """
    factors = np.asarray(factors)
    words = np.empty((len(factors), IMAGE_SIZE), np.uint64)
    kind_numbers = np.ravel_multi_index(tuple(factors[:, :3].T), KINDS)
    order = np.argsort(kind_numbers, kind="stable")
    kinds, starts = np.unique(kind_numbers[order], return_index=True)
    for kind, rows in zip(kinds, np.split(order, starts[1:]), strict=True):
        shape, scale, orientation = (int(index) for index in np.unravel_index(kind, KINDS))
        # A pixel is right of a crossing when its centre, column + 0.5, is.
        where = crossings(shape, scale, orientation)[factors[rows, 4]]
        where = where + (CENTRES[factors[rows, 3]] - 0.5)[:, None, None]
        first_columns = np.clip(np.floor(where) + 1, 0, IMAGE_SIZE).astype(np.intp)
        words[rows] = np.bitwise_xor.reduce(_COLUMNS_FROM[first_columns], axis=-1)
    return words.view(np.uint8)


def unpack(packed: np.ndarray) -> np.ndarray:
    """Unpack images uint8 ``[n, 512]`` -> uint8 0/1 ``[n, 64, 64, 1]``."""
    return np.unpackbits(packed, axis=-1).reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 1)
