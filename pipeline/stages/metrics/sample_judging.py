"""Judges of sample quality at work: made once a data set, then shown each generator's samples.

Runs in a worker process. Images stream by in batches; what stays are class probabilities and the
mean and covariance of the features.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

import metrics
from metrics.samples.frechet import distance_of_gaussians
from models.codes.joint_code import JointCode
from models.networks.inception_features import build_inception_features
from models.networks.layer_maker import derive_seed
from models.networks.shape_classifier import train_shape_classifier
from pipeline.datasets.interface import Dataset
from pipeline.execution import worker
from pipeline.inference.code_draws import drawable_codes
from pipeline.inference.code_table import key_ids
from pipeline.inference.encoding import load_network, row_slices
from pipeline.runs.directory import ExportDirectory, JudgeDirectory
from pipeline.runs.files import atomic_path
from pipeline.runs.manifests import read_manifest, write_manifest
from pipeline.stages.metrics.feature_moments import FeatureMoments, load_moments
from pipeline.stages.metrics.metric_results import write_result

# Images at once: Inception-V3 makes ten million numbers of each.
BATCH_SIZES = {"classifier": 256, "inception": 32}
HELD_OUT_SHARE = 10  # one key in ten is never trained on
MAX_HELD_OUT = 10_000
_TRAINING, _REFERENCE, _TEST = range(3)  # streams of draws made from one seed


def make_judge(
    dataset: Dataset,
    options: Any,
    judge: Any,
    folder: JudgeDirectory,
    *,
    progress: Callable[..., None],
) -> str:
    """Train the classifier or load Inception-V3, and take the moments of real images' features.

    Args:
        dataset: The opened data set.
        options: The `SampleQuality` recipe.
        judge: The `Judge` to make.
        folder: Where its files go.
        progress: Told of batches, then of images.

    Returns:
        How well it judges, or that it was stopped.

    Raises:
        ValueError: If the weights do not fit Inception-V3.
    """
    stopped = f"{judge.name} judge stopped: it is made next time"
    outputs, text = [folder.reference], "Inception-V3 is loaded"
    details = {"network": judge.key, "held_out_accuracy": None}
    if judge.name == "classifier":
        factor = dataset.factor_names.index(options.factor)
        classifier = _train(dataset, options, factor, progress)
        if classifier is None:
            return stopped
        accuracy, num_images = _held_out_accuracy(dataset, options, factor, classifier)
        details = {"network": _weights_digest(classifier), "held_out_accuracy": accuracy}
        text = f"the classifier of {options.factor} is right on {accuracy:.2%} of "
        text += f"{num_images:,} held-out images"
        with atomic_path(folder.classifier) as temporary:
            classifier.save(temporary)
        outputs.append(folder.classifier)
        view = _as_view(classifier)
    else:
        view = _as_view(_load_inception(options.inception_weights, dataset.image_shape))
    rng = np.random.default_rng([options.seed, _REFERENCE])
    keys = dataset.sample_keys(rng, options.num_samples)
    moments = FeatureMoments()
    for rows in row_slices(len(keys), BATCH_SIZES[judge.name]):
        if worker.stop_requested():
            return stopped
        moments.update(view(_real_images(dataset, keys[rows]))[1].numpy())
        progress(moments.count, len(keys), images="real")
    moments.save(folder.reference)
    write_manifest(folder.manifest, judge.key, outputs, details)
    return f"{text}; seen {len(keys):,} real images"


def judge_samples(
    generator_path: Path,
    codes: JointCode,
    model_fingerprint: str,
    judge: Any,
    folder: JudgeDirectory,
    options: Any,
    result_path: Path,
    *,
    progress: Callable[..., None],
) -> None:
    """Draw samples of one generator, show them to one judge, keep the scores.

    Args:
        generator_path: The exported generator.
        codes: Its `JointCode`.
        model_fingerprint: Seed of its latent vectors.
        judge: The `Judge`, which is made.
        folder: Its files.
        options: The `Metrics` recipe.
        result_path: Where the result is kept.
        progress: Told of images.
    """
    recipe = options.sample_quality
    manifest = read_manifest(folder.manifest)
    if manifest is None:
        raise FileNotFoundError(f"{folder.manifest} is no whole manifest. Expected a made judge")
    generator = load_network(generator_path)
    codes = drawable_codes(codes, ExportDirectory(generator_path.parent))
    weights, image_shape = recipe.inception_weights, generator.output_shape[1:]
    network = _load_judge(judge.name, folder, manifest["network"], weights, image_shape)
    view = _as_view(network, generator)
    words = [int(model_fingerprint[start : start + 8], 16) for start in range(0, 32, 8)]
    rng = np.random.default_rng([recipe.seed, *words])
    moments, probabilities = FeatureMoments(), []
    for rows in row_slices(recipe.num_samples, BATCH_SIZES[judge.name]):
        if worker.stop_requested():
            return
        latents = codes.draw(rng, rows.stop - rows.start)
        of_batch, features = view(latents.astype(np.float32))
        moments.update(features.numpy())
        if of_batch is not None:
            probabilities.append(of_batch.numpy())
        progress(moments.count, recipe.num_samples)
    name = {"classifier": "fid_local", "inception": "fid_inception"}[judge.name]
    reference = load_moments(folder.reference)
    scores = {name: distance_of_gaussians(moments.mean, moments.covariance, *reference)}
    intervals: dict[str, tuple[float, float]] = {}
    if probabilities:
        more, intervals = _classifier_scores(judge, np.concatenate(probabilities), options)
        scores |= more
    write_result(
        result_path,
        scores,
        intervals,
        recipe.num_samples,
        judge=manifest["network"],
        judge_held_out_accuracy=manifest["held_out_accuracy"],
    )


def _classifier_scores(judge: Any, probabilities: np.ndarray, options: Any) -> tuple[dict, dict]:
    """Return the scores that follow from class probabilities `[n, classes]`, and intervals."""
    scores: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for measure in map(metrics.CATALOGUE.measure, judge.metrics):
        if measure.metric.arrays != ("probabilities",):
            continue
        value, interval = measure.score(
            {"probabilities": probabilities},
            seed=options.seed,
            num_resamples=options.num_resamples,
            level=options.level,
        )
        scores |= value
        intervals |= interval
    return scores, intervals


def _train(dataset: Dataset, options: Any, factor: int, progress: Callable[..., None]):
    """Return the trained classifier, or None if this worker was asked to stop."""
    seed = derive_seed(options.seed, "shape_classifier")
    num_classes = dataset.factor_sizes[factor]
    classifier = options.classifier.build(dataset.image_shape, num_classes, seed)

    def next_batch(iteration: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([options.seed, _TRAINING, iteration])
        keys = _draw_keys(dataset, rng, options.batch_size, held_out=False)
        return _real_images(dataset, keys), dataset.factors_of(keys)[:, factor].astype(np.int32)

    def on_iteration(done: int, loss: float) -> bool:
        progress(done, options.classifier_iterations, loss=loss)
        return not worker.stop_requested()

    is_done = train_shape_classifier(
        classifier,
        next_batch,
        options.classifier_iterations,
        options.classifier.learning_rate,
        on_iteration,
    )
    return classifier if is_done else None


def _held_out_accuracy(
    dataset: Dataset, options: Any, factor: int, classifier: Any
) -> tuple[float, int]:
    """Return the share of held-out images whose class is found, and how many were looked at."""
    rng = np.random.default_rng([options.seed, _TEST])
    keys = _draw_keys(dataset, rng, min(options.num_samples, MAX_HELD_OUT), held_out=True)
    labels = dataset.factors_of(keys)[:, factor]
    view = _as_view(classifier)
    right = 0
    for rows in row_slices(len(keys), BATCH_SIZES["classifier"]):
        probabilities, _ = view(_real_images(dataset, keys[rows]))
        right += int((probabilities.numpy().argmax(axis=1) == labels[rows]).sum())
    return right / len(keys), len(keys)


def _draw_keys(
    dataset: Dataset, rng: np.random.Generator, count: int, *, held_out: bool
) -> np.ndarray:
    """Draw keys on one side of a split that depends on nothing but the key.

    Raises:
        ValueError: If the data set is so small that a side is empty.
    """
    parts, found = [], 0
    share = HELD_OUT_SHARE if held_out else 1
    for _ in range(100):
        keys = dataset.sample_keys(rng, count * share + 100)
        hashes = pd.util.hash_array(key_ids(keys).astype(np.uint64))
        keys = keys[(hashes % HELD_OUT_SHARE == 0) == held_out]
        parts.append(keys)
        found += len(keys)
        if found >= count:
            return np.concatenate(parts)[:count]
    raise ValueError(
        "The data set is too small to hold images out. Expected dozens of evaluation keys at "
        f"least. Received: {found} of {count} keys after 100 draws"
    )


def _real_images(dataset: Dataset, keys: np.ndarray) -> np.ndarray:
    """Return images float32 `[n, h, w, c]` in [0, 1]."""
    return dataset.images_of(keys).astype(np.float32) / dataset.max_value


def _as_view(network: Any, generator: Any = None) -> Callable:
    """Return a judge as a function to (probabilities or None, features).

    Its argument is images, or a generator's latent vectors if there is one: then the images never
    leave the device.
    """
    shape = (generator or network).input_shape

    @tf.function(jit_compile=False, input_signature=[tf.TensorSpec(shape, tf.float32)])
    def view(inputs: Any):
        images = inputs if generator is None else generator(inputs, training=False)
        outputs = network(images, training=False)
        return outputs if isinstance(outputs, list | tuple) else (None, outputs)

    return view


@lru_cache(maxsize=2)
def _load_judge(
    name: str,
    folder: JudgeDirectory,
    digest: str,
    weights: str | None,
    image_shape: tuple[int, int, int],
):
    """Return a judge's network; kept in a worker from task to task, one a digest."""
    if name == "classifier":
        return load_network(folder.classifier)
    if weights is None:
        raise ValueError("inception_weights: Expected the path of the weights. Received: None")
    return _load_inception(weights, image_shape)


def _load_inception(weights: str, image_shape: tuple[int, int, int]) -> Any:
    return build_inception_features(Path(weights), (*image_shape,))


def _weights_digest(network: Any) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for values in network.get_weights():
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
