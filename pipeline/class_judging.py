"""Scores of one model's classes: clusters of real images, and what each generated class shows.

Runs in a worker process.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

import metrics
from metrics.class_coverage import class_coverage, code_table, relative_diversity
from metrics.cluster_agreement import partition_agreement
from models.class_networks import feature_network
from models.codes import FeatureCode
from pipeline.encoding import as_function, in_batches, load_network, row_slices
from pipeline.files import atomic_path, file_digest
from pipeline.metric_results import write_result
from pipeline.pictures import to_uint8

MAX_TRAINING_IMAGES = 10_000  # scored where no test images are held out
GRID_COLUMNS = 10
SMALLEST_PROBABILITY = 1e-12  # whose logarithm is taken
_STREAM = 0xC1A5  # the same images and noise for every model


def judge_classes(
    generator_path: Path,
    encoder_path: Path,
    codes,
    data: tuple,
    judge_folder,
    options,
    result_path: Path,
    pictures_path: Path,
    *,
    progress: Callable[..., None],
) -> None:
    """Score one model and keep the scores and what the report draws.

    Args:
        generator_path: The exported generator.
        encoder_path: The exported encoder.
        codes: Its `JointCode`, with one categorical code.
        data: (recipe of the data set, folder of the caches).
        judge_folder: Of a classifier of the true classes; None: nobody tells what classes show.
        options: The `ClassDisentanglement` recipe.
        result_path: Where the scores are kept.
        pictures_path: Where the arrays for pictures are kept.
        progress: Told of finished parts.
    """
    recipe, cache = data
    dataset = recipe.open(cache)
    factor = dataset.factor_names.index(options.factor)
    keys = evaluation_keys(dataset, options.num_images)
    labels = dataset.factors_of(keys)[:, factor]
    encoder, generator = load_network(encoder_path), load_network(generator_path)
    encode, generate = _function(encoder), _function(generator)
    find_features = _function(feature_network(encoder))
    features = _of_images(dataset, keys, find_features)
    progress(1, 4, part="features")
    num_classes = dataset.factor_sizes[factor]
    scores = metrics.clustering(features, labels, num_clusters=num_classes, seeds=options.seeds)
    progress(2, 4, part="clusters")
    made = GeneratedClasses(codes, options.samples_per_class, generate)
    if not isinstance(codes, FeatureCode):  # InfoGAN: Q is a classifier, and bounds I(c; G)
        probabilities = _of_images(dataset, keys, encode)[:, codes.class_features]
        own = encode(made.images)[:, codes.class_features]
        scores |= classifier_scores(probabilities.argmax(axis=1), labels)
        scores |= information_scores(own, made.classes)
    arrays = {}
    if judge_folder is not None:
        judge = load_network(judge_folder.classifier)
        found, arrays["coverage"] = shown_classes(judge, made, dataset, keys, labels, num_classes)
        scores |= found
    progress(3, 4, part="generated classes")
    arrays |= pictures(codes, generate, find_features, features, labels, options.embedded_images)
    with atomic_path(pictures_path) as temporary:
        np.savez_compressed(temporary, **arrays)
    write_result(result_path, scores, {}, len(keys), pictures=file_digest(pictures_path))


def evaluation_keys(dataset, num_images: int | None) -> np.ndarray:
    """Return the keys of the images that are scored: held-out ones, or else training images."""
    rng = np.random.default_rng(_STREAM)
    keys = dataset.test_keys()
    if not len(keys):
        limit = min(num_images or MAX_TRAINING_IMAGES, MAX_TRAINING_IMAGES)
        keys = np.unique(dataset.sample_keys(rng, 20 * min(dataset.num_images, limit)))
        num_images = min(limit, len(keys))
    if num_images is None or num_images >= len(keys):
        return keys
    return np.sort(rng.choice(keys, num_images, replace=False))


class GeneratedClasses:
    """As many generated images of each class.

    Attributes:
        images: float32 `[classes * samples_per_class, h, w, c]`.
        classes: int `[classes * samples_per_class]`.
    """

    def __init__(self, codes, samples_per_class: int, generate):
        rng = np.random.default_rng(_STREAM)
        classes = range(codes.num_classes)
        latents = [codes.draw_class(rng, samples_per_class, value) for value in classes]
        self.images = generate(np.concatenate(latents))
        self.classes = np.repeat(np.arange(codes.num_classes), samples_per_class)


def classifier_scores(found: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return how well the class that Q finds matches the labels, codes matched to classes."""
    agreement = partition_agreement(found, labels)
    scores = {f"classifier_{name}": value for name, value in agreement.items()}
    return scores | {"classifier_error": 1.0 - agreement["acc_hungarian"]}


