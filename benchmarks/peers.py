"""Our iteration against plain PyTorch: `pip install -e '.[peers]'`, `python -m benchmarks.peers`.

The published InfoGAN-CR networks on dSprites in both phases, and the beta-VAE of the baselines, by
the same algorithm: ours inside the loop that users run, PyTorch eager and with `torch.compile`
(where there is a C++ compiler). In turns, each in a process of its own, with equal threads and a
worker's environment. Medians are of processor time (user and system), which other programs on the
machine hardly change, and of wall time. With `--set "training.precision = 'mixed_bfloat16'"`
PyTorch computes in bfloat16 as well, by its autocast.
"""

import argparse
import os
import shutil
import time
from pathlib import Path

import numpy as np

from benchmarks.iteration_cost import experiment, in_worker, parser, prepare, run_in_worker
from benchmarks.surroundings import describe_processor

WORK = {"vae": ("vae", "infogan"), "infogan": ("dsprites", "infogan"), "cr": ("dsprites", "cr")}


def measure_torch(
    arguments: argparse.Namespace, cache: Path, is_compiled: bool, *, progress
) -> dict[str, float]:
    """Train with PyTorch in this worker process; return the figures of an iteration."""
    import torch

    from benchmarks.peer_torch import TorchInfoGANCR, TorchVAE
    from pipeline.stages.train.batches import batch_order

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    described = experiment(arguments)
    dataset = described.dataset.open(cache)
    setting = described.settings[0]
    if arguments.experiment == "vae":
        trained = TorchVAE(setting.method, dataset.image_shape, is_compiled)
    else:
        is_regularised = arguments.phase == "cr"
        trained = TorchInfoGANCR(setting.method, dataset.image_shape, is_regularised, is_compiled)
    order = batch_order(setting.method, dataset, setting.training.batch_size, 0)
    is_mixed = setting.training.precision == "mixed_bfloat16"
    for iteration in range(arguments.warm_up + arguments.iterations):
        if iteration == arguments.warm_up:
            before = time.perf_counter(), os.times()
        images = torch.from_numpy(order.batch(dataset, order.indices(iteration)))
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            loss = trained.train_step(images.permute(0, 3, 1, 2).float() / dataset.max_value)
    if not np.isfinite(loss):
        raise RuntimeError(f"PyTorch's loss is not finite: {loss}")
    after = os.times()
    return {
        "wall_ms": 1e3 * (time.perf_counter() - before[0]) / arguments.iterations,
        "user_ms": 1e3 * (after.user - before[1].user) / arguments.iterations,
        "system_ms": 1e3 * (after.system - before[1].system) / arguments.iterations,
    }


def main() -> None:
    """Measure in turns and print."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--only", choices=WORK, nargs="+", default=list(WORK))
    options.set_defaults(iterations=30, warm_up=6)
    arguments = options.parse_args()
    contestants = ["ours", "eager"]
    if shutil.which("c++") or shutil.which("g++"):
        contestants.append("compiled")
    print(describe_processor())
    for name in arguments.only:
        arguments.experiment, arguments.phase = WORK[name]
        cache = prepare(arguments)
        found = {one: [] for one in contestants}
        for _ in range(arguments.turns):
            for one in contestants:
                if one == "ours":
                    found[one].append(in_worker(arguments, cache))
                else:
                    task = (arguments, cache, one == "compiled")
                    found[one].append(run_in_worker(measure_torch, task, arguments.threads))
        processor = {
            one: np.median([turn["user_ms"] + turn["system_ms"] for turn in turns])
            for one, turns in found.items()
        }
        for one, turns in found.items():
            wall = np.median([turn["wall_ms"] for turn in turns])
            print(
                f"{name}, {one}: {processor[one]:.0f} ms of processor time an iteration, "
                f"{wall:.0f} ms by the clock; {processor[one] / processor['ours']:.2f} times ours",
                flush=True,
            )


if __name__ == "__main__":
    main()
