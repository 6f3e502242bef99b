"""Anybody's exported models, taken into a folder of their own as the select stage reads them.

A model is a folder with `generator.keras` or `generator.onnx`, `encoder.keras` or `encoder.onnx`,
and `config.json`, which says what codes the generator takes: see docs/selection.md.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.codes.joint_code import JointCode
from pipeline.errors import ConfigurationError
from pipeline.execution import tensorflow_setup
from pipeline.inference.code_draws import drawable_codes
from pipeline.inference.encoding import as_function, in_batches, load_network
from pipeline.inference.saved_model import SavedModel, open_model
from pipeline.model_spec import Export
from pipeline.pictures import to_uint8
from pipeline.recipes import describe, fingerprint
from pipeline.runs.directory import ExportDirectory, ModelDirectory, RunDirectory
from pipeline.runs.files import atomic_path, file_digest, json_text, write_text
from pipeline.runs.manifests import read_manifest, why_stale, write_manifest
from pipeline.runs.tables import MODEL_COLUMNS, read_table

BEYOND = 1e-3  # how far from [0, 1] pixels may be, by rounding
GIVEN = "given"  # the method and setting of models that say none


def open_models(folders: Sequence[Path]) -> dict[str, SavedModel]:
    """Return the models of some folders by id; of run directories, their finished models.

    Of a folder of models' folders all of these.

    Ids are the folders' names, with those of the folders above as far as they are needed.

    Raises:
        ConfigurationError: A folder holds no model, or comes twice.
    """
    found: list[Path] = []
    for folder in folders:
        table = RunDirectory(folder).models_csv
        if table.exists():
            rows = read_table(table, MODEL_COLUMNS)
            rows = rows[(rows["status"] == "done") & (rows["export"] == "final")]
            found += [(folder / name).resolve() for name in rows["directory"]]
        elif (
            not (inside := sorted(folder.glob("*/config.json")))
            or (folder / "config.json").exists()
        ):
            found.append(folder.resolve())
        else:
            found += [one.parent.resolve() for one in inside]
    doubled = sorted({str(path) for path in found if found.count(path) > 1})
    if doubled:
        raise ConfigurationError(
            f"A model is named twice. Expected each folder once. Received: {', '.join(doubled)}"
        )
    parts = 1
    while len({path.parts[-parts:] for path in found}) < len(found):
        parts += 1
    return {"-".join(path.parts[-parts:]): open_model(path) for path in found}


def take_in(model_id: str, model: SavedModel, run: RunDirectory) -> Export:
    """Copy a model into a run directory, unless it is there, and return what selection reads.

    A model of this project keeps its fingerprint, and so the seeds of its samples; another's is
    the content of its networks.
    """
    source, directory = model.folder, run.model(model_id)
    manifest = read_manifest(source.manifest)
    name = "final" if ModelDirectory(source.root).config.exists() else source.root.name
    if manifest is not None and why_stale(source.manifest, manifest["fingerprint"]) is None:
        content = fingerprint(manifest["fingerprint"], name)
    else:
        networks = [file_digest(path) for path in (source.generator, source.encoder)]
        content = fingerprint(networks, describe(model.codes))
    target = directory.export("final")
    if why_stale(directory.manifest, content, target.generator) is not None:
        shutil.rmtree(directory.root, ignore_errors=True)
        write_text(directory.config, json_text(model.config))
        copies = [directory.config]
        for path in source.files:
            if path.exists():
                copies.append(target.root / path.name)
                with atomic_path(copies[-1]) as temporary:
                    shutil.copyfile(path, temporary)
        write_manifest(directory.manifest, content, copies)
    method = model.config.get("method")
    described = method if isinstance(method, dict) else {}
    posteriors = [one for one in ("posterior", "full_posterior") if getattr(target, one).exists()]
    return Export(
        model_id=model_id,
        parent_id=model_id,
        name="final",
        setting=str(model.config.get("setting", GIVEN)),
        method=str(described.get("name", GIVEN)),
        seed=int(model.config.get("seed", 0)),
        iteration=0,
        fingerprint=content,
        codes=model.codes,
        has_posterior=target.code_kl.exists(),
        posterior_network=posteriors[0] if posteriors else None,
    )


def try_out(
    folder: ExportDirectory, codes: JointCode, num_samples: int, *, progress: Callable[..., None]
) -> dict[str, Any]:
    """Draw samples and encode them; in a worker.

    Returns:
        "samples", uint8 [num_samples, h, w, c]; "problem", what does not fit together, or "".
    """
    tensorflow_setup.configure()
    generator, encoder = load_network(folder.generator), load_network(folder.encoder)
    takes = tuple(generator.input_shape)
    if takes != (None, codes.latent_dim):
        return _problem(
            f"{folder.generator.name} does not take the codes of config.json. Expected an input "
            f"[n, {codes.latent_dim}]. Received: {_shape(takes)}"
        )
    latents = drawable_codes(codes, folder).draw(np.random.default_rng(0), num_samples)
    images = in_batches(as_function(generator))(latents.astype(np.float32))
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        return _problem(
            f"{folder.generator.name} gives no images. Expected an output [n, height, width, 1 or "
            f"3]. Received: {_shape((None, *images.shape[1:]))}"
        )
    low, high = float(images.min()), float(images.max())
    if not (low >= -BEYOND and high <= 1 + BEYOND):  # written so that not-a-number fails
        return _problem(
            f"{folder.generator.name} gives pixels out of range. Expected values from 0 to 1. "
            f"Received: {low:.4g} to {high:.4g}"
        )
    if tuple(encoder.input_shape[1:]) != images.shape[1:]:
        return _problem(
            f"{folder.encoder.name} does not take what the generator makes. Expected an input "
            f"{_shape((None, *images.shape[1:]))}. Received: {_shape(encoder.input_shape)}"
        )
    encoded = in_batches(as_function(encoder))(images)
    if encoded.shape[1:] != (codes.code_dim,) or not np.isfinite(encoded).all():
        return _problem(
            f"{folder.encoder.name} does not give the codes of config.json. Expected an output "
            f"[n, {codes.code_dim}] of finite numbers, the informative codes alone. Received: "
            f"{_shape((None, *encoded.shape[1:]))}"
            + ("" if np.isfinite(encoded).all() else ", with numbers that are not finite")
        )
    return {"samples": to_uint8(images), "problem": ""}


def _problem(text: str) -> dict[str, Any]:
    return {"samples": None, "problem": text}


def _shape(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('n' if size is None else str(size) for size in shape)}]"


def write_samples(run: RunDirectory, samples: Sequence[np.ndarray]) -> Path:
    """Write images of all generators, for encoders to compare their codes on; return the file."""
    path = run.root / "samples.npz"
    images = np.concatenate(samples)
    try:
        with np.load(path, allow_pickle=False) as content:
            if np.array_equal(content["images"], images):
                return path  # written again, it would count as another data set's file
    except (OSError, ValueError, KeyError):
        pass
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, images=images)
    return path


def relative_directory(run: RunDirectory, model_id: str) -> str:
    """Return the folder of a model as models.csv names it."""
    return os.path.relpath(run.model(model_id).export("final").root, run.root)