def information_scores(probabilities: np.ndarray, classes: np.ndarray) -> dict[str, float]:
    """Return L_I = H(c) + E log Q(c | G(z, c)) and H(c), in nats, of equally likely classes."""
    of_own = probabilities[np.arange(len(classes)), classes]
    entropy = float(np.log(probabilities.shape[1]))
    likelihood = np.log(np.maximum(of_own.astype(np.float64), SMALLEST_PROBABILITY)).mean()
    return {"information_bound": entropy + float(likelihood), "code_entropy": entropy}


def shown_classes(
    judge, made: GeneratedClasses, dataset, keys: np.ndarray, labels: np.ndarray, num_classes: int
) -> tuple[dict[str, float], np.ndarray]:
    """Return what a classifier says that each generated class shows: scores and a table."""
    name_class, find_features = (_function(_output_of(judge, place)) for place in (0, 1))
    shown = name_class(made.images).argmax(axis=1)
    num_codes = int(made.classes.max()) + 1
    table = code_table(made.classes, shown, num_codes, num_classes)
    scores = class_coverage(made.classes, shown, num_codes, num_classes)
    real = _of_images(dataset, keys, find_features)
    features = find_features(made.images)
    class_of_code = table.argmax(axis=1)
    return scores | relative_diversity(features, made.classes, real, labels, class_of_code), table


def pictures(
    codes, generate, find_features, features: np.ndarray, labels: np.ndarray, num_embedded: int
) -> dict[str, np.ndarray]:
    """Return the arrays that the report draws.

    Returns:
        grid: uint8 `[classes, columns, h, w, c]`, every column of one noise; and unless
        `num_embedded` is 0 points: float `[n, 2]`, features embedded by t-SNE, kinds: int `[n]`,
        the label of a real image or the class of a generated one, is_generated: bool `[n]`.
    """
    rng = np.random.default_rng([_STREAM, 1])
    noise = codes.draw(rng, GRID_COLUMNS)
    columns, one_hot = codes.columns(codes.class_code), np.eye(codes.num_classes, dtype=np.float32)
    rows = []
    for value in range(codes.num_classes):
        latents = noise.copy()
        latents[:, columns] = one_hot[value]
        rows.append(latents)
    grid = to_uint8(generate(np.concatenate(rows)))
    arrays = {"grid": grid.reshape(codes.num_classes, GRID_COLUMNS, *grid.shape[1:])}
    if not num_embedded:
        return arrays
    chosen = rng.permutation(len(features))[:num_embedded]
    latents = codes.draw(rng, num_embedded // 3)
    points = np.concatenate([features[chosen], find_features(generate(latents))])
    perplexity = min(30.0, (len(points) - 1) / 3)
    with threadpool_limits(1):  # threads that wait for each other cost more than they bring
        embedded = TSNE(init="pca", perplexity=perplexity, random_state=0).fit_transform(points)
    kinds = np.concatenate([labels[chosen], latents[:, columns].argmax(axis=1)])
    is_generated = np.arange(len(points)) >= len(chosen)
    return {**arrays, "points": embedded, "kinds": kinds, "is_generated": is_generated}


def _function(network) -> Callable[[np.ndarray], np.ndarray]:
    return in_batches(as_function(network))


def _output_of(judge, place: int):
    import keras

    return keras.Model(judge.inputs[0], judge.outputs[place])


def _of_images(dataset, keys: np.ndarray, function) -> np.ndarray:
    """Return what a network says of the images of keys, batch by batch."""
    parts = []
    for rows in row_slices(len(keys), 2048):
        images = dataset.images_of(keys[rows]).astype(np.float32) / dataset.max_value
        parts.append(function(images))
    return np.concatenate(parts)
