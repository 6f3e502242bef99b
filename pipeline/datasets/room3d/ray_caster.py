"""The geometry of the 3D room: how brightly floor, walls and object show in each pixel.

A floor and two walls that meet in a corner behind the object; the camera turns around the object,
the light stays where it is. One ray for each of 3 x 3 points of a pixel, one more towards the light
for the shadow. Colours come later: an image is the sum of three shades, each times its colour.
"""

import functools

import numpy as np

from pipeline.datasets.room3d.solids import SOLIDS

SIDE = 64  # pixels
SUB_PIXELS = 3  # along each axis
ANGLES = np.linspace(-30.0, 30.0, 15)  # of the camera, degrees
SIZES = np.linspace(0.75, 1.25, 8)  # of the object; the unit of length
CAMERA_DISTANCE = 6.0  # from the axis of the object
CAMERA_HEIGHT = 2.6
AIM_HEIGHT = 0.75  # of the point in the middle of the image
HALF_FIELD = np.tan(np.radians(19.0))  # half the width of the image, one unit before the camera
WALL_DISTANCE = 2.4  # of each wall from the axis of the object
WALL_NORMALS = np.array([[1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]]) / np.sqrt(2)
TO_LIGHT = np.array([-0.35, 0.8, 0.6]) / np.linalg.norm([-0.35, 0.8, 0.6])
AMBIENT = 0.4  # what shows where no light falls; full light adds the rest up to 1
NUDGE = 1e-6  # keeps a shadow ray from the surface that it starts on

FLOOR, WALL, OBJECT = range(3)  # The channels of shades.


def shades(size: int, shape: int, angle: int) -> np.ndarray:
    """Draw the room once.

    Args:
      size: Number of the size of the object, 0 .. 7.
      shape: 0 cube, 1 cylinder, 2 sphere, 3 capsule.
      angle: Number of the angle of the camera, 0 .. 14.

    Returns:
      uint8 ``[3, 64, 64]``: shade times coverage of floor, walls and object, 255 for full light on
      the whole pixel.
    """
    solid = functools.partial(SOLIDS[shape], size=float(SIZES[size]))
    origins, directions = _camera_rays(angle)
    background, materials, normals = _room(angle)
    distances, solid_normals = solid(origins, directions)
    is_object = distances < background
    materials = np.where(is_object, OBJECT, materials)
    normals = np.where(is_object[:, None], solid_normals, normals)
    distances = np.where(is_object, distances, background)

    facing = np.maximum(normals @ TO_LIGHT, 0)
    places = origins + distances[:, None] * directions + NUDGE * normals
    towards_light = np.broadcast_to(TO_LIGHT, places.shape)
    # What faces away from the light is dark already; a convex object does not shade itself.
    is_lit = is_object | ~np.isfinite(solid(places, towards_light)[0])
    brightness = AMBIENT + (1 - AMBIENT) * facing * is_lit

    image = brightness * (materials == np.array([[FLOOR], [WALL], [OBJECT]]))
    image = image.reshape(3, SIDE, SUB_PIXELS, SIDE, SUB_PIXELS).mean(axis=(2, 4))
    return np.rint(255 * image).astype(np.uint8)


@functools.cache
def _camera_rays(angle: int) -> tuple[np.ndarray, np.ndarray]:
    """Return origins and directions of length 1, each ``[rays, 3]``, in rows from the top left."""
    turn = np.radians(ANGLES[angle])
    camera = np.array([np.sin(turn), 0, np.cos(turn)]) * CAMERA_DISTANCE + [0, CAMERA_HEIGHT, 0]
    forward = np.array([0, AIM_HEIGHT, 0]) - camera
    forward /= np.linalg.norm(forward)
    right = np.array([np.cos(turn), 0, -np.sin(turn)])
    up = np.cross(right, forward)
    steps = (np.arange(SIDE * SUB_PIXELS) + 0.5) / (SIDE * SUB_PIXELS) * 2 - 1
    down, across = np.meshgrid(steps * HALF_FIELD, steps * HALF_FIELD, indexing="ij")
    directions = forward + across[..., None] * right - down[..., None] * up
    directions = directions.reshape(-1, 3)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.broadcast_to(camera, directions.shape), directions


@functools.cache
def _room(angle: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return distances, materials and normals of floor and walls along the rays of the camera."""
    origins, directions = _camera_rays(angle)
    planes = np.concatenate([[[0.0, 1.0, 0.0]], WALL_NORMALS])
    offsets = np.array([0.0, -WALL_DISTANCE, -WALL_DISTANCE])
    with np.errstate(divide="ignore"):
        distances = (offsets - origins @ planes.T) / (directions @ planes.T)
    distances = np.where(distances > 0, distances, np.inf)
    nearest = distances.argmin(axis=1)
    rows = np.arange(len(nearest))
    return distances[rows, nearest], np.array([FLOOR, WALL, WALL])[nearest], planes[nearest]
