"""Draws the geometry of teapots: shade and coverage of each pixel, no colour.

Surface points are splatted into 3 x 3 sub-pixels a pixel, nearest point first. Body, lid and rim
look the same from every azimuth, so they are drawn once for each of a few hundred elevations and
kept; an image then takes a copy of those sub-pixels and only its handle and spout are drawn. A
sub-pixel holds the direction of the surface there, so that any light can be applied afterwards.

Axes of the scene: x to the right of the image, z up, the camera towards negative y.
"""

import functools
from typing import NamedTuple

import numpy as np

from pipeline.datasets.teapots import mesh

IMAGE_SIZE = 64
SAMPLES = 3  # Sub-pixels along each side of a pixel.
MAX_SHADE = 1.4
ELEVATIONS_PER_TURN = 1024  # At most 0.08 pixels between the drawn and the wanted elevation.

# A direction is one number: 0 is none (background), others count inclinations and azimuths.
_NUM_INCLINATIONS = 256
_NUM_AZIMUTHS = 255
_SIDE = IMAGE_SIZE * SAMPLES
_PLANE = IMAGE_SIZE * IMAGE_SIZE
_FARTHEST = np.float32(mesh.DISTANCE + 0.15)  # No point is farther, none 0.3 nearer.
_NEARNESS_STEPS = 65_000 / 0.3


def render_geometry(
    azimuths: np.ndarray,
    elevations: np.ndarray,
    rolls: np.ndarray | None = None,
    lights: np.ndarray | None = None,
) -> np.ndarray:
    """Draw teapots in front of nothing.

    Args:
      azimuths: Radians ``[n]``; the spout points right at 0, and turns anticlockwise seen from
        above.
      elevations: Radians ``[n]`` from -pi/2 to pi/2; the camera looks down from above at pi/2.
      rolls: Radians ``[n]``; anticlockwise turn of the image; None means 0.
      lights: Directions to the light ``[n, 3]`` (right, up on the screen, towards the viewer), of
        length 1; None means straight above the pot.

    Returns:
      uint8 ``[n, 64, 64, 2]``: shade 0 .. 1.4 as 0 .. 255 (averaged over the covered part), and
      coverage 0 .. 1 as 0 .. 255.
    """
    images = np.empty((len(azimuths), _PLANE, 2), np.uint8)
    shades = _shades(np.array([0.0, 0.0, 1.0]))
    for number, (azimuth, elevation) in enumerate(zip(azimuths, elevations, strict=True)):
        directions = _draw(float(azimuth), float(elevation))
        roll = 0.0 if rolls is None else float(rolls[number])
        if roll:
            directions = directions[_rolled_places(roll)]
        if lights is not None:
            shades = _shades(_to_scene(lights[number], float(elevation), roll))
        # Zero for the background in both sums.
        samples = directions.reshape(SAMPLES * SAMPLES, _PLANE)
        count = (samples > 0).sum(axis=0, dtype=np.uint16)
        total = shades[samples].sum(axis=0, dtype=np.uint16)
        images[number, :, 0] = (total + count // 2) // np.maximum(count, 1)
        images[number, :, 1] = (count * 255 + 4) // (SAMPLES * SAMPLES)
    return images.reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 2)


class _Splats(NamedTuple):
    """Points that are ready to be drawn; all arrays have one column a point."""

    positions: np.ndarray  # float32 [3, num_points]
    normals: np.ndarray  # float32 [3, num_points]
    plane_distances: np.ndarray  # float32 [num_points], of the tangent plane from the middle.
    inclinations: np.ndarray  # int32 [num_points], of the normal, numbered.
    azimuths: np.ndarray  # int32 [num_points], likewise.

    @classmethod
    def of(cls, points: mesh.SurfacePoints) -> "_Splats":
        x, y, z = points.normals.astype(np.float64)
        inclinations = np.arccos(np.clip(z, -1, 1)) / np.pi * _NUM_INCLINATIONS
        azimuths = np.arctan2(y, x) / (2 * np.pi) * _NUM_AZIMUTHS
        return cls(
            *points,
            (points.positions * points.normals).sum(axis=0),
            np.minimum(inclinations, _NUM_INCLINATIONS - 1).astype(np.int32),
            np.floor(azimuths).astype(np.int32) % _NUM_AZIMUTHS,
        )


@functools.cache
def _body() -> _Splats:
    return _Splats.of(mesh.body())


@functools.cache
def _handle_and_spout() -> _Splats:
    return _Splats.of(mesh.handle_and_spout())


def _draw(azimuth: float, elevation: float) -> np.ndarray:
    """Return the directions of the surface in all sub-pixels, uint16 ``[9 * 64 * 64]``."""
    level = round(elevation / (2 * np.pi) * ELEVATIONS_PER_TURN)
    directions, depths = (buffer.copy() for buffer in _draw_body(level))
    _splat(_handle_and_spout(), azimuth, elevation, directions, depths)
    return directions


