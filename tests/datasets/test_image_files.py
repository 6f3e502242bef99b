"""Image files: every kind that Pillow reads, as a viewer shows it; nothing vanishes silently."""

import os

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from pipeline.datasets.image_files import decoding, finding
from pipeline.datasets.images import ImageFolder
from pipeline.datasets.labelled_images import LabelledImages

RNG = np.random.default_rng(0)
UP = np.zeros((6, 4, 3), np.uint8)  # as it is to be seen: red on top, blue at the left
UP[:3] = (255, 0, 0)
UP[3:, :2] = (0, 0, 255)


def save(path, pixels=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(256, size=(6, 4, 3), dtype=np.uint8) if pixels is None else pixels
    Image.fromarray(pixels).save(path, **options)


def opened(folder, tmp_path, **options):
    return ImageFolder(str(folder), **options).open(tmp_path / "cache")


def writable_endings():
    """Endings of the formats that Pillow both writes and reads here, by trying."""
    endings = []
    for ending, name in sorted(Image.registered_extensions().items()):
        if name in Image.SAVE and ending in finding.extensions():
            endings.append(ending)
    return endings


@pytest.mark.filterwarnings("ignore:IM image format")
@pytest.mark.parametrize("ending", [*writable_endings(), ".JPG", ".Jfif"])
def test_every_ending_that_pillow_reads_is_taken(tmp_path, ending):
    image = Image.fromarray(np.full((32, 32, 3), 200, np.uint8))
    path = tmp_path / "mine" / f"a{ending}"
    path.parent.mkdir()
    for mode in ("RGB", "L", "1", "P", "CMYK"):
        try:
            image.convert(mode).save(path)
            break
        except (OSError, ValueError, KeyError):
            path.unlink(missing_ok=True)
    else:
        pytest.skip(f"Pillow cannot write {ending} here")
    assert opened(tmp_path / "mine", tmp_path).num_images == 1


TURNED = {  # How the pixels are stored that are shown as UP.
    1: UP,
    2: UP[:, ::-1],
    3: UP[::-1, ::-1],
    4: UP[::-1],
    5: UP.transpose(1, 0, 2),
    6: np.rot90(UP),
    7: UP[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(UP, -1),
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("jpg", {"quality": 100, "subsampling": 0}),
        ("png", {}),
        ("webp", {"lossless": True}),
        ("tif", {}),
        ("avif", {"quality": 100, "subsampling": "4:4:4"}),
    ],
)
@pytest.mark.parametrize("resize", [None, 4])
def test_images_are_turned_as_their_files_say(tmp_path, ending, options, orientation, resize):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.repeat(np.repeat(TURNED[orientation], 8, 0), 8, 1)
    save(tmp_path / "mine" / f"a.{ending}", stored, exif=exif, **options)
    data = opened(tmp_path / "mine", tmp_path, resize=resize)
    image = data.train_images(np.array([0]))[0].astype(int)
    if resize is None:
        assert data.image_shape == (48, 32, 3)
        shown = image[4::8, 4::8]
        np.testing.assert_allclose(shown, UP, atol=40)
    else:
        np.testing.assert_allclose(image[0, 1], (255, 0, 0), atol=40)
        np.testing.assert_allclose(image[3, 0], (0, 0, 255), atol=40)


def test_portraits_and_landscapes_are_not_of_one_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "mine" / "a.jpg")
    save(tmp_path / "mine" / "b.jpg", exif=exif)
    with pytest.raises(ValueError, match=r"a.jpg of 6 x 4 and .*b.jpg of 4 x 6 .*viewer"):
        opened(tmp_path / "mine", tmp_path)
    assert opened(tmp_path / "mine", tmp_path, resize=4).num_images == 2


