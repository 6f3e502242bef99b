"""Speed and memory of the metrics: `python -m benchmarks.metrics_speed [--full]`.

Prints ratios of times taken in one process on the same arrays, which say the same on every machine.
Codes and factors imitate dSprites: factors of 3, 6, 40, 32 and 32 values, ten codes that mix them.
"""

import argparse
import time
import tracemalloc

import numpy as np
from sklearn.metrics import mutual_info_score

from metrics import dci, dhsic, factor_vae, mig, modularity

FACTOR_SIZES = (3, 6, 40, 32, 32)
CODE_DIM = 10
NUM_POINTS = 10_000
# Boosting takes about 11 minutes on one core with all points; the ratio shows with fewer already.
REDUCED_POINTS = 500


def dsprites_like(num_points, code_dim=CODE_DIM, seed=0):
    """Return `(codes, factors)`: float64 `[num_points, code_dim]`, int64 `[num_points, 5]`."""
    mixing = np.random.default_rng(0).normal(size=(len(FACTOR_SIZES), code_dim))
    generator = np.random.default_rng(seed)
    factors = np.column_stack([generator.integers(size, size=num_points) for size in FACTOR_SIZES])
    codes = (factors / np.array(FACTOR_SIZES)) @ mixing
    return codes + 0.1 * generator.normal(size=codes.shape), factors


def seconds(function, *arguments, repetitions=1, **options):
    """Return the shortest time of several calls."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function(*arguments, **options)
        times.append(time.perf_counter() - start)
    return min(times)


def information_by_library_calls(codes, factors, num_bins=20):
    """Return the mutual information `[code_dim, num_factors]` by one library call a pair."""
    bins = np.column_stack(
        [np.digitize(code, np.histogram(code, num_bins)[1][:-1]) for code in codes.T]
    )
    return np.array([[mutual_info_score(factor, code) for factor in factors.T] for code in bins.T])


def time_mutual_information():
    """Return the times of mig, modularity and the loop of library calls they replace."""
    codes, factors = dsprites_like(NUM_POINTS)
    return (
        seconds(mig, codes, factors, repetitions=5),
        seconds(modularity, codes, factors, repetitions=5),
        seconds(information_by_library_calls, codes, factors, repetitions=5),
    )


def measure_dhsic(num_points=5000, code_dim=5):
    """Return the time of dhsic and the peak of the memory it holds, in bytes."""
    codes, _ = dsprites_like(num_points, code_dim)
    elapsed = seconds(dhsic, codes)
    tracemalloc.start()
    dhsic(codes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return elapsed, peak


def time_dci_gbt(num_points=REDUCED_POINTS):
    """Return the times of dci with boosted trees in one process and in two."""
    codes, factors = dsprites_like(num_points)
    codes_test, factors_test = dsprites_like(num_points // 2, seed=1)
    arrays = (codes, factors, codes_test, factors_test)
    # Two tiny factors start both workers, so that their imports are not timed.
    dci(codes, factors[:, :2], codes_test, factors_test[:, :2], n_jobs=2)
    return seconds(dci, *arrays, n_jobs=1), seconds(dci, *arrays, n_jobs=2)


def time_factor_vae_from_codes(num_groups=15_000, group_size=64, num_cached=73_728):
    """Return the time of factor_vae on groups looked up in cached codes.

    Args:
        num_groups: number of groups.
        group_size: number of points of a group.
        num_cached: number of cached codes; all of them give the spread.
    """
    codes, _ = dsprites_like(num_cached)
    codes = codes.astype(np.float32)  # what an encoder writes
    generator = np.random.default_rng(2)
    rows = generator.integers(num_cached, size=(num_groups, group_size))
    fixed_factor = generator.integers(len(FACTOR_SIZES), size=num_groups)
    return seconds(lambda: factor_vae(codes[rows], fixed_factor, codes), repetitions=3)


def main():
    """Measure everything and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="boosted trees on all 10,000 points")
    num_points = NUM_POINTS if parser.parse_args().full else REDUCED_POINTS

    gap, modular, loop = time_mutual_information()
    print(
        f"mutual information, {NUM_POINTS} points, {CODE_DIM} codes: library calls {loop:.3f} s, "
        f"mig {gap:.3f} s ({loop / gap:.1f} times faster), "
        f"modularity {modular:.3f} s ({loop / modular:.1f} times faster)"
    )
    elapsed, peak = measure_dhsic()
    print(f"dhsic, 5000 points, 5 codes: {elapsed:.2f} s, peak {peak / 2**20:.0f} MiB")
    elapsed = time_factor_vae_from_codes()
    print(f"factor_vae, 15000 groups of 64 cached codes: {elapsed:.2f} s")
    one, two = time_dci_gbt(num_points)
    print(
        f"dci gbt, {num_points} points: one process {one:.1f} s, two {two:.1f} s, "
        f"ratio {one / two:.2f}"
    )


if __name__ == "__main__":
    main()
