"""VP: can a network tell which code was changed, from the difference of two images?

Zhu, Xu and Tao 2020 (arXiv 2007.12885). Where each code changes the image in a way of its own, a
small network that has seen a tenth of the pairs names the code of the others. A model is judged
alone: no other model, no encoder, no real image is needed.

Here codes are redrawn from the model's own prior (published: from -2 to 2), images are not passed
through JPEG, and since models may differ in their number of codes d, the score is the accuracy
above chance, (accuracy - 1/d) / (1 - 1/d): among models with d codes the published order.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from models import checks
from models.codes.joint_code import JointCode
from pipeline.execution import worker
from pipeline.inference.code_draws import drawable_codes
from pipeline.inference.encoding import as_function, in_batches, load_network
from pipeline.runs.directory import ExportDirectory
from pipeline.selection.cells import INFORMATIVE_KL, generator_seed
from pipeline.selection.confidence import shares_of_wins
from pipeline.selection.evidence import Evidence, Subject
from pipeline.selection.method import MethodOptions, SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, best_first

NAME = "variation_predictability"
VERSION = 1  # raised whenever a change of the code changes scores


@dataclasses.dataclass(frozen=True, kw_only=True)
class VariationPredictabilityOptions(MethodOptions):
    """How many pairs there are, and how long a network learns them; published unless changed.

    Attributes:
        num_pairs: Pairs of images in which one code differs.
        train_share: Share of the pairs that the network learns from; the others are the test.
        epochs: Passes over the training pairs; the best one's accuracy on the test counts.
        batch_size: Pairs of each batch.
        learning_rate: Of Adam.
        repeats: Networks, each with pairs and initial weights of its own.
    """

    num_pairs: int = 10000
    train_share: float = 0.1
    epochs: int = 200
    batch_size: int = 32
    learning_rate: float = 0.01
    repeats: int = 3

    def __post_init__(self):
        checks.integer("num_pairs", self.num_pairs, minimum=2)
        checks.number("train_share", self.train_share, minimum=0.0, maximum=1.0)
        if not 1 <= _num_train(self.num_pairs, self.train_share) < self.num_pairs:
            expected = f"a share that leaves pairs for training and test of {self.num_pairs}"
            checks.fail("train_share", self.train_share, expected)
        checks.integer("epochs", self.epochs, minimum=1)
        checks.integer("batch_size", self.batch_size, minimum=1)
        checks.positive_number("learning_rate", self.learning_rate)
        checks.integer("repeats", self.repeats, minimum=1)


def judge(subject: Subject, *, progress: Callable[..., None]) -> dict[str, Any] | None:
    """Return the test accuracies of the networks that name the changed code of one model.

    Runs in a worker, TensorFlow set up.

    Returns:
        "accuracies" (one a repeat, the best epoch's, as published), "num_test" pairs and
        "num_codes"; None if the run was stopped.
    """
    options, folder = subject.options, subject.networks[0]
    codes = drawable_codes(subject.codes[0], folder)
    offered = _offered_codes(codes, folder, informative_only=options["informative_only"])
    generate = in_batches(as_function(load_network(folder.generator)))
    num_train = _num_train(options["num_pairs"], options["train_share"])
    accuracies = []
    for repeat in range(options["repeats"] if len(offered) > 1 else 0):
        rng = np.random.default_rng([*subject.seed, repeat])
        differences, changed = _draw_pairs(codes, offered, generate, options["num_pairs"], rng)
        best = _train(
            differences, changed, len(offered), num_train, options, rng,
            lambda done, total, repeat=repeat: progress(
                repeat * total + done, options["repeats"] * total
            ),
        )  # fmt: skip
        if best is None:
            return None
        accuracies.append(best)
    return {
        "accuracies": accuracies,
        "num_test": options["num_pairs"] - num_train,
        "num_codes": len(offered),
    }


def _num_train(num_pairs: int, train_share: float) -> int:
    """Return how many of the pairs the network learns from."""
    return round(num_pairs * train_share)


def _offered_codes(
    codes: JointCode, folder: ExportDirectory, *, informative_only: bool
) -> list[int]:
    """Return the codes that are changed: all, or of a model with a posterior those in use."""
    every = list(range(codes.num_codes))
    if not informative_only or not folder.code_kl.exists():
        return every
    nats = np.array(json.loads(folder.code_kl.read_text(encoding="utf-8"))["nats"])
    return [code for code in every if nats[codes.columns(code)].max() > INFORMATIVE_KL] or every


def _draw_pairs(
    codes: JointCode,
    offered: Sequence[int],
    generate: Callable[[np.ndarray], np.ndarray],
    num_pairs: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return differences of images [n, h, w, c], of images from -1 to 1, and the changed codes."""
    first, fresh = codes.draw(rng, num_pairs), codes.draw(rng, num_pairs)
    changed = rng.integers(len(offered), size=num_pairs)
    second = first.copy()
    for number, code in enumerate(offered):
        rows = np.ix_(changed == number, np.arange(*codes.columns(code).indices(codes.latent_dim)))
        second[rows] = fresh[rows]
    return 2.0 * (generate(first) - generate(second)), changed.astype(np.int32)


def _train(
    images: Any,
    labels: np.ndarray,
    num_codes: int,
    num_train: int,
    options: Mapping[str, Any],
    rng: np.random.Generator,
    progress: Callable[..., None],
) -> float | None:
    """Return the best epoch's accuracy on the pairs that training does not see."""
    import keras

    network = _build(images.shape[1:], num_codes, int(rng.integers(2**31)))
    network.compile(
        keras.optimizers.Adam(options["learning_rate"]),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    name = in_batches(as_function(network))
    best = 0.0
    for epoch in range(options["epochs"]):
        order = rng.permutation(num_train)
        network.fit(
            images[order], labels[order], batch_size=options["batch_size"], shuffle=False, verbose=0
        )
        told = name(images[num_train:]).argmax(axis=1)
        best = max(best, float(np.mean(told == labels[num_train:])))
        progress(epoch + 1, options["epochs"])
        if worker.stop_requested():
            return None
    return best


def _build(image_shape: tuple[int, int, int], num_codes: int, seed: int):
    """Return the published network: convolutions with batch norm and ReLU, one logit a code."""
    import keras

    seeds = iter(np.random.default_rng(seed).integers(2**31, size=5).tolist())

    def layer(inputs: Any, filters: int, kernel: int, strides: int = 1):
        made = keras.layers.Conv2D(
            filters,
            kernel,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeUniform(seed=next(seeds)),
        )(inputs)
        return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(made))

    inputs = keras.Input(image_shape)
    hidden = layer(layer(inputs, 64, 7, 2), 64, 3)
    hidden = keras.layers.MaxPooling2D(3, 2, padding="same")(hidden)
    hidden = layer(layer(hidden, 128, 3), 256, 3)
    hidden = keras.layers.GlobalAveragePooling2D()(hidden)
    initial = keras.initializers.GlorotUniform(seed=next(seeds))
    return keras.Model(inputs, keras.layers.Dense(num_codes, kernel_initializer=initial)(hidden))


def _judge_all(evidence: Evidence) -> dict[str, dict[str, Any]]:
    informative_only = len({export.has_posterior for export in evidence.exports}) > 1
    if evidence.options.offered_codes is not None:
        informative_only = evidence.options.offered_codes == "informative"
    options = {
        **evidence.options.options_of(NAME),
        "version": VERSION,
        "informative_only": informative_only,
    }
    subjects = [(export,) for export in evidence.exports]
    found = evidence.compute(NAME, judge, subjects, options)
    results = dict(zip((one.model_id for one in evidence.exports), found, strict=True))
    return {
        name: {model_id: results[model_id] for model_id in pool.model_ids}
        for name, pool in evidence.pools.items()
    }


def above_chance(accuracy: float, num_codes: int) -> float:
    """Return an accuracy as the share of what chance leaves: 0 at chance, 1 where all are right."""
    return (accuracy - 1 / num_codes) / (1 - 1 / num_codes)


def _rank(evidence: Evidence, pool: Pool, results: Mapping[str, Any]) -> Ranking | None:
    if not any(one["accuracies"] for one in results.values()):
        return None  # a single code each, such as CoDeGAN's class: nothing to name
    # A model with a single code in use has nothing to tell apart.
    scores = {
        model_id: above_chance(float(np.mean(one["accuracies"])), one["num_codes"])
        if one["accuracies"]
        else 0.0
        for model_id, one in results.items()
    }
    return Ranking(pool=pool.name, method=NAME, scores=scores, order=best_first(scores))


def _confidence(
    evidence: Evidence, pool: Pool, results: Mapping[str, Any], ranking: Ranking
) -> Mapping[str, float]:
    """Return the share of resamples of the repeats and of their test pairs in which each wins."""
    num_resamples = evidence.options.num_resamples
    if not num_resamples:
        return {}
    rng = np.random.default_rng(generator_seed(pool.exports[0]))
    drawn = np.zeros((num_resamples, len(results)))
    for column, one in enumerate(results.values()):
        if one["accuracies"]:
            repeats = len(one["accuracies"])
            chosen = np.array(one["accuracies"])[
                rng.integers(repeats, size=(num_resamples, repeats))
            ]
            right = rng.binomial(one["num_test"], chosen) / one["num_test"]
            drawn[:, column] = above_chance(right.mean(axis=1), one["num_codes"])
    return dict(zip(results, shares_of_wins(drawn).tolist(), strict=True))


VARIATION_PREDICTABILITY = SelectionMethod(
    name=NAME,
    title="VP",
    reason="of all, its codes change the image each in a way of its own",
    source="Zhu et al. 2020 (arXiv 2007.12885)",
    needs=frozenset({"generators"}),
    options=VariationPredictabilityOptions,
    by_default=False,
    prepare=_judge_all,
    rank=_rank,
    confidence=_confidence,
)
