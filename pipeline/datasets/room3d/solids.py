"""Where rays meet the four solids that stand on the floor of the room.

Each function takes origins and directions ``[n, 3]`` (x right, y up, z towards the viewer) and the
size of the solid, which stands on y = 0 around x = z = 0, and returns the distances ``[n]`` along
the directions, infinite where a ray misses, and the outward normals ``[n, 3]`` there.
"""

import numpy as np

Hits = tuple[np.ndarray, np.ndarray]


def cube(origins: np.ndarray, directions: np.ndarray, size: float) -> Hits:
    """Meet a cube of half side 0.62 `size`."""
    half = 0.62 * size
    centre = np.array([0.0, half, 0.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([(centre + sign * half - origins) / directions for sign in (-1, 1)])
    enter, leave = ends.min(axis=0), ends.max(axis=0)
    axis = enter.argmax(axis=1)
    rows = np.arange(len(origins))
    distances = enter[rows, axis]
    normals = np.zeros_like(directions)
    normals[rows, axis] = -np.sign(directions[rows, axis])
    is_hit = (distances < leave.min(axis=1)) & (distances > 0)
    return np.where(is_hit, distances, np.inf), normals


def cylinder(origins: np.ndarray, directions: np.ndarray, size: float) -> Hits:
    """Meet an upright cylinder of radius 0.6 `size` and height 1.4 `size`."""
    radius, height = 0.6 * size, 1.4 * size
    side, normals = _tube(origins, directions, radius, 0.0, height)
    top = _to_plane(origins, directions, height)
    places = origins + np.where(np.isfinite(top), top, 0)[:, None] * directions
    is_on_top = places[:, 0] ** 2 + places[:, 2] ** 2 < radius**2
    top = np.where(is_on_top, top, np.inf)
    normals[top < side] = (0, 1, 0)
    return np.minimum(side, top), normals


def sphere(origins: np.ndarray, directions: np.ndarray, size: float) -> Hits:
    """Meet a ball of radius 0.75 `size`."""
    return _ball(origins, directions, 0.75 * size, 0.75 * size)


def capsule(origins: np.ndarray, directions: np.ndarray, size: float) -> Hits:
    """Meet an upright capsule of radius 0.48 `size` and height 1.8 `size`."""
    radius, height = 0.48 * size, 1.8 * size
    low, high = radius, height - radius
    distances, normals = _tube(origins, directions, radius, low, high)
    for centre in (low, high):
        ball, ball_normals = _ball(origins, directions, radius, centre)
        normals = np.where((ball < distances)[:, None], ball_normals, normals)
        distances = np.minimum(distances, ball)
    return distances, normals


SOLIDS = (cube, cylinder, sphere, capsule)  # In the order of the factor "shape".


def _ball(origins: np.ndarray, directions: np.ndarray, radius: float, height: float) -> Hits:
    """Meet a ball whose middle is at `height`; directions are of length 1."""
    offsets = origins - np.array([0.0, height, 0.0])
    towards = (offsets * directions).sum(axis=1)
    rest = towards**2 - (offsets**2).sum(axis=1) + radius**2
    distances = -towards - np.sqrt(np.maximum(rest, 0))
    distances = np.where((rest > 0) & (distances > 0), distances, np.inf)
    places = offsets + np.where(np.isfinite(distances), distances, 0)[:, None] * directions
    return distances, places / radius


def _tube(
    origins: np.ndarray, directions: np.ndarray, radius: float, low: float, high: float
) -> Hits:
    """Meet the side of an upright cylinder between two heights."""
    flat_origins, flat_directions = origins[:, [0, 2]], directions[:, [0, 2]]
    square = (flat_directions**2).sum(axis=1)
    towards = (flat_origins * flat_directions).sum(axis=1)
    rest = towards**2 - square * ((flat_origins**2).sum(axis=1) - radius**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = (-towards - np.sqrt(np.maximum(rest, 0))) / square
    is_hit = (rest > 0) & (distances > 0)
    heights = origins[:, 1] + np.where(is_hit, distances, 0) * directions[:, 1]
    is_hit &= (heights > low) & (heights < high)
    distances = np.where(is_hit, distances, np.inf)
    places = origins + np.where(is_hit, distances, 0)[:, None] * directions
    normals = places / radius
    normals[:, 1] = 0
    return distances, normals


def _to_plane(origins: np.ndarray, directions: np.ndarray, height: float) -> np.ndarray:
    """Return the distances at which rays come down to a height, infinite for those that do not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = (height - origins[:, 1]) / directions[:, 1]
    return np.where((directions[:, 1] < 0) & (distances > 0), distances, np.inf)
