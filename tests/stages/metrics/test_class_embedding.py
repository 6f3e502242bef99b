"""Features in two dimensions: whose they are, and that classes stay apart."""

import numpy as np

from models.codes.joint_code import CategoricalCode, FeatureCode, GaussianNoise
from pipeline.stages.metrics.class_embedding import embedding, generated_embedding

CODES = FeatureCode(parts=(CategoricalCode(num_classes=3), GaussianNoise(dim=2)), feature_dim=5)


def islands(latents):
    """Return latents whose classes are far apart."""
    return latents * np.array([50.0, 50.0, 50.0, 1.0, 1.0])


def nearest_is_alike(points, kinds):
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return (kinds[distances.argmin(axis=1)] == kinds).mean()


def test_generated_images_have_the_class_that_they_were_given():
    found = generated_embedding(CODES, lambda x: x, islands, 90, np.random.default_rng(1))
    latents = CODES.draw(np.random.default_rng(1), 90)
    assert found["made_points"].shape == (90, 2)
    np.testing.assert_array_equal(found["made_classes"], latents[:, :3].argmax(axis=1))
    assert nearest_is_alike(found["made_points"], found["made_classes"]) == 1.0


def test_real_images_come_first_with_their_own_kinds():
    rng = np.random.default_rng(0)
    features = islands(CODES.draw(rng, 200))
    kinds = features[:, :3].argmax(axis=1) + 10
    found = embedding(CODES, lambda x: x, islands, features, kinds, 60, np.random.default_rng(1))
    assert found["is_generated"].tolist() == [False] * 60 + [True] * 20
    assert set(found["kinds"][:60]) == {10, 11, 12} and set(found["kinds"][60:]) == {0, 1, 2}
    # A class is at one place, generated or not.
    assert nearest_is_alike(found["points"], found["kinds"] % 10) == 1.0
