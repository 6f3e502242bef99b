"""One model's classes: clusters of real images, and what each generated class shows.

Runs in a worker process.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import metrics
from metrics.classes.class_coverage import code_table
from models.codes.joint_code import FeatureCode, JointCode
from models.networks.class_networks import feature_network
from pipeline.datasets.interface import Dataset
from pipeline.inference.encoding import as_function, in_batches, load_network, row_slices
from pipeline.pictures import to_uint8
from pipeline.runs.directory import JudgeDirectory
from pipeline.runs.files import atomic_path, file_digest
from pipeline.stages.metrics.class_clusters import class_teller, write_image_classes
from pipeline.stages.metrics.class_embedding import embedding, generated_embedding
from pipeline.stages.metrics.metric_results import write_result

MAX_TRAINING_IMAGES = 10_000  # scored where no test images are held out
GRID_COLUMNS = 10
_STREAM = 0xC1A5  # the same images and noise for every model


def judge_classes(
    generator_path: Path,
    encoder_path: Path,
    codes: JointCode,
    data: tuple,
    judge_folder: JudgeDirectory | None,
    options: Any,
    factor: str | None,
    result_path: Path,
    files: tuple[Path, Path],
    *,
    progress: Callable[..., None],
) -> None:
    """Score one model, keep the scores and what the report draws, and give each image a class.

    Args:
        generator_path: The exported generator.
        encoder_path: The exported encoder.
        codes: Its `JointCode`, with one categorical code.
        data: (recipe of the data set, folder of the caches).
        judge_folder: Of a classifier of the true classes; None: nobody tells what classes show.
        options: The `ClassDisentanglement` recipe.
        factor: The factor that is the true class; None where nobody knows it.
        result_path: Where the scores are kept.
        files: Where the arrays for pictures and the classes of the images are kept.
        progress: Told of finished parts.
    """
    recipe, cache = data
    dataset = recipe.open(cache)
    keys = evaluation_keys(dataset, options.num_images)
    names_of, label_names = None, []
    if factor is not None:
        column = dataset.factor_names.index(factor)
        label_names = [str(value) for value in dataset.factor_values[column]]
        labels, num_labels = dataset.factors_of(keys)[:, column], len(label_names)
        names_of = lambda keys: np.array(label_names)[dataset.factors_of(keys)[:, column]]  # noqa: E731
    encoder, generator = load_network(encoder_path), load_network(generator_path)
    encode, generate = _function(encoder), _function(generator)
    find_features = _function(feature_network(encoder))
    features = _of_images(dataset, keys, find_features)
    progress(1, 5, part="features")
    made = GeneratedClasses(codes, options.samples_per_class, generate)
    tell = class_teller(codes, encode, find_features, features, made, options.seeds[0])
    told = _of_images(dataset, keys, tell)
    progress(2, 5, part="classes of images")
    # Every metric of classes takes what it needs of this, or is left out.
    offered = {"features": features, "seeds": options.seeds, "told": tell(made.images)}
    offered["made_classes"] = made.classes
    if factor is not None:
        offered |= {"labels": labels, "num_clusters": num_labels}
    if not isinstance(codes, FeatureCode):  # InfoGAN: Q is a classifier, and bounds I(c; G)
        offered["probabilities"] = encode(made.images)[:, codes.class_features]
        offered["found"] = told
    arrays: dict[str, Any] = {}
    if judge_folder is not None:
        judge = load_network(judge_folder.classifier)
        found, arrays["coverage"] = shown_classes(judge, made, dataset, keys, labels, num_labels)
        offered |= found
    scores: dict[str, float] = {}
    for measure in metrics.CATALOGUE.measures("classes").values():
        if measure.is_offered_by(offered):
            scores |= measure.score(offered, seed=options.seeds[0])[0]
    progress(3, 5, part="generated classes")
    arrays["label_names"] = np.array(label_names, dtype=str)
    arrays["grid"] = class_rows(codes, generate)
    arrays["members"] = class_members(dataset, keys, told, codes.num_classes)
    if options.embedded_images:
        arrays["has_labels"] = np.array(factor is not None)
        kinds = told if factor is None else labels
        count = options.embedded_images
        rng = np.random.default_rng([_STREAM, 3])
        arrays |= embedding(codes, generate, find_features, features, kinds, count, rng)
        rng = np.random.default_rng([_STREAM, 4])
        arrays |= generated_embedding(codes, generate, find_features, count, rng)
    progress(4, 5, part="pictures")
    pictures_path, classes_path = files
    write_image_classes(classes_path, dataset, recipe.image_names(), names_of, tell)
    with atomic_path(pictures_path) as temporary:
        np.savez_compressed(temporary, **arrays)
    digests = [file_digest(path) for path in files]
    write_result(result_path, scores, {}, len(keys), files=digests)


def evaluation_keys(dataset: Dataset, num_images: int | None) -> np.ndarray:
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

    def __init__(
        self, codes: JointCode, samples_per_class: int, generate: Callable[[np.ndarray], np.ndarray]
    ):
        rng = np.random.default_rng(_STREAM)
        classes = range(codes.num_classes)
        latents = [codes.draw_class(rng, samples_per_class, value) for value in classes]
        self.images = generate(np.concatenate(latents))
        self.classes = np.repeat(np.arange(codes.num_classes), samples_per_class)


def shown_classes(
    judge: Any,
    made: GeneratedClasses,
    dataset: Dataset,
    keys: np.ndarray,
    labels: np.ndarray,
    num_classes: int,
) -> tuple[dict[str, Any], np.ndarray]:
    """Return what a classifier says that each generated class shows: arguments and a table."""
    name_class, find_features = (_function(_output_of(judge, place)) for place in (0, 1))
    shown = name_class(made.images).argmax(axis=1)
    num_codes = int(made.classes.max()) + 1
    table = code_table(made.classes, shown, num_codes, num_classes)
    offered = {
        "shown_classes": shown,
        "num_codes": num_codes,
        "num_classes": num_classes,
        "made_features": find_features(made.images),
        "real_features": _of_images(dataset, keys, find_features),
        "real_classes": labels,
        "class_of_code": table.argmax(axis=1),
    }
    return offered, table


def class_rows(codes: JointCode, generate: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return generated images uint8 `[classes, columns, h, w, c]`, every column of one noise."""
    noise = codes.draw(np.random.default_rng([_STREAM, 1]), GRID_COLUMNS)
    columns, one_hot = (
        codes.columns(codes.only_class_code()),
        np.eye(codes.num_classes, dtype=np.float32),
    )
    rows = []
    for value in range(codes.num_classes):
        latents = noise.copy()
        latents[:, columns] = one_hot[value]
        rows.append(latents)
    grid = to_uint8(generate(np.concatenate(rows)))
    return grid.reshape(codes.num_classes, GRID_COLUMNS, *grid.shape[1:])