def test_damaged_exif_is_passed_over(tmp_path):
    save(tmp_path / "mine" / "a.png", UP, exif=b"Exif\0\0rubbish")
    image = opened(tmp_path / "mine", tmp_path).train_images(np.array([0]))[0]
    np.testing.assert_array_equal(image, UP)


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tif", "avif"])
def test_every_frame_and_page_is_an_image(tmp_path, ending, caplog):
    frames = [Image.fromarray(np.full((8, 8, 3), 50 * number, np.uint8)) for number in range(1, 5)]
    (tmp_path / "mine").mkdir()
    options = {"lossless": True} if ending == "webp" else {}
    path = tmp_path / "mine" / f"a.{ending}"
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    save(tmp_path / "mine" / "b.png", np.full((8, 8, 3), 255, np.uint8))
    data = opened(tmp_path / "mine", tmp_path)
    assert data.num_images == 5 and "1 files of several frames or pages: 4 images" in caplog.text
    levels = data.train_images(np.arange(5)).mean((1, 2, 3))
    np.testing.assert_allclose(levels, [50, 100, 150, 200, 255], atol=3)
    names = ImageFolder(str(tmp_path / "mine")).image_names()
    assert names == [*(f"a.{ending} frame {number}" for number in range(1, 5)), "b.png"]
    some = opened(tmp_path / "mine", tmp_path, num_images=3)
    kept = ImageFolder(str(tmp_path / "mine"), num_images=3).image_names()
    np.testing.assert_allclose(
        some.train_images(np.arange(3)).mean((1, 2, 3)), levels[[names.index(one) for one in kept]]
    )


def test_previews_and_smaller_copies_are_no_images_but_said(tmp_path, caplog):
    (tmp_path / "mine").mkdir()
    small = Image.fromarray(np.full((3, 2, 3), 9, np.uint8))
    Image.fromarray(UP).save(tmp_path / "mine" / "a.mpo", save_all=True, append_images=[small])
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / "mine" / "b.tif", new=True) as file:
        Image.fromarray(UP).save(file, format="TIFF")
        file.newFrame()
        small.save(file, format="TIFF", tiffinfo={0x00FE: 1})
    data = opened(tmp_path / "mine", tmp_path)
    assert data.num_images == 2 and data.image_shape == (6, 4, 3)
    assert "passed over 2 further frames" in caplog.text and "in 2 files" in caplog.text


def test_pages_of_several_sizes_are_named(tmp_path):
    (tmp_path / "mine").mkdir()
    pages = [Image.fromarray(np.full((side, 5, 3), 9, np.uint8)) for side in (5, 7)]
    pages[0].save(tmp_path / "mine" / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ValueError, match="a.tif of 5 x 5 and .*a.tif of 7 x 5"):
        opened(tmp_path / "mine", tmp_path)


def test_links_are_followed(tmp_path):
    for number in range(3):
        save(tmp_path / "elsewhere" / f"{number}.png")
        save(tmp_path / "mine" / "own" / f"{number}.png")
    (tmp_path / "mine" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "mine" / "again").symlink_to("linked")
    (tmp_path / "mine" / "own" / "x.png").symlink_to(tmp_path / "elsewhere" / "0.png")
    (tmp_path / "root").symlink_to(tmp_path / "mine")
    data = opened(tmp_path / "root", tmp_path)
    assert (data.name, data.num_images) == ("root", 10)
    assert data.factor_values == (("again", "linked", "own"),)


@pytest.mark.parametrize("target", [".", "..", "../../mine", "/"])
def test_links_in_a_circle_are_refused(tmp_path, target):
    save(tmp_path / "mine" / "own" / "a.png")
    (tmp_path / "mine" / "own" / "round").symlink_to(target)
    with pytest.raises(ValueError, match="own/round leads in a circle.*remove the link"):
        opened(tmp_path / "mine", tmp_path)


@pytest.mark.parametrize(("name", "target"), [("b.png", "gone.png"), ("cats", "/gone"), ("a", "a")])
def test_links_to_nothing_are_refused(tmp_path, name, target):
    save(tmp_path / "mine" / "a.png")
    (tmp_path / "mine" / name).symlink_to(target)
    with pytest.raises(ValueError, match=f"{name} is a link to '{target}'.*remove the link"):
        opened(tmp_path / "mine", tmp_path)


