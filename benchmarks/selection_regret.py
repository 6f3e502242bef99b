"""What each selection method loses: `python -m benchmarks.selection_regret --gin FILE --out RUN`.

Takes a run whose select stage is finished. From each of its pools a third of the models is dropped
at random, 200 times, and every method ranks what is left. Printed as CSV, for each pool and method:

    regret       score of the best model left minus that of the choice, mean and standard deviation
    above random mean gain over the mean of the models left, which a random choice has
    found        share of the draws in which the choice is the best model left

The score is the one that the run's supervised ranking has (FactorVAE, or accuracy of classes): the
supervised choice has regret 0 by definition. Nothing is trained or encoded again.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.execution.pool import TaskPool
from pipeline.experiment import load_experiment
from pipeline.progress import ProgressDisplay
from pipeline.runs.directory import RunDirectory
from pipeline.selection import METHODS
from pipeline.selection.evidence import Evidence
from pipeline.selection.ranking import Pool
from pipeline.stages.select.stage import finished_pools
from pipeline.stages.stage import Context

COLUMNS = ["pool", "models", "selection_method", "regret", "regret_std", "above_random", "found"]


def resampled(pool: Pool, num_draws: int, share: float, seed: int) -> list[Pool]:
    """Return pools of a share of the models, drawn without replacement."""
    rng = np.random.default_rng(seed)
    size = max(2, round(len(pool.exports) * share))
    draws = (np.sort(rng.choice(len(pool.exports), size, replace=False)) for _ in range(num_draws))
    return [
        Pool(f"{pool.name} {number}", tuple(pool.exports[one] for one in chosen))
        for number, chosen in enumerate(draws)
    ]


def regrets(
    context: Context, pools: dict[str, Pool], num_draws: int, share: float, seed: int
) -> pd.DataFrame:
    """Return one row for each pool and selection method."""
    display = ProgressDisplay("regret")
    draws = {name: resampled(pool, num_draws, share, seed) for name, pool in pools.items()}
    every = {one.name: one for parts in draws.values() for one in parts}
    # Of all pools at once, as the stage does: what a method asks may depend on who else is there.
    evidence = Evidence(context, every, display)
    if evidence.supervised is None:
        sys.exit("The run has no scores with known factors: there is no regret.")
    rows = []
    for method in (METHODS[name] for name in METHODS if name in evidence.options.methods):
        prepared = method.prepare(evidence) if method.prepare else {}
        for name, parts in draws.items():
            chosen = {}
            for one in parts:
                ranking = method.rank(evidence, one, prepared.get(one.name))
                if ranking is not None:
                    evidence.rankings[one.name, method.name] = ranking
                    chosen[one.name] = ranking.order[0]
            if chosen:
                size = len(parts[0].exports)
                rows.append((name, size, method.name, *_losses(evidence, every, chosen)))
    display.close()
    return pd.DataFrame(rows, columns=COLUMNS)


def _losses(
    evidence: Evidence, pools: dict[str, Pool], chosen: dict[str, str]
) -> tuple[float, ...]:
    """Return mean and spread of the regret, the gain over the mean, how often it is the best."""
    known = evidence.supervised.scores
    left = {name: known[pools[name].model_ids] for name in chosen}
    regret = np.array([left[name].max() - known[chosen[name]] for name in chosen])
    gain = np.array([known[chosen[name]] - left[name].mean() for name in chosen])
    return regret.mean(), regret.std(), gain.mean(), np.mean(regret == 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gin", action="append", required=True, help="as the run was made")
    parser.add_argument("--set", action="append", default=[], help="as the run was made")
    parser.add_argument("--out", type=Path, required=True, help="the run directory")
    parser.add_argument("--cache", type=Path, required=True, help="the folder of data sets")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--share", type=float, default=2 / 3, help="of the models that stay")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    described = load_experiment(options.gin, options.set)
    run = Context(described, RunDirectory(options.out), options.cache, TaskPool(1, 1))
    table = regrets(run, finished_pools(run), options.draws, options.share, options.seed)
    print(table.round(4).to_csv(index=False), end="")
