"""Grids of factors in files: small copies in the published formats, read pixel by pixel."""

import dataclasses
import tarfile

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from pipeline.datasets.dsprites import DSprites
from pipeline.datasets.grid_files.recipe import GridFile, check_is_grid
from pipeline.datasets.layout import Contents
from pipeline.datasets.resizing import resize_array
from pipeline.experiment import load_experiment

SIZES = (3, 2, 4)
NAMES = ("hue", "shape", "turn")


def random_images(*shape):
    return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)


def from_part(part, path, *settings, variable="DATA_FILE"):
    """The recipe that a Gin part makes, for a smaller file of the same format."""
    folder = "gin/parts/data" if part == "dsprites" else "gin/parts/data/grids"
    files = ["gin/dsprites.gin", f"{folder}/{part}.gin"]
    settings = (*settings, f"{variable} = {str(path)!r}", "NUM_IMAGES = None")
    return load_experiment(files, settings).dataset


def assert_holds(recipe, folder, images):
    """Every image lies where its factors say: `images` is ``[*factor_sizes, h, w, c]``."""
    data = recipe.open(folder)
    keys = np.arange(data.num_images)
    factors = data.factors_of(keys)
    assert data.factor_sizes == images.shape[:-3]
    np.testing.assert_array_equal(data.images_of(keys), images[tuple(factors.T)])
    np.testing.assert_array_equal(data.train_images(keys), data.images_of(data.train_keys()))
    return data