def test_what_is_passed_over_is_said(tmp_path, caplog):
    save(tmp_path / "mine" / "cats" / "a.png")
    save(tmp_path / "mine" / "dogs" / "b.png")
    for name in ("a.txt", "b.txt", "photo.HEIC", "no_ending", ".DS_Store", "labels.h5"):
        (tmp_path / "mine" / "cats" / name).write_text("nothing")
    (tmp_path / "mine" / "birds").mkdir()
    (tmp_path / "mine" / "birds" / "a.svg").write_text("nothing")
    os.mkfifo(tmp_path / "mine" / "cats" / "pipe.png")
    assert opened(tmp_path / "mine", tmp_path).num_images == 2
    kinds = "2 .txt, 1 .h5, 1 .heic, 1 .svg, 1 hidden, 1 pipes or devices, 1 without an extension"
    assert f"passed over 8 files that are no images: {kinds}" in caplog.text
    assert "folders without any image: birds" in caplog.text


def test_a_folder_of_what_pillow_does_not_read_says_so(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.heic").write_text("nothing")
    with pytest.raises(ValueError, match="mine holds no images.*Received: 1 .heic"):
        opened(tmp_path / "mine", tmp_path)
    with pytest.raises(FileNotFoundError, match="there is image_arrays"):
        opened(tmp_path / "mine" / "a.heic", tmp_path)


def test_an_image_above_the_limit_of_pixels_is_named(tmp_path, monkeypatch, recwarn):
    save(tmp_path / "mine" / "a.png", np.zeros((12, 12, 3), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert opened(tmp_path / "mine", tmp_path).num_images == 1
    assert not [one for one in recwarn if "decompression bomb" in str(one.message)]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    save(tmp_path / "mine" / "b.png", np.zeros((12, 12, 3), np.uint8))
    with pytest.raises(ValueError, match="a.png .more than the 100 pixels.*smaller"):
        opened(tmp_path / "mine", tmp_path)


@pytest.mark.parametrize("kind", ["I;16", "F", "I"])
def test_pixels_of_other_kinds_are_refused_with_a_remedy(tmp_path, kind):
    (tmp_path / "mine").mkdir()
    Image.new(kind, (4, 4)).save(tmp_path / "mine" / "a.tif")
    with pytest.raises(ValueError, match=f"a.tif .pixels of kind '{kind}'.*") as error:
        opened(tmp_path / "mine", tmp_path)
    assert "convert them" in str(error.value)


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
def test_names_that_are_not_utf_8(tmp_path):
    folder = os.fsencode(tmp_path / "mine") + b"/caf\xe9"
    os.makedirs(folder)
    save(tmp_path / "mine" / "tea" / "a.png")
    Image.fromarray(UP).save(tmp_path / "b.png")
    os.rename(os.fsencode(tmp_path / "b.png"), folder + b"/b\xff.png")
    data = opened(tmp_path / "mine", tmp_path)
    assert data.factor_values == (("caf\\xe9", "tea"),)
    names = ImageFolder(str(tmp_path / "mine")).image_names()
    assert names == ["caf\\xe9/b\\xff.png", "tea/a.png"]
    "".join(names).encode("utf-8")


def test_files_and_folders_are_in_natural_order(tmp_path):
    for name in ("10", "9", "1"):
        for number in (2, 10, 1):
            save(tmp_path / "mine" / name / f"{number}.png")
    recipe = LabelledImages("", str(tmp_path / "mine"))
    assert recipe.image_names()[:4] == ["1/1.png", "1/2.png", "1/10.png", "9/1.png"]
    data = recipe.open(tmp_path / "cache")
    assert data.factor_values == (("1", "9", "10"),)
    assert data.train_labels().tolist() == [0] * 3 + [1] * 3 + [2] * 3


def test_headers_say_what_frames_there_are(tmp_path):
    save(tmp_path / "a.png", UP)
    (header,) = decoding.read_headers([tmp_path / "a.png"], needs_sizes=True)
    assert header == decoding.Header((0,), ((4, 6),), False)
