"""What the page asks of a model: images of codes, the match of an own image, swaps; all known."""

import io

import numpy as np
import pytest
from PIL import Image

from models.codes.joint_code import (
    CategoricalCode,
    EmpiricalCodes,
    FeatureCode,
    GaussianCodes,
    GaussianNoise,
    JointCode,
    UniformCodes,
    UniformNoise,
)
from pipeline.app.loaded_model import load_model
from pipeline.errors import ConfigurationError
from pipeline.inference.nearest import NUM_DRAWS, nearest_latent
from tests.linear_models import write_linear_model


def file_of(pixels):
    content = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(content, format="PNG")
    return content.getvalue()


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """Pixels of 2 x 2: two codes, a noise, nothing; each .5 + .5 times its column."""
    codes = JointCode((UniformCodes(2), UniformNoise(1)))
    root = tmp_path_factory.mktemp("models") / "noisy"
    eye = np.eye(3, 4) / 2
    return load_model(write_linear_model(root, codes, eye, 2 * np.eye(4, 2), (2, 2, 1)))


def test_an_own_image_is_matched_by_its_codes_and_the_nearest_noise(noisy):
    image = noisy.read("own.png", file_of([[51, 204], [102, 128]]))
    match = noisy.match(image)
    np.testing.assert_allclose(match.latent, [-0.6, 0.6, -0.2], atol=0.02)
    assert np.abs(match.image.astype(int) - image.astype(int)).max() <= 2
    assert match.is_searched and match.error < 1e-4
    assert noisy.continuous == [0, 1] and noisy.noise == slice(2, 3)


def test_where_nobody_can_descend_the_nearest_draw_is_taken(noisy):
    generate = lambda latents: (0.5 + latents @ (np.eye(3, 4) / 2)).reshape(-1, 2, 2, 1)  # noqa: E731
    image = np.array([[[51], [204]], [[102], [128]]], np.uint8)
    known = np.array([-0.6, 0.6])
    latent = nearest_latent(generate, noisy.codes, image, known, network=None)
    np.testing.assert_array_equal(latent[:2], known.astype(np.float32))
    draws = noisy.codes.draw(np.random.default_rng(0), NUM_DRAWS)[:, 2]
    assert latent[2] == draws[np.abs(draws + 0.2).argmin()]


def test_what_is_no_image_is_named(noisy):
    with pytest.raises(ConfigurationError, match=r"Cannot .*notes\.txt|notes\.txt") as found:
        noisy.read("notes.txt", b"no image")
    assert "/tmp" not in str(found.value)


def test_each_code_moves_alone(noisy):
    images, values, names = noisy.traversals(np.array([0.0, 0.5, -1.0], np.float32))
    assert names == ["uniform 1", "uniform 2"] and values[0] == -1 and len(values) == 11
    assert images[0, [0, 5, 10], 0, 0, 0].tolist() == [0, 128, 255]
    assert images[0, [0, 5, 10], 0, 1, 0].tolist() == [191, 191, 191]
    assert images[1, :, 1, 0, 0].tolist() == [0] * 11


def test_a_class_is_the_likeliest_one_and_the_others_give_way(tmp_path):
    codes = JointCode((CategoricalCode(3), UniformCodes(1)))
    generator = np.array([[0.1, 0], [0.2, 0], [0.3, 0], [0, 0.5]])
    encoder = np.array([[1, 2, 9, 0], [0, 0, 0, 2]])
    model = load_model(write_linear_model(tmp_path / "a", codes, generator, encoder, (1, 2, 1)))
    match = model.match(np.array([[[200], [255]]], np.uint8))
    np.testing.assert_allclose(match.latent, [0, 0, 1, 1], atol=1e-5)
    assert not match.is_searched and match.image[0, :, 0].tolist() == [204, 255]
    assert model.categorical == [0] and model.continuous == [1]


def test_codes_of_two_images_are_swapped(tmp_path):
    codes = JointCode((EmpiricalCodes(1), GaussianCodes(1)))
    root = write_linear_model(
        tmp_path / "b", codes, np.eye(2) / 2, 2 * np.eye(2), (1, 2, 1), encoded=np.eye(2)
    )
    model = load_model(root)
    first, second = np.array([[[[10], [20]]], [[[110], [220]]]], np.uint8)
    assert model.is_swappable and model.code_title(0) == "s 1" and model.code_title(1) == "z 1"
    assert model.swapped(first, second)[..., 0, :, 0].tolist() == [[10, 220], [110, 20]]


def test_of_features_class_and_noise_are_searched_for(tmp_path):
    codes = FeatureCode((CategoricalCode(2), GaussianNoise(1)), 2)
    generator = np.array([[0.3, 0], [-0.3, 0], [0, 0.2]])
    model = load_model(
        write_linear_model(tmp_path / "c", codes, generator, np.eye(2, 3), (1, 2, 1))
    )
    match = model.match(np.array([[[51], [179]]], np.uint8))  # .2, .7: the second class, z = 1
    np.testing.assert_allclose(match.latent, [0, 1, 1], atol=0.03)
    assert match.is_searched and model.noise == slice(2, 3) and not model.is_swappable
    with pytest.raises(ConfigurationError, match="no specified and unspecified code"):
        model.swapped(match.image, match.image)
