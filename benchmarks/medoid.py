"""How often the search for the medoid finds it: `python -m benchmarks.medoid [--scores CSV ...]`.

Score matrices of pools of several sizes, simulated in four ways, and of real runs where their
cross_scores.csv are given (whole ones). Each is searched from several random orders of the
references. Printed, for each size and kind of pool:

    found      share of searches whose choice is the medoid of the whole matrix
    cells      share of the cells that were computed, mean and largest
    regret     centrality of the true medoid minus that of the choice, mean and largest
    sure       mean confidence that the search reports

and, for each size, what was found where the two most central models are far apart, close, and all
but equal. Real matrices are also searched in parts of each size, drawn at random. The select stage
searches no pool below 30 models (`search_medoid` itself does, so that the reason can be seen).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.linalg

from metrics import group_votes, model_centrality, score_votes, search_medoid

SIZES = (12, 24, 30, 50, 80)
GAPS = ((0.01, np.inf), (0.002, 0.01), (0.0, 0.002))  # between the two most central models


def one_quality(rng: np.random.Generator, num_models: int, num_groups: int = 500) -> np.ndarray:
    """Return scores of models that agree the better, the better both are."""
    quality = rng.beta(4, 2, size=num_models)
    table = 0.25 + 0.75 * np.outer(quality, quality) + 0.04 * rng.normal(size=(num_models,) * 2)
    return np.round(np.clip(table, 0, 1) * num_groups) / num_groups


def four_camps(rng: np.random.Generator, num_models: int, num_groups: int = 500) -> np.ndarray:
    """Return scores of models in four camps, which agree inside and hardly with each other."""
    camp, quality = rng.integers(4, size=num_models), rng.uniform(0.5, 1, size=num_models)
    agree = np.where(camp[:, np.newaxis] == camp, 0.65, 0.35)
    table = 0.3 + agree * np.outer(quality, quality) + 0.04 * rng.normal(size=(num_models,) * 2)
    return np.round(np.clip(table, 0, 1) * num_groups) / num_groups


def rotated_factors(
    rng: np.random.Generator,
    num_models: int,
    largest_angle: float = 0.6,
    num_groups: int = 150,
) -> np.ndarray:
    """Return scores of linear models from votes on groups, as the select stage takes them.

    Each model's codes are a rotation of five factors by an angle of its own, permuted; images are
    the factors and some noise.
    """
    group_size, num_codes, noise = 20, 5, 0.2
    rotations = []
    for angle in rng.uniform(0, largest_angle, size=num_models):
        matrix = rng.normal(size=(num_codes, num_codes))
        rotation = scipy.linalg.expm(angle * (matrix - matrix.T) / 2)
        rotations.append(rotation[:, rng.permutation(num_codes)])
    fixed = np.arange(num_groups) % num_codes
    every = np.ones(num_codes, bool)
    table = np.empty((num_models, num_models))
    for column, rotation in enumerate(rotations):
        codes = rng.uniform(-1, 1, size=(num_groups, group_size, num_codes))
        codes[np.arange(num_groups), :, fixed] = codes[np.arange(num_groups), :1, fixed]
        groups = codes @ rotation.T + noise * rng.normal(size=codes.shape)
        points = rng.uniform(-1, 1, size=(2000, num_codes)) @ rotation.T
        points += noise * rng.normal(size=points.shape)
        for row, encoder in enumerate(rotations):
            votes = group_votes(groups @ encoder, (points @ encoder).std(axis=0), every)
            table[row, column] = score_votes(votes, fixed, num_codes)["factor_vae"]
    return table


def near_ties(rng: np.random.Generator, num_models: int) -> np.ndarray:
    """Return scores of linear models of which most are nearly perfect."""
    return rotated_factors(rng, num_models, largest_angle=0.35)


SIMULATED: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], int]] = {
    "one quality": (one_quality, 30),
    "four camps": (four_camps, 30),
    "rotated factors": (rotated_factors, 8),
    "near ties": (near_ties, 8),
}


def read_scores(path: Path) -> np.ndarray:
    """Return the matrix [encoders, generators] of a cross_scores.csv."""
    table = pd.read_csv(path)
    wide = table.pivot(index="encoder_id", columns="generator_id", values="score")
    return wide.loc[wide.columns].to_numpy()


def search(table: np.ndarray, num_orders: int, share: float) -> pd.DataFrame:
    """Return a row a search from a random order of the references."""
    centrality = np.round(model_centrality(table), 12)
    first, second = np.sort(centrality)[::-1][:2]
    rows = []
    for seed in range(num_orders):
        order = np.random.default_rng(seed).permutation(len(table))
        found = search_medoid(table, order, max_share=share)
        regret = first - centrality[found.ranking[0]]
        rows.append(
            {
                "found": regret == 0,
                "cells": found.needed.mean(),
                "regret": regret,
                "sure": found.confidence.max(),
                "gap": first - second,
            }
        )
    return pd.DataFrame(rows)


def describe(name: str, rows: pd.DataFrame) -> None:
    """Print a line."""
    print(
        f"{name:28} {len(rows):5} searches: found {rows.found.mean():.3f}, "
        f"cells {rows.cells.mean():.3f} (most {rows.cells.max():.3f}), "
        f"regret {rows.regret.mean():.5f} (most {rows.regret.max():.5f}), "
        f"sure {rows.sure.mean():.2f}",
        flush=True,
    )


def parts(table: np.ndarray, size: int, num_parts: int) -> list[np.ndarray]:
    """Return the scores of so many models of a matrix, drawn at random, several times."""
    rng = np.random.default_rng(size)
    chosen = [np.sort(rng.choice(len(table), size, replace=False)) for _ in range(num_parts)]
    return [table[np.ix_(one, one)] for one in chosen]


def benchmark_size(size: int, real: dict[str, np.ndarray], num_orders: int, share: float) -> None:
    """Print the figures of pools of one size."""
    collected = []
    for name, (simulate, num_pools) in SIMULATED.items():
        tables = [simulate(np.random.default_rng([7, pool]), size) for pool in range(num_pools)]
        rows = pd.concat([search(table, num_orders, share) for table in tables])
        describe(f"{size} models, {name}", rows)
        collected.append(rows)
    for name, table in real.items():
        if size < len(table):
            rows = pd.concat(
                [search(part, num_orders, share) for part in parts(table, size, num_parts=10)]
            )
            describe(f"{size} of {name}", rows)
    rows = pd.concat(collected)
    for low, high in GAPS:
        part = rows[(rows.gap >= low) & (rows.gap < high)]
        if len(part):
            describe(f"{size} models, gap {low} to {high}", part)
    for low in (0.0, 0.5, 0.9):
        part = rows[rows.sure >= low]
        print(f"{size} models, sure at least {low}: {len(part)}, found {part.found.mean():.3f}")


def benchmark(paths: list[Path], sizes: list[int], num_orders: int, share: float) -> None:
    """Print every figure."""
    real = {path.parent.name: read_scores(path) for path in paths}
    for name, table in real.items():
        describe(f"{name}, all {len(table)}", search(table, num_orders, share))
    for size in sizes:
        benchmark_size(size, real, num_orders, share)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scores", type=Path, nargs="*", default=[], help="cross_scores.csv")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="models a pool")
    parser.add_argument("--orders", type=int, default=10, help="random orders a matrix")
    parser.add_argument("--share", type=float, default=0.4, help="largest share of the cells")
    options = parser.parse_args()
    benchmark(options.scores, options.sizes, options.orders, options.share)