@functools.lru_cache(maxsize=ELEVATIONS_PER_TURN // 2 + 1)
def _draw_body(level: int) -> tuple[np.ndarray, np.ndarray]:
    """Return directions and depths of all sub-pixels of a pot without handle and spout; 220 kB."""
    directions = np.zeros(SAMPLES**2 * _PLANE, np.uint16)
    depths = np.full(SAMPLES**2 * _PLANE, np.inf, np.float32)
    _splat(_body(), 0.0, 2 * np.pi * level / ELEVATIONS_PER_TURN, directions, depths)
    return directions, depths


def _splat(
    splats: _Splats,
    azimuth: float,
    elevation: float,
    directions: np.ndarray,
    depths: np.ndarray,
) -> None:
    """Draw points that face the camera and are nearer than what is there, in place."""
    sine, cosine = np.float32(np.sin(azimuth)), np.float32(np.cos(azimuth))
    down, level = np.float32(np.sin(elevation)), np.float32(np.cos(elevation))
    # A point faces the camera when the camera is in front of its tangent plane.
    x, y, z = splats.normals
    camera_x, camera_y, camera_z = np.float32(mesh.DISTANCE) * np.array(
        [-sine * level, -cosine * level, down], np.float32
    )
    in_front = x * camera_x + y * camera_y + z * camera_z
    facing = np.flatnonzero(in_front > splats.plane_distances)
    x, y, z = (axis[facing] for axis in splats.positions)
    near = -(x * sine + y * cosine)  # How far towards the camera, on the level.
    depth = np.float32(mesh.DISTANCE) - near * level - z * down
    zoom = np.float32(mesh.SUB_PIXELS) / depth
    columns = (np.float32(_SIDE / 2) + (x * cosine - y * sine) * zoom).astype(np.intp)
    rows = (np.float32(_SIDE / 2) - (z * level - near * down) * zoom).astype(np.intp)
    places = _PLACES[rows * _SIDE + columns]
    turn = round(azimuth / (2 * np.pi) * _NUM_AZIMUTHS)
    nearer = np.flatnonzero(depth < depths[places])
    # Far to near: of several points in one sub-pixel the last is kept. Whole numbers of 16 bits
    # are sorted by radix, which is fast, and stable, which makes ties the same everywhere.
    nearness = (_FARTHEST - depth[nearer]) * np.float32(_NEARNESS_STEPS)
    nearer = nearer[np.argsort(nearness.astype(np.uint16), kind="stable")]
    places, facing = places[nearer], facing[nearer]
    turned = (splats.azimuths[facing] + turn) % _NUM_AZIMUTHS
    directions[places] = 1 + splats.inclinations[facing] * _NUM_AZIMUTHS + turned
    depths[places] = depth[nearer]


def _places() -> np.ndarray:
    """Return where each sub-pixel (row * _SIDE + column) is kept, in planes of 64 x 64."""
    rows, columns = np.divmod(np.arange(_SIDE * _SIDE), _SIDE)
    plane = rows % SAMPLES * SAMPLES + columns % SAMPLES
    return plane * _PLANE + rows // SAMPLES * IMAGE_SIZE + columns // SAMPLES


_PLACES = _places()


def _rolled_places(roll: float) -> np.ndarray:
    """Return the sub-pixel that comes to each place when the image turns left by `roll`."""
    middle = (_SIDE - 1) / 2
    rows, columns = np.divmod(np.argsort(_PLACES), _SIDE)
    right, up = columns - middle, middle - rows
    source_right = right * np.cos(roll) + up * np.sin(roll)
    source_up = up * np.cos(roll) - right * np.sin(roll)
    # What comes from outside the image is background, and so is the edge of the image.
    source_columns = np.clip(np.rint(source_right + middle), 0, _SIDE - 1)
    source_rows = np.clip(np.rint(middle - source_up), 0, _SIDE - 1)
    return _PLACES[(source_rows * _SIDE + source_columns).astype(np.intp)]


def _to_scene(light: np.ndarray, elevation: float, roll: float) -> np.ndarray:
    """Turn a direction on the screen (right, up, towards the viewer) into the scene's axes."""
    right = light[0] * np.cos(roll) + light[1] * np.sin(roll)
    up = light[1] * np.cos(roll) - light[0] * np.sin(roll)
    sine, cosine = np.sin(elevation), np.cos(elevation)
    return np.array([right, up * sine - light[2] * cosine, up * cosine + light[2] * sine])


def _shades(light: np.ndarray) -> np.ndarray:
    """Return the stored shade of each numbered direction under a light, uint8 ``[65536]``."""
    inclinations = np.pi * (np.arange(_NUM_INCLINATIONS) + 0.5) / _NUM_INCLINATIONS
    azimuths = 2 * np.pi * (np.arange(_NUM_AZIMUTHS) + 0.5) / _NUM_AZIMUTHS
    level = light[0] * np.cos(azimuths) + light[1] * np.sin(azimuths)
    towards = np.sin(inclinations)[:, None] * level + np.cos(inclinations)[:, None] * light[2]
    shades = np.zeros(2**16, np.uint8)
    brightness = (0.9 * np.maximum(towards, 0) + 0.5) * (255 / MAX_SHADE)
    shades[1 : 1 + towards.size] = np.rint(brightness).ravel()
    return shades