def grid_values(sizes):
    """Rows of numbers of a grid, int ``[n, factors]``."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def test_shapes3d_as_published(tmp_path):
    sizes = (2, 3, 2, 2, 4, 3)
    images = random_images(*sizes, 8, 8, 3)
    starts = np.array([0.0, 0.0, 0.0, 0.75, 0.0, -30.0])
    labels = starts + grid_values(sizes) * np.array([0.1, 0.1, 0.1, 0.0714, 1.0, 4.2857])
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        file["images"] = images.reshape(-1, 8, 8, 3)
        file["labels"] = labels
    recipe = from_part("shapes3d", tmp_path / "3dshapes.h5", f"grid_file.factor_sizes = {sizes}")
    data = assert_holds(recipe, tmp_path / "cache", images)
    assert data.factor_names == (
        "floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")  # fmt: skip
    assert data.nominal_factors == ("shape",)
    assert data.name == "Shapes3D"

    with h5py.File(tmp_path / "swapped.h5", "w") as file:
        file["images"] = images.reshape(-1, 8, 8, 3)
        file["labels"] = labels.reshape(*sizes, 6).swapaxes(1, 4).reshape(-1, 6)
    recipe = from_part("shapes3d", tmp_path / "swapped.h5", f"grid_file.factor_sizes = {sizes}")
    with pytest.raises(ValueError, match="labels of .*swapped.h5 are not in row-major order"):
        recipe.open(tmp_path / "cache")


@pytest.mark.parametrize(("part", "colours"), [("mpi3d", 6), ("mpi3d_complex", 4)])
def test_mpi3d_as_published(tmp_path, part, colours):
    sizes = (colours, colours, 2, 3, 3, 2, 3)
    images = random_images(*sizes, 4, 4, 3)
    np.savez(tmp_path / "mpi3d_toy.npz", images=images.reshape(-1, 4, 4, 3))
    recipe = from_part(part, tmp_path / "mpi3d_toy.npz", f"grid_file.factor_sizes = {sizes}")
    data = assert_holds(recipe, tmp_path / "cache", images)
    # The authors' formula: object_colour steps farthest, vertical_axis by one.
    assert data.factor_names[0] == "object_colour" and data.factor_names[-1] == "vertical_axis"
    np.testing.assert_array_equal(data.factors_of(np.array([1]))[0], [0] * 6 + [1])
    published = from_part(part, tmp_path / "mpi3d_toy.npz")
    assert np.prod(published.factor_sizes) == {6: 1_036_800, 4: 460_800}[colours]
    with pytest.raises(ValueError, match=r"does not have the sizes .* Received: \{'row': "):
        published.open(tmp_path / "cache")


def write_cars(folder, images, listed):
    """Writes ``[elevation, azimuth, car, h, w, c]`` as a MATLAB file for each car."""
    folder.mkdir(parents=True)
    for car, name in enumerate(listed):
        mesh = images[:, :, car].transpose(2, 3, 4, 1, 0)  # [h, w, c, azimuth, elevation]
        scipy.io.savemat(folder / f"{name}.mat", {"im": mesh}, do_compression=True)
    (folder / "list.txt").write_text("\n".join(listed) + "\n")


def test_cars3d_as_published(tmp_path):
    images = random_images(4, 3, 5, 16, 16, 3)
    names = ["mesh_b", "mesh_a", "mesh_e", "mesh_d", "mesh_c"]
    write_cars(tmp_path / "data" / "cars", images, names)
    settings = ("grid_file.factor_sizes = (4, 3, 5)", "grid_file.resize = None")
    recipe = from_part("cars3d", tmp_path / "data" / "cars", *settings)
    data = assert_holds(recipe, tmp_path / "cache", images)
    assert data.factor_names == ("elevation", "azimuth", "car")

    with tarfile.open(tmp_path / "nips2015-analogy-data.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "data", "data")
    archive = tmp_path / "nips2015-analogy-data.tar.gz"
    assert_holds(from_part("cars3d", archive, *settings), tmp_path / "cache", images)
    assert not list((tmp_path / "cache").glob(".unpacked*"))
    smaller = from_part("cars3d", archive, settings[0], "grid_file.resize = 8")
    data = smaller.open(tmp_path / "cache")
    image = resize_array(images[1, 2, 3], None, 8)
    np.testing.assert_array_equal(data.images_of(np.array([1 * 15 + 2 * 5 + 3]))[0], image)
    with pytest.raises(ValueError, match="'elevation': 4.*Expected.*'car': 6|'car': 6.*'car': 5"):
        from_part("cars3d", archive, "grid_file.factor_sizes = (4, 3, 6)").open(tmp_path / "cache")

    (tmp_path / "data" / "cars" / "mesh_e.mat").unlink()
    with pytest.raises(ValueError, match="list.txt.*mesh_e"):
        recipe.open(tmp_path / "cache2")
    archive.write_bytes(archive.read_bytes()[:-400])
    with pytest.raises(ValueError, match="not a whole tar archive"):
        from_part("cars3d", archive, *settings).open(tmp_path / "cache2")


@pytest.mark.parametrize("part", ["falcor3d", "isaac3d"])
def test_numbered_images_as_published(tmp_path, part):
    sizes = {"falcor3d": (3, 2, 2, 2, 2, 2, 2), "isaac3d": (2, 3, 2, 2, 2, 2, 2, 2, 2)}[part]
    images = random_images(*sizes, 6, 6, 3)
    folder = tmp_path / "images"
    folder.mkdir()
    for row, image in enumerate(images.reshape(-1, 6, 6, 3)):
        Image.fromarray(image).save(folder / f"{row:06}.png")
    values = grid_values(sizes) / (np.array(sizes) - 1)  # Published: from 0 to 1.
    np.save(tmp_path / "labels.npy", values)
    settings = (f"grid_file.factor_sizes = {sizes}", "grid_file.resize = None")
    assert_holds(from_part(part, folder, *settings), tmp_path / "cache", images)

    np.save(tmp_path / "labels.npy", values[:, ::-1])
    with pytest.raises(ValueError, match="labels.npy .*(not in row-major order|are not those)"):
        from_part(part, folder, *settings, "grid_file.resize = 3").open(tmp_path / "cache")
    (folder / "000007.png").unlink()
    with pytest.raises(ValueError, match="number 7 is missing"):
        from_part(part, folder, *settings).open(tmp_path / "cache")


def test_the_steps_of_falcor3d_and_isaac3d_are_the_published_ones(tmp_path):
    steps = {
        "falcor3d": [46656, 7776, 1296, 216, 36, 6, 1],
        "isaac3d": [245760, 30720, 6144, 1536, 384, 96, 16, 4, 1],
    }
    for part, expected in steps.items():
        sizes = from_part(part, tmp_path).factor_sizes
        assert [int(np.prod(sizes[place + 1 :])) for place in range(len(sizes))] == expected


@pytest.mark.parametrize("suffix", ["npz", "hdf5"])
def test_dsprites_as_published(tmp_path, monkeypatch, suffix):
    sizes = (3, 2, 2, 3, 2)
    monkeypatch.setattr("pipeline.datasets.dsprites.recipe.FACTOR_SIZES", sizes)
    images = random_images(*sizes, 64, 64, 1) // 128
    classes = np.concatenate([np.zeros((72, 1), np.int64), grid_values(sizes)], axis=1)
    path = tmp_path / f"dsprites_ndarray_co1sh3sc6or40x32y32_64x64.{suffix}"
    if suffix == "npz":
        metadata = np.array({b"title": b"dSprites"}, dtype=object)
        arrays = {"imgs": images.reshape(-1, 64, 64), "latents_classes": classes}
        np.savez_compressed(path, metadata=metadata, latents_values=classes * 1.0, **arrays)
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("imgs", data=images.reshape(-1, 64, 64), compression="gzip")
            file["latents/classes"] = classes
            file["latents/values"] = classes * 1.0
    recipe = from_part("dsprites", path)
    assert isinstance(recipe, DSprites)
    assert assert_holds(recipe, tmp_path / "cache", images).name == "dSprites"


def write_flat(path, images, key="pictures"):
    """Writes ``[n, h, w, c]`` the way each kind of file holds it."""
    if path.suffix == ".npy":
        np.save(path, images)
    elif path.suffix == ".npz":
        np.savez_compressed(path, **{key: images})
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file[f"group/{key}"] = images
    elif path.stem == "new":  # MATLAB 7.3: HDF5 behind a block of MATLAB's, axes reversed.
        with h5py.File(path, "w", userblock_size=512) as file:
            file[key] = images.transpose(1, 2, 3, 0).T
    else:
        scipy.io.savemat(path, {key: images.transpose(1, 2, 3, 0)})


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.h5", "old.mat", "new.mat"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_file(tmp_path, name, channels):
    images = random_images(*SIZES, 5, 6, channels)
    write_flat(tmp_path / name, images.reshape(-1, 5, 6, channels))
    recipe = GridFile(str(tmp_path / name), factor_names=NAMES, factor_sizes=SIZES)
    data = assert_holds(recipe, tmp_path / "cache", images)
    assert (data.image_shape, data.max_value) == ((5, 6, channels), 255)
    subset = GridFile(
        str(tmp_path / name), factor_names=NAMES, factor_sizes=SIZES, num_images=5, subset_seed=3
    ).open(tmp_path / "cache")
    assert subset.num_images == 5 and subset.fingerprint != data.fingerprint
    np.testing.assert_array_equal(
        subset.train_images(np.arange(5)), data.images_of(subset.train_keys())
    )
    assert len(list((tmp_path / "cache").glob("*/manifest.json"))) == 1  # One conversion for both.


@pytest.mark.parametrize("suffix", [".npy", ".h5", ".mat"])
def test_axes_in_any_order(tmp_path, suffix):
    images = random_images(*SIZES, 5, 6, 3)
    axes = ("turn", "channel", "hue", "width", "height", "shape")
    moved = images.transpose(2, 5, 0, 4, 3, 1)
    path = tmp_path / f"moved{suffix}"
    if suffix == ".npy":
        np.save(path, np.asfortranarray(moved))
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["images"] = moved
    else:
        scipy.io.savemat(path, {"images": moved})
    recipe = GridFile(str(path), factor_names=NAMES, factor_sizes=SIZES, axes=axes)
    assert_holds(recipe, tmp_path / "cache", images)


def test_grey_bool_and_floating_point(tmp_path):
    images = random_images(*SIZES, 4, 4, 1)
    for name, values, expected in (
        ("bool", images > 127, (images > 127).astype(np.uint8)),
        ("float", (images / 255).astype(np.float32), images),
    ):
        np.save(tmp_path / f"{name}.npy", values[..., 0].reshape(-1, 4, 4))
        recipe = GridFile(
            str(tmp_path / f"{name}.npy"),
            factor_names=NAMES,
            factor_sizes=SIZES,
            max_value=1 if name == "bool" else 255,
        )
        assert_holds(recipe, tmp_path / "cache", expected)


def test_damaged_and_wrong_files_are_named(tmp_path):
    images = random_images(24, 5, 6, 3)

    def refusal(name, match, **fields):
        fields = {"factor_names": NAMES, "factor_sizes": SIZES} | fields
        with pytest.raises((ValueError, FileNotFoundError), match=match):
            GridFile(str(tmp_path / name), **fields).open(tmp_path / "cache")

    refusal("missing.h5", "missing.h5")
    (tmp_path / "notes.txt").write_text("none")
    refusal("notes.txt", "notes.txt is not of a kind that is read")
    for name in ("cut.npy", "cut.npz", "cut.h5", "cut.mat"):
        write_flat(tmp_path / name, images)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        refusal(name, name)
    (tmp_path / "norb.mat").write_bytes(b"\x55\x4c\x3d\x1e" + bytes(200))
    refusal("norb.mat", "norb.mat cannot be read as a file of MATLAB's")
    write_flat(tmp_path / "good.h5", images)
    refusal("good.h5", "one of: group/pictures. Received: key='images'", key="images")
    refusal("good.h5", r"\{'row': 30\}.*\{'row': 24\}", factor_sizes=(3, 2, 5))
    refusal("good.h5", "good.h5", labels="labels")
    refusal("good.h5", "brighter than max_value", max_value=1)
    refusal("good.h5", "axes of .*good.h5 do not fit", axes=("row", "height", "width"))
    np.save(tmp_path / "objects.npy", np.array([{}] * 24, dtype=object))
    refusal("objects.npy", "objects.npy")
    np.save(tmp_path / "numbers.npy", images.astype(np.int32))
    refusal("numbers.npy", "unusable type.*int32")
    np.save(tmp_path / "nan.npy", np.full((24, 2, 2), np.nan))
    refusal("nan.npy", "out of range")
    np.savez(tmp_path / "axes.npz", images=images.reshape(*SIZES, 5, 6, 3))
    refusal("axes.npz", "front to back", axes=(*NAMES, "height", "width", "channel"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", None),
        ("factor_sizes", (3, 1, 4)),
        ("factor_names", ("hue", "shape")),
        ("factor_names", ("hue", "hue", "turn")),
        ("nominal", ("size",)),
        ("axes", ("hue", "height", "width")),
        ("max_value", 7),
        ("resize", 0),
        ("download", "shapes3d"),
        ("title", ""),
    ],
)
def test_bad_fields_are_refused(field, value):
    fields = {"path": "a.npy", "factor_names": NAMES, "factor_sizes": SIZES} | {field: value}
    with pytest.raises(ValueError, match=f"{field}: Expected .* Received"):
        GridFile(**fields)


def test_labels_of_a_grid():
    values = grid_values(SIZES)
    with_colour = np.concatenate([np.ones((24, 1)), 10.0 * values], axis=1)
    check_is_grid(with_colour, NAMES, SIZES, "labels")
    with pytest.raises(ValueError, match="Expected turn number 0 in row 0. Received: number 3"):
        check_is_grid(values * np.array([1, 1, -1]) + 9, NAMES, SIZES, "labels")
    with pytest.raises(ValueError, match=r"\(3, 2, 4\). Received: \(3, 2\)"):
        check_is_grid(values[:, :2], NAMES, SIZES, "labels")
    with pytest.raises(ValueError, match="do not fit"):
        check_is_grid(values[:-1], NAMES, SIZES, "labels")


def test_a_download_stands_in_for_a_missing_path(tmp_path):
    write_flat(tmp_path / "a.npy", random_images(24, 4, 4, 3))
    other = GridFile(str(tmp_path / "a.npy"), factor_names=NAMES, factor_sizes=SIZES)
    recipe = GridFile(download=other, title="Ours", factor_names=NAMES, factor_sizes=SIZES)
    recipe.prepare(tmp_path / "cache")
    assert recipe.estimate(tmp_path / "cache").is_cached
    data = recipe.open(tmp_path / "cache")
    assert (data.name, recipe.name) == ("Ours", "Ours")
    assert data.fingerprint == other.open(tmp_path / "cache").fingerprint


def test_a_download_names_its_factors_as_the_files_do(tmp_path):
    recipe = from_part("shapes3d", tmp_path / "none.h5").download
    factors = np.array([[0, 1, 2, 3, 4, 5], [1, 0, 0, 0, 0, 0]])
    names = list(recipe.factors)
    assert names[0] == "label_floor_hue"
    arrays = {"images": random_images(2, 4, 4, 3), "factors": factors}
    data = recipe.view(Contents(arrays, {"factor_names": names}, "00"))
    assert data.factor_names[0] == "floor_hue" and data.nominal_factors == ("shape",)
    plain = dataclasses.replace(recipe, factor_names=None, nominal=())
    assert recipe.cache_identity() == plain.cache_identity()
