"""Features in which an encoder tells classes apart, in two dimensions, for pictures."""

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from models.codes.joint_code import JointCode


def embedding(
    codes: JointCode,
    generate: Callable[[np.ndarray], np.ndarray],
    find_features: Callable[[np.ndarray], np.ndarray],
    features: np.ndarray,
    kinds: np.ndarray,
    num_embedded: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return features of real and generated images in two dimensions (t-SNE).

    Args:
        codes: The model's codes.
        generate: Latent vectors to images.
        find_features: Images to features.
        features: Of real images, float `[points, feature_dim]`.
        kinds: Their labels or classes, int `[points]`.
        num_embedded: Real images taken, and a third as many generated ones.
        rng: Of their draws.

    Returns:
        points: float `[n, 2]`, kinds: int `[n]`, those given or the classes of generated images,
        is_generated: bool `[n]`.
    """
    chosen = rng.permutation(len(features))[:num_embedded]
    latents = codes.draw(rng, num_embedded // 3)
    points = np.concatenate([features[chosen], find_features(generate(latents))])
    kinds = np.concatenate([kinds[chosen], _classes_of(codes, latents)])
    is_generated = np.arange(len(points)) >= len(chosen)
    return {"points": _in_two_dimensions(points), "kinds": kinds, "is_generated": is_generated}


def generated_embedding(
    codes: JointCode,
    generate: Callable[[np.ndarray], np.ndarray],
    find_features: Callable[[np.ndarray], np.ndarray],
    num_embedded: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return features of generated images alone in two dimensions (t-SNE).

    Returns:
        made_points: float `[num_embedded, 2]`, made_classes: int `[num_embedded]`, the classes that
        the generator was given.
    """
    latents = codes.draw(rng, num_embedded)
    points = _in_two_dimensions(find_features(generate(latents)))
    return {"made_points": points, "made_classes": _classes_of(codes, latents)}


def _classes_of(codes: JointCode, latents: np.ndarray) -> np.ndarray:
    return latents[:, codes.columns(codes.only_class_code())].argmax(axis=1)


def _in_two_dimensions(points: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(points) - 1) / 3)
    with threadpool_limits(1):  # threads that wait for each other cost more than they bring
        return TSNE(init="pca", perplexity=perplexity, random_state=0).fit_transform(points)
