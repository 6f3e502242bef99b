"""SmallNORB: small files in the binary format as published."""

import gzip

import numpy as np
import pytest

from pipeline.datasets.grid_files.small_norb import PARTS, BinaryMatrix, SmallNorb
from pipeline.datasets.resizing import resize_array
from pipeline.experiment import load_experiment

MAGIC = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}


def write_matrix(path, array, pack=bytes):
    """Writes the format of NORB by hand: at least three sizes, little-endian."""
    sizes = [*array.shape, 1, 1][: max(3, array.ndim)]
    header = np.array([MAGIC[array.dtype.name], array.ndim, *sizes], "<i4").tobytes()
    values = array.astype(array.dtype.newbyteorder("<")).tobytes()
    path.write_bytes(pack(header + values))


def write_norb(folder, pack=bytes, suffix=""):
    """Writes both parts, 40 rows each; returns images ``[80, 2, 96, 96]`` and factors."""
    rng = np.random.default_rng(0)
    images, factors = [], []
    for part, toys in (("train", [4, 6, 7, 8, 9]), ("test", [0, 1, 2, 3, 5])):
        pixels = rng.integers(256, size=(40, 2, 96, 96), dtype=np.uint8)
        category = rng.integers(5, size=40, dtype=np.int32)
        instance = rng.choice(toys, 40)
        others = rng.integers([9, 18, 6], size=(40, 3))
        info = np.column_stack([instance, others * [1, 2, 1]]).astype(np.int32)
        for kind, array in (("dat", pixels), ("cat", category), ("info", info)):
            write_matrix(folder / f"{PARTS[part]}-{kind}.mat{suffix}", array, pack)
        images.append(pixels)
        factors.append(np.column_stack([category, instance, others]))
    return np.concatenate(images), np.concatenate(factors)


@pytest.mark.parametrize(("pack", "suffix"), [(bytes, ""), (gzip.compress, ".gz")])
def test_both_parts_as_the_large_scale_study_takes_them(tmp_path, pack, suffix):
    images, factors = write_norb(tmp_path, pack, suffix)
    data = SmallNorb(str(tmp_path)).open(tmp_path / "cache")
    assert data.factor_names == ("category", "elevation", "azimuth", "lighting")
    assert data.nominal_factors == ("category", "lighting")
    assert (data.num_images, data.image_shape) == (80, (96, 96, 1))
    keys = data.train_keys()
    np.testing.assert_array_equal(data.images_of(keys), images[:, 0, :, :, None])
    for column, name in ((0, "category"), (3, "azimuth")):
        ranks = np.unique(factors[:, column], return_inverse=True)[1]
        place = data.factor_names.index(name)
        np.testing.assert_array_equal(data.factors_of(keys)[:, place], ranks)


def test_the_other_toys_are_held_out(tmp_path):
    images, factors = write_norb(tmp_path)
    recipe = SmallNorb(
        str(tmp_path), part="train", camera=1, num_images=10, factors=("category", "instance")
    )
    data = recipe.open(tmp_path / "cache")
    assert (data.num_images, len(data.test_keys())) == (10, 40)
    np.testing.assert_array_equal(data.images_of(data.test_keys()), images[40:, 1, :, :, None])
    test = SmallNorb(str(tmp_path), part="test").open(tmp_path / "cache")
    assert test.num_images == 40
    np.testing.assert_array_equal(test.images_of(np.arange(40)), images[40:, 0, :, :, None])


def test_the_gin_part_resizes(tmp_path):
    images, _ = write_norb(tmp_path)
    files = ["gin/dsprites.gin", "gin/parts/data/grids/smallnorb.gin"]
    settings = [f"DATA_DIR = {str(tmp_path)!r}", "NUM_IMAGES = None"]
    data = load_experiment(files, settings).dataset.open(tmp_path / "cache")
    expected = resize_array(images[7, 0, :, :, None], None, 64)
    np.testing.assert_array_equal(data.images_of(np.array([7]))[0], expected)
    assert load_experiment(files).dataset.download.factors[0] == "label_category"


def test_wrong_and_truncated_files_are_named(tmp_path):
    write_norb(tmp_path)
    dat, info = (tmp_path / f"{PARTS['train']}-{kind}.mat" for kind in ("dat", "info"))
    whole = dat.read_bytes()
    dat.write_bytes(whole[:-5])
    with pytest.raises(ValueError, match="training-dat.mat does not have the size"):
        SmallNorb(str(tmp_path)).open(tmp_path / "cache")
    dat.write_bytes(b"MATLAB 5.0 MAT-file" + bytes(100))
    with pytest.raises(ValueError, match="training-dat.mat is not a file of SmallNORB's.*0x"):
        SmallNorb(str(tmp_path)).open(tmp_path / "cache")
    dat.write_bytes(whole)
    write_matrix(info, np.zeros((39, 4), np.int32))
    with pytest.raises(ValueError, match=r"info \[n, 4\]. Received: .*\(39, 4\)"):
        SmallNorb(str(tmp_path)).open(tmp_path / "cache")
    write_matrix(info, np.full((40, 4), 40, np.int32))
    with pytest.raises(ValueError, match="training-info.mat are out of range"):
        SmallNorb(str(tmp_path)).open(tmp_path / "cache")
    info.unlink()
    with pytest.raises(FileNotFoundError, match="training-info.mat"):
        SmallNorb(str(tmp_path)).open(tmp_path / "cache")


def test_truncated_packed_files_are_named(tmp_path):
    write_norb(tmp_path, gzip.compress, ".gz")
    dat = tmp_path / f"{PARTS['train']}-dat.mat.gz"
    whole = dat.read_bytes()
    for damaged in (whole[:-2000], whole[:12], b"no gzip", whole[:3000] + whole[5000:]):
        dat.write_bytes(damaged)
        with pytest.raises(ValueError, match="training-dat.mat.gz is damaged"):
            SmallNorb(str(tmp_path)).open(tmp_path / "cache")


def test_a_matrix_is_read_in_parts(tmp_path):
    array = np.arange(60, dtype=np.int32).reshape(5, 4, 3)
    write_matrix(tmp_path / "m.mat", array)
    matrix = BinaryMatrix(tmp_path / "m.mat")
    assert matrix.shape == (5, 4, 3)
    np.testing.assert_array_equal(matrix.read(1, 3), array[1:3])


@pytest.mark.parametrize(
    ("field", "value"),
    [("part", "both"), ("camera", 2), ("factors", ("colour",)), ("path", None)],
)
def test_bad_fields_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field}: Expected .* Received"):
        SmallNorb(**({"path": "folder"} | {field: value}))
