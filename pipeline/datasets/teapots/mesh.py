"""Points and normals of the Utah teapot, sampled from its Bezier patches."""

import functools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

PATCHES_FILE = Path(__file__).with_name("patches.json")
HANDLE_AND_SPOUT = range(12, 20)  # All other patches are surfaces of revolution.
LID = range(20, 28)
LID_WIDENING = 1.077  # Closes the gap between the lid and the rim.
STRETCH = 1.6  # Of the height.
MOUTH = (18, 19)  # The last patches of the spout, whose last rows are its opening.
DISTANCE = 0.5  # Of the camera from the middle of the pot.
LENGTH = 48 / 105 * DISTANCE  # From handle to spout: 48 pixels in the middle of the scene.
SUB_PIXELS = 105 * 3  # Spanned by a length of 1 at a distance of 1: focal length, samples a pixel.
SAMPLES_PER_SUB_PIXEL = 1.0  # Where the surface is nearest, at the fastest place of a patch.


class SurfacePoints(NamedTuple):
    """Points of a surface: positions around the middle of the pot and outward unit normals.

    Both are float32 ``[3, num_points]`` (x from handle to spout, y, z up).
    """

    positions: np.ndarray
    normals: np.ndarray


@functools.cache
def body() -> SurfacePoints:
    """Return the rim, body, lid and bottom, which look the same from every azimuth."""
    patches = _patches()
    return _sample([patch for i, patch in enumerate(patches) if i not in HANDLE_AND_SPOUT])


@functools.cache
def handle_and_spout() -> SurfacePoints:
    """Return the two parts that give the azimuth away."""
    patches = _patches()
    # The pot is hollow but its walls are not drawn from inside: a flat patch across the mouth.
    near_edge, far_edge = patches[MOUTH[0]][-1], patches[MOUTH[1]][-1][::-1]
    across = np.linspace(0, 1, 4)[:, None, None]
    mouth = (1 - across) * near_edge + across * far_edge
    return _sample([*(patches[i] for i in HANDLE_AND_SPOUT), mouth])


@functools.cache
def _patches() -> list[np.ndarray]:
    """Return the control points ``[4, 4, 3]`` of all patches, in units of the scene."""
    data = json.loads(PATCHES_FILE.read_text(encoding="utf-8"))
    vertices = np.array(data["vertices"]) * (1.0, 1.0, STRETCH)
    vertices[:, 2] -= (vertices[:, 2].min() + vertices[:, 2].max()) / 2
    patches = vertices[np.array(data["patches"])].reshape(-1, 4, 4, 3)
    patches[LID, ..., :2] *= LID_WIDENING
    position, _ = _basis(np.linspace(0, 1, 33))
    x = np.einsum("ua,vb,pab->puv", position, position, patches[..., 0])
    return list(patches * (LENGTH / (x.max() - x.min())))


def _sample(patches: list[np.ndarray]) -> SurfacePoints:
    """Sample patches, dense enough for their fastest place to leave no sub-pixel empty."""
    positions, normals = [], []
    for patch in patches:
        position, slope = _basis(np.linspace(0, 1, 17))
        surface = np.einsum("ua,vb,abk->uvk", position, position, patch)
        distance = DISTANCE - np.linalg.norm(surface, axis=-1).max()
        density = SAMPLES_PER_SUB_PIXEL * SUB_PIXELS / distance
        fastest_u = np.linalg.norm(np.einsum("ua,vb,abk->uvk", slope, position, patch), axis=-1)
        fastest_v = np.linalg.norm(np.einsum("ua,vb,abk->uvk", position, slope, patch), axis=-1)
        # Midpoints: some edges are single points, where there is no normal.
        u_position, u_slope = _basis(_midpoints(density * fastest_u.max()))
        v_position, v_slope = _basis(_midpoints(density * fastest_v.max()))
        along_u = np.einsum("ua,vb,abk->uvk", u_slope, v_position, patch)
        along_v = np.einsum("ua,vb,abk->uvk", u_position, v_slope, patch)
        normal = np.cross(along_v, along_u)
        normals.append((normal / np.linalg.norm(normal, axis=-1, keepdims=True)).reshape(-1, 3))
        position = np.einsum("ua,vb,abk->uvk", u_position, v_position, patch)
        positions.append(position.reshape(-1, 3))
    return SurfacePoints(*(np.concatenate(x).T.astype(np.float32) for x in (positions, normals)))


def _midpoints(count: float) -> np.ndarray:
    count = max(2, int(np.ceil(count)))
    return (np.arange(count) + 0.5) / count


def _basis(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cubic Bernstein polynomials at `t` and their slopes, each ``[len(t), 4]``."""
    s = 1 - t
    position = np.stack([s**3, 3 * s**2 * t, 3 * s * t**2, t**3], axis=1)
    slope = np.stack([-3 * s**2, 3 * s * (s - 2 * t), 3 * t * (2 * s - t), 3 * t**2], axis=1)
    return position, slope