def class_members(
    dataset: Dataset, keys: np.ndarray, told: np.ndarray, num_classes: int
) -> np.ndarray:
    """Return real images of each class, drawn at random, uint8 `[classes, columns, h, w, c]`.

    White where a class has fewer than the columns.
    """
    rng = np.random.default_rng([_STREAM, 2])
    members = np.full((num_classes, GRID_COLUMNS, *dataset.image_shape), 255, np.uint8)
    for value, row in enumerate(members):
        chosen = np.sort(rng.permutation(np.flatnonzero(told == value))[:GRID_COLUMNS])
        if len(chosen):
            images = dataset.images_of(keys[chosen])
            row[: len(chosen)] = to_uint8(images, max_value=dataset.max_value)
    return members


def _function(network: Any) -> Callable[[np.ndarray], np.ndarray]:
    return in_batches(as_function(network))


def _output_of(judge: Any, place: int):
    import keras

    return keras.Model(judge.inputs[0], judge.outputs[place])


def _of_images(dataset: Dataset, keys: np.ndarray, function: Callable[..., Any]) -> np.ndarray:
    """Return what a network says of the images of keys, batch by batch."""
    parts = []
    for rows in row_slices(len(keys), 2048):
        images = dataset.images_of(keys[rows]).astype(np.float32) / dataset.max_value
        parts.append(function(images))
    return np.concatenate(parts)
