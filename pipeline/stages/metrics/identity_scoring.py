"""Identities in the codes of one model, or in the images: classifiers fitted in a worker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from metrics.identities.identity_leakage import identity_leakage_resampling
from metrics.identities.image_errors import reconstruction_error, swap_error
from models.codes.joint_code import JointCode
from pipeline.datasets.interface import Dataset, DatasetRecipe
from pipeline.execution import worker
from pipeline.inference.encoding import as_function, encoder_function, in_batches, load_network
from pipeline.runs.directory import ExportDirectory
from pipeline.stages.metrics.metric_results import write_result

Part = tuple[np.ndarray, np.ndarray]
"""Images uint8 `[n, h, w, c]` and the numbers of their identities `[n]`."""


def score_identities(
    recipe: DatasetRecipe,
    cache: Path,
    options: Any,
    folder: ExportDirectory | None,
    codes: JointCode | None,
    result_path: Path,
    *,
    progress: Callable[..., None],
) -> None:
    """Measure what one model's codes, or the images, tell of identities, and keep the result.

    Args:
        recipe: Of the data set, an `IdentitySplit`.
        cache: Folder of the data sets.
        options: The `Metrics` recipe.
        folder: The exported networks; None: the images themselves.
        codes: The model's latent vector.
        result_path: Where the result is kept.
        progress: Told (classifiers, classifiers in all).
    """
    dataset = recipe.open(cache)
    halves = {
        name: part
        for name, part in evaluation_parts(dataset, options.identity_scores).items()
        if len(part[1][1])
    }
    encode, generate, posterior = None, None, None
    if folder is not None:
        encode = encoder_function(load_network(folder.encoder), dataset.max_value)
        generate = in_batches(as_function(load_network(folder.generator)))
        if folder.posterior.exists():
            posterior = encoder_function(load_network(folder.posterior), dataset.max_value)
    scores: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    num_scored = 0
    views: dict[str, tuple[np.ndarray, ...]]
    for number, (name, (fit, test)) in enumerate(halves.items()):
        progress(number, len(halves), identities=name)
        if worker.stop_requested():
            return
        num_scored = num_scored or len(test[1])
        if encode is None or generate is None or codes is None:
            side = options.identity_scores.baseline_side
            views = {"images": (_as_rows(fit[0], side), _as_rows(test[0], side))}
        else:
            fit_codes, test_codes = encode(fit[0]), encode(test[0])
            views = code_views(codes, fit_codes, test_codes)
            if posterior is not None:
                rng = np.random.default_rng([options.identity_scores.seed, number])
                drawn = [draw_codes(rng, posterior(part)) for part in (fit[0], test[0])]
                views |= drawn_views(codes, *drawn)
            if codes.latent_dim == codes.code_dim:
                images = test[0].astype(np.float32) / dataset.max_value
                errors = reconstruction_errors(generate, codes, test_codes, images, test[1])
                scores |= {f"{error}_{name}": value for error, value in errors.items()}
        if not _can_be_told(fit[1], test[1]):
            continue
        for view, (fitted, tested) in views.items():
            found, ranges = _leakage((fitted, fit[1]), (tested, test[1]), options)
            if view == "images":
                scores[f"chance_{name}"] = found["chance"]
            del found["chance"]
            scores |= {f"{view}_{score}_{name}": value for score, value in found.items()}
            intervals |= {f"{view}_{score}_{name}": value for score, value in ranges.items()}
    write_result(result_path, scores, intervals, num_scored)


def evaluation_parts(dataset: Dataset, options: Any) -> dict[str, tuple[Part, Part]]:
    """Return the images that classifiers are fitted on and scored on, seen and unseen.

    An identity has images on both sides wherever it has two.
    """
    seen = (
        dataset.part("train", options.num_fit, options.seed),
        dataset.part("seen", options.num_test, options.seed),
    )
    images, identities = dataset.part("unseen", options.num_fit + options.num_test, options.seed)
    order = np.argsort(identities, kind="stable")
    starts = np.searchsorted(identities[order], identities[order])
    is_test = np.zeros(len(order), bool)
    is_test[order] = (np.arange(len(order)) - starts) % 2 == 1  # every other one of an identity
    fit, test = ((images[half], identities[half]) for half in (~is_test, is_test))
    return {"seen": seen, "unseen": (fit, test)}


def code_views(codes: JointCode, *encoded: np.ndarray) -> dict[str, tuple[np.ndarray, ...]]:
    """Return means of codes by what they are called in the scores: s and z, or all codes."""
    if codes.has_prior:
        return {"codes": encoded}
    specified = codes.parts[0].dim
    return {
        "s": tuple(part[:, :specified] for part in encoded),
        "z_mean": tuple(part[:, specified:] for part in encoded),
    }


def drawn_views(codes: JointCode, *drawn: np.ndarray) -> dict[str, tuple[np.ndarray, ...]]:
    """Return draws of codes by what they are called: z, or all codes; s is no random variable."""
    if codes.has_prior:
        return {"codes_drawn": drawn}
    return {"z": tuple(part[:, codes.parts[0].dim :] for part in drawn)}


def draw_codes(rng: np.random.Generator, posterior: np.ndarray) -> np.ndarray:
    """Return one draw a row of Gaussians with means and log variances `[n, 2 * code_dim]`."""
    mean, log_variance = np.split(posterior.astype(np.float64), 2, axis=1)
    return mean + np.exp(0.5 * log_variance) * rng.standard_normal(mean.shape)


def reconstruction_errors(
    generate: Callable[[np.ndarray], np.ndarray],
    codes: JointCode,
    encoded: np.ndarray,
    images: np.ndarray,
    identities: np.ndarray,
) -> dict[str, float]:
    """Return mean squared errors per value of an image, images in [0, 1].

    `reconstruction_error`: of images made from their own codes. `swap_error`, for models with s
    and z: of images made from their own z and the s of the next image of the same identity.
    """
    made = generate(encoded.astype(np.float32))
    errors = reconstruction_error(made, images)
    if not codes.has_prior:
        order = np.argsort(identities, kind="stable")
        follows = identities[order][1:] == identities[order][:-1]
        if follows.any():
            own, other = order[:-1][follows], order[1:][follows]
            specified = codes.parts[0].dim
            swapped = np.concatenate([encoded[other, :specified], encoded[own, specified:]], 1)
            made = generate(swapped.astype(np.float32))
            errors |= swap_error(made, images[own])
    return errors


def _can_be_told(fit: np.ndarray, test: np.ndarray) -> bool:
    """Say whether there are two identities to tell apart, and images of them to score."""
    return len(np.unique(fit)) > 1 and bool(np.isin(test, fit).any())


def _leakage(fit: Part, test: Part, options: Any) -> tuple[dict, dict]:
    recipe = options.identity_scores
    resampling = identity_leakage_resampling(
        *fit, *test, hidden=recipe.hidden, max_epochs=recipe.max_epochs, seed=recipe.seed
    )
    if not options.num_resamples:
        return resampling.scores(), {}
    intervals = resampling.interval(
        seed=options.seed, num_resamples=options.num_resamples, level=options.level
    )
    return resampling.scores(), intervals


def _as_rows(images: np.ndarray, side: int) -> np.ndarray:
    """Return images as rows of values, float32 `[n, values]`; large ones averaged over squares."""
    n, height, width, channels = images.shape
    block = -(-max(height, width) // side)
    if block > 1:
        height, width = height // block, width // block
        cut = images[:, : height * block, : width * block].astype(np.float32)
        images = cut.reshape(n, height, block, width, block, channels).mean(axis=(2, 4))
    return images.reshape(n, -1).astype(np.float32)
