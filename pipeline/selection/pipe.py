"""PIPE: can a network tell reconstructions from images of codes that are drawn independently?

Estermann and Wattenhofer 2023, "DAVA" (ICLR). Codes of real images are decoded, and codes of the
same range, each drawn by itself. Where codes are disentangled, any combination of their values is
an image like the others, and a network cannot tell the kinds apart: the score is 2 (1 - accuracy).

The released code passes accuracies in per cent and reshapes colour images instead of transposing
them; neither is done here. For a GAN the encoder is Q, and noise is drawn from its prior in both
kinds. Codes of classes are taken as the likeliest class, and permuted over the images.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from models import checks
from models.codes.distributions import CategoricalCode
from models.codes.joint_code import FeatureCode, JointCode
from pipeline.execution import worker
from pipeline.inference.code_draws import drawable_codes
from pipeline.inference.encoding import as_function, encoder_function, in_batches, load_network
from pipeline.selection.cells import generator_seed
from pipeline.selection.confidence import shares_of_wins
from pipeline.selection.evidence import Evidence, Subject
from pipeline.selection.method import MethodOptions, SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, best_first

NAME = "pipe"
VERSION = 1  # raised whenever a change of the code changes scores
INDEPENDENT = ("uniform", "permuted")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PipeOptions(MethodOptions):
    """What is told apart, and how long the network learns it; published unless changed.

    Attributes:
        num_images: Images of each kind; fewer where the data set has fewer, whole batches.
        independent: Where independent codes come from: 'uniform', between the least and the largest
            of each code, or 'permuted' over images.
        batch_size: Images of each batch.
        steps: Batches until the accuracy is read: the tenth check, after 50,240 images.
        learning_rate: Of Adam.
    """

    num_images: int = 49984
    independent: str = "uniform"
    batch_size: int = 32
    steps: int = 1570
    learning_rate: float = 1e-4

    def __post_init__(self):
        checks.integer("num_images", self.num_images, minimum=2)
        checks.choice("independent", self.independent, INDEPENDENT)
        checks.integer("batch_size", self.batch_size, minimum=1)
        checks.integer("steps", self.steps, minimum=1)
        checks.positive_number("learning_rate", self.learning_rate)


def judge(subject: Subject, *, progress: Callable[..., None]) -> dict[str, Any] | None:
    """Return how well a network tells one model's reconstructions from independent codes' images.

    Runs in a worker, TensorFlow set up.

    Returns:
        "accuracy" on the half that training does not see, and "num_test" images; None if the run
        was stopped.
    """
    options, folder = subject.options, subject.networks[0]
    rng = np.random.default_rng(subject.seed)
    dataset = subject.dataset.open(subject.cache)
    codes = drawable_codes(subject.codes[0], folder)
    batch = options["batch_size"]
    count = max(batch, min(options["num_images"], dataset.num_images) // batch * batch)
    chosen = rng.choice(dataset.num_images, count, replace=count > dataset.num_images)
    encode = encoder_function(load_network(folder.encoder), dataset.max_value)
    told = np.concatenate(
        [
            encode(dataset.train_images(chosen[start : start + 2048]))
            for start in range(0, count, 2048)
        ]
    )
    generate = in_batches(as_function(load_network(folder.generator)))
    told = _as_drawn(codes, told)
    independent = _independent(codes, told, options["independent"], rng)
    first, second = (
        generate(np.concatenate([part, codes.draw(rng, count)[:, codes.code_dim :]], axis=1))
        for part in (told, independent)
    )
    accuracy = _train(first, second, options, rng, progress)
    return None if accuracy is None else {"accuracy": accuracy, "num_test": count // 2 * 2}


def _class_columns(codes: JointCode) -> list[slice]:
    """Return the columns of each code of classes."""
    columns, start = [], 0
    for part in codes.parts:
        if isinstance(part, CategoricalCode):
            columns.append(slice(start, start + part.dim))
        start += part.dim
    return columns


def _as_drawn(codes: JointCode, told: np.ndarray) -> np.ndarray:
    """Return codes [n, code_dim] in which a class is one-hot, as the generator knows it."""
    told = told.astype(np.float32)
    for columns in _class_columns(codes):
        told[:, columns] = np.eye(columns.stop - columns.start)[told[:, columns].argmax(axis=1)]
    return told


def _independent(
    codes: JointCode, told: np.ndarray, how: str, rng: np.random.Generator
) -> np.ndarray:
    """Return codes [n, code_dim] of the same range, each drawn by itself."""
    if how == "permuted":
        drawn = rng.permuted(told, axis=0)
    else:
        drawn = rng.uniform(told.min(axis=0), told.max(axis=0), told.shape).astype(np.float32)
    for columns in _class_columns(codes):
        drawn[:, columns] = told[rng.permutation(len(told)), columns]
    return drawn


def _train(
    first: np.ndarray,
    second: np.ndarray,
    options: Mapping[str, Any],
    rng: np.random.Generator,
    progress: Callable[..., None],
) -> float | None:
    """Return the accuracy on the halves of both kinds that training does not see."""
    import keras

    half, batch = len(first) // 2, options["batch_size"]
    train = np.concatenate([first[half:], second[half:]])
    labels = np.concatenate([np.zeros(len(first) - half), np.ones(len(second) - half)])
    network = _build(first.shape[1:], int(rng.integers(2**31)))
    network.compile(
        keras.optimizers.Adam(options["learning_rate"]),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    steps, total = 0, options["steps"]
    while steps < total:
        order = rng.permutation(len(train))[: (total - steps) * batch]
        order = order[: len(order) // batch * batch] if len(order) > batch else order
        network.fit(
            train[order], labels[order, np.newaxis], batch_size=batch, shuffle=False, verbose=0
        )
        steps += max(1, len(order) // batch)
        progress(min(steps, total), total)
        if worker.stop_requested():
            return None
    judge_images = in_batches(as_function(network))
    right = [np.mean((judge_images(part[:half])[:, 0] > 0) == kind) for kind, part in
             enumerate((first, second))]  # fmt: skip
    return float(np.mean(right))


def _build(image_shape: tuple[int, int, int], seed: int):
    """Return the published network; for images below 64 pixels with fewer stride-2 convolutions."""
    import keras

    seeds = iter(np.random.default_rng(seed).integers(2**31, size=8).tolist())

    def layer(inputs: Any, filters: int, kernel: int, strides: int, padding: str):
        made = keras.layers.Conv2D(
            filters,
            kernel,
            strides,
            padding=padding,
            kernel_initializer=keras.initializers.HeUniform(seed=next(seeds)),
        )(inputs)
        return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(made))

    inputs = hidden = keras.Input(image_shape)
    for filters in (32, 32, 64, 64):
        if min(hidden.shape[1:3]) < 8:  # the next layer needs 4 pixels
            break
        hidden = layer(hidden, filters, 4, 2, "same")
    kernel = min(4, *hidden.shape[1:3])
    hidden = layer(hidden, 512, kernel, 1, "valid")
    hidden = keras.layers.GlobalAveragePooling2D()(hidden)  # of one pixel at 64x64
    initial = keras.initializers.GlorotUniform(seed=next(seeds))
    return keras.Model(inputs, keras.layers.Dense(1, kernel_initializer=initial)(hidden))


def _judge_all(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """Return the results of the pools whose models all have codes that can be decoded again."""
    exports = [one for one in evidence.exports if not isinstance(one.codes, FeatureCode)]
    options = {**evidence.options.options_of(NAME), "version": VERSION}
    found = evidence.compute(NAME, judge, [(export,) for export in exports], options)
    results = dict(zip((one.model_id for one in exports), found, strict=True))
    return {
        name: {model_id: results[model_id] for model_id in pool.model_ids}
        for name, pool in evidence.pools.items()
        if results.keys() >= set(pool.model_ids)
    }


def _rank(evidence: Evidence, pool: Pool, results: Mapping[str, Any] | None) -> Ranking | None:
    if results is None:
        return None
    scores = {model_id: 2 * (1 - one["accuracy"]) for model_id, one in results.items()}
    return Ranking(pool=pool.name, method=NAME, scores=scores, order=best_first(scores))


def _confidence(
    evidence: Evidence, pool: Pool, results: Mapping[str, Any], ranking: Ranking
) -> Mapping[str, float]:
    """Return the share of resamples of the test images in which each model wins."""
    num_resamples = evidence.options.num_resamples
    if not num_resamples:
        return {}
    rng = np.random.default_rng(generator_seed(pool.exports[0]))
    drawn = np.column_stack(
        [
            1 - rng.binomial(one["num_test"], one["accuracy"], num_resamples) / one["num_test"]
            for one in results.values()
        ]
    )
    return dict(zip(results, shares_of_wins(drawn).tolist(), strict=True))


PIPE = SelectionMethod(
    name=NAME,
    title="PIPE",
    reason="of all, its codes combine most freely",
    source="Estermann and Wattenhofer 2023 (DAVA, ICLR)",
    needs=frozenset({"generators", "encoders", "images"}),
    options=PipeOptions,
    by_default=False,
    prepare=_judge_all,
    rank=_rank,
    confidence=_confidence,
)
