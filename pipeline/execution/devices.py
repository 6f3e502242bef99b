"""The devices of this machine: how many processes share them, and which GPUs each process gets.

Nothing here asks TensorFlow: the parent process never imports it, and a process has to know its
GPUs before it does. Replicas are another matter, see `strategy`.
"""

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import StageError
from pipeline.execution.cluster import read_cluster

NVIDIA_DEVICES = Path("/proc/driver/nvidia/gpus")  # the driver keeps one folder a GPU there


def visible_gpus() -> tuple[str, ...]:
    """Return the GPUs that this process may use, by the names CUDA_VISIBLE_DEVICES knows."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        names = [name.strip() for name in chosen.split(",")]
        # CUDA itself reads the list up to the first entry that is no GPU, such as -1.
        usable = names[: names.index("-1")] if "-1" in names else names
        return tuple(name for name in usable if name)
    if not NVIDIA_DEVICES.exists():
        return ()
    return tuple(str(number) for number, _ in enumerate(NVIDIA_DEVICES.iterdir()))


def default_workers(threads: int, replicas: int = 1) -> int:
    """Return how many processes this machine runs well at once.

    Args:
        threads: Of each process; 0: as many as there are cores.
        replicas: GPUs that a model in training uses, where there are GPUs.
    """
    gpus = visible_gpus()
    if gpus:
        return max(1, len(gpus) // replicas)
    return max(1, len(os.sched_getaffinity(0)) // threads) if threads else 1


def share_gpus(gpus: Sequence[str], num_workers: int, replicas: int) -> tuple[tuple[str, ...], ...]:
    """Return the GPUs of each worker process: groups of `replicas`, one group a worker.

    Workers beyond the number of groups take turns on the same groups. A machine with fewer GPUs
    than `replicas` is one group; without GPUs every group is empty.

    Args:
        gpus: Names of the GPUs.
        num_workers: Worker processes.
        replicas: GPUs that a model in training uses.
    """
    num_groups = max(1, len(gpus) // replicas)
    groups = [tuple(gpus[start * replicas : (start + 1) * replicas]) for start in range(num_groups)]
    return tuple(groups[worker % num_groups] for worker in range(num_workers))


def check_replicas(replicas: int, num_gpus: int) -> None:
    """Raise unless each replica can have a GPU of its own, or there is none at all.

    Raises:
        StageError: If there are GPUs, but too few.
    """
    if 0 < num_gpus < replicas:
        raise StageError(
            "Too few GPUs for the replicas of a model. Expected one GPU a replica, or none at all "
            f"(virtual CPU devices then serve). Received: training.replicas={replicas}, {num_gpus} "
            "GPUs visible. Set training.replicas lower, or hide the GPUs with "
            'CUDA_VISIBLE_DEVICES=""'
        )


@functools.cache
def strategy(replicas: int) -> Any:
    """Return the tf.distribute strategy that trains a model, once TensorFlow is set up.

    One a process: TensorFlow numbers the exchanges between replicas anew for each strategy, but
    remembers what each number stood for, so a second strategy's would be taken for the first's.

    Args:
        replicas: 1: the one device there is, without any strategy. More: mirrored over so many
            GPUs or, where there is none, over so many virtual CPU devices; if TF_CONFIG names
            several machines, over the GPUs of all of them or one CPU each.

    Raises:
        StageError: If the machines have another number of devices.
    """
    import tensorflow as tf

    machines = read_cluster().num_machines
    if machines > 1:
        together = tf.distribute.MultiWorkerMirroredStrategy()
        if together.num_replicas_in_sync != replicas:
            raise StageError(
                f"The {machines} machines of TF_CONFIG have {together.num_replicas_in_sync} "
                "devices together (their GPUs, or a CPU each). Expected one a replica. "
                f"Received: training.replicas={replicas}"
            )
        return together
    if replicas == 1:
        return tf.distribute.get_strategy()
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return tf.distribute.MirroredStrategy([f"{kind}:{number}" for number in range(replicas)])
